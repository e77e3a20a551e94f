"""The search for N* on real networks: its trainings, its messages, and refused input."""

import dataclasses
import math
import re

import numpy as np
import pytest

from helpers.same_bits import assert_same_bits
from helpers.small_trainings import CROSS_ENTROPY, killed_after, trained
from helpers.small_trainings import LINE_POINT as POINT
from jamming import datasets
from jamming.spec import Protocol
from jamming.storage import store
from jamming.training import loop, width_search, widths
from jamming.training.progress import DivergenceError
from jamming.training.widths import NEVER, LineError, n_star_at

HINGE = POINT.protocol


def a_point(**changes):
    return dataclasses.replace(POINT, **changes)


def find(point, folder, dataset=None, **options):
    return trained(point, dataset, folder, **options)


TINY = [
    a_point(depth=1),
    POINT,
    a_point(dim=0, line="d_equals_h"),
    a_point(depth=1, dim=10, protocol=CROSS_ENTROPY, first_ratio=3.0, max_ratio=9.0),
    a_point(protocol=CROSS_ENTROPY, first_ratio=3.0, max_ratio=9.0),
]


@pytest.mark.parametrize("point", TINY, ids=lambda point: f"{point.protocol.name}-L{point.depth}-d{point.dim}")
def test_a_tiny_search_finds_the_transition(point, tmp_path):
    replica = find(point, tmp_path)["replica_00"]
    attempts, steps = replica["attempts"], point.protocol.steps
    assert replica["status"] == "found"
    assert replica["n_below"] < replica["n_star"] < 4 * point.n_train
    assert set(attempts) == {"width", "n_weights", "n_delta", "loss", "misclassified", "steps", "fitted_at", "fitted"}
    assert all(len(column) == len(attempts["width"]) for column in attempts.values())
    assert len(replica["timing"]["seconds"]) == len(attempts["width"]) and (replica["timing"]["seconds"] > 0).all()
    assert attempts["n_weights"].tolist() == [point.network(width).n_weights for width in attempts["width"].tolist()]
    fits, fails = attempts["fitted"], ~attempts["fitted"]
    assert replica["n_star"] == attempts["n_weights"][fits].min()
    assert replica["n_below"] == attempts["n_weights"][fails].max()
    assert (attempts["steps"][fails] == steps).all() and (attempts["fitted_at"][fails] == NEVER).all()
    assert (attempts["fitted_at"][fits] == attempts["steps"][fits]).all()
    if point.protocol.name == "cross_entropy_sgd":
        np.testing.assert_array_equal(fits, attempts["misclassified"] == 0)
        assert (attempts["steps"][fits] % 10 == 0).all() and (attempts["steps"][fits] < steps).all()
    else:
        np.testing.assert_array_equal(fits, attempts["loss"] <= 1e-6)
        np.testing.assert_array_equal(attempts["loss"] == 0, attempts["n_delta"] == 0)
    # A result goes into a file as it is.
    store.write(tmp_path / "line.h5", "line", {}, {"replica_00": replica}, {})
    stored = store.read(tmp_path / "line.h5", "line").tree["replica_00"]
    said = (stored["status"], stored["n_star"], stored["n_below"])
    assert n_star_at(widths.from_columns(stored["attempts"])) == said


def test_networks_too_small_for_their_patterns_are_a_bound(tmp_path):
    replica = find(a_point(first_ratio=0.2, max_ratio=0.7), tmp_path)["replica_00"]
    assert replica["status"] == "never_fitted" and replica["n_star"] == math.inf
    assert replica["attempts"]["n_weights"].tolist() == [16, 27]  # h = 4 has N = 40 > 28
    assert replica["n_below"] == 27


def test_cross_entropy_reads_short_times_off_the_same_training(tmp_path):
    short = a_point(protocol=CROSS_ENTROPY, first_ratio=3.0, max_ratio=12.0, shortest_time=60)
    plain = find(dataclasses.replace(short, shortest_time=0), tmp_path)["replica_00"]
    replica = find(short, tmp_path)["replica_00"]
    more, attempts = widths.from_columns(replica["attempts"]), widths.from_columns(plain["attempts"])
    assert more[: len(attempts)] == attempts and len(more) > len(attempts)
    assert (replica["status"], replica["n_star"]) == ("found", plain["n_star"])
    at_times = [n_star_at(more, time)[1] for time in (60, 200, 1000)]
    assert at_times == sorted(at_times, reverse=True) and at_times[0] > at_times[-1] == plain["n_star"]


def test_replicas_do_not_depend_on_how_many_there_are(tmp_path):
    one, two = find(POINT, tmp_path), find(a_point(replicas=2), tmp_path)
    assert_same_bits(one["replica_00"], two["replica_00"])
    assert not np.array_equal(two["replica_00"]["attempts"]["loss"], two["replica_01"]["attempts"]["loss"])


@pytest.mark.parametrize("protocol", [HINGE, CROSS_ENTROPY], ids=lambda protocol: protocol.name)
def test_an_attempt_is_the_training_it_says(protocol, tmp_path):
    """The same training by hand, from the seeds, for the width that failed."""
    point = a_point(protocol=dataclasses.replace(protocol, steps=200), first_ratio=0.5, max_ratio=0.5)
    attempts = find(point, tmp_path)["replica_00"]["attempts"]
    width = int(attempts["width"][-1])
    inputs, labels = datasets.pool("random").generate(5, 40, point.seed_for("data", 0))
    assert not attempts["fitted"][-1]
    if protocol.name == "cross_entropy_sgd":
        initial = width_search.batch_norm.initial_params(point.network(width), point.seed_for("initial", 0, width))
        seed = point.seed_for("batches", 0, width)
        kernel = width_search.kernels.choose("cpu").cross_entropy(point.network(width), initial, inputs, labels, seed)
        for step in range(200):
            kernel.train_step(0.2 if step < 100 else 0.02)
        aligned = labels * kernel.evaluate_all()
        loss, unsatisfied = np.mean(np.log1p(np.exp(-aligned))), np.sum(aligned < 0)
    else:
        initial = width_search.network.initial_params(point.network(width), point.seed_for("initial", 0, width))
        kernel = width_search.kernels.choose("cpu").hinge_adam(point.network(width), initial, inputs, labels, 0.5)
        for step in range(200):
            kernel.compute_gradient()
            kernel.update(1e-6 + (3e-2 - 1e-6) * (1 - step / 200))
        unsatisfied = kernel.compute_gradient()
        aligned, delta = labels * kernel.outputs, kernel.delta
        loss = np.sum(delta[delta > 0] ** 2) / 80
    assert attempts["n_delta"][-1] == unsatisfied
    assert attempts["misclassified"][-1] == np.sum(aligned < 0) > 0
    assert attempts["loss"][-1] == pytest.approx(loss, rel=1e-12)
    assert attempts["steps"][-1] == 200


def test_a_width_has_patterns_of_its_own_only_if_d_is_h():
    fixed, moving = POINT, a_point(dim=0)
    inputs = {width: width_search._patterns(fixed, 0, width, None)[0] for width in (5, 6)}
    np.testing.assert_array_equal(inputs[5], inputs[6])
    assert inputs[5].shape == (40, 5)
    assert not np.array_equal(width_search._patterns(fixed, 1, 5, None)[0], inputs[5])
    assert width_search._patterns(moving, 0, 6, None)[0].shape == (40, 6)
    seeds = {moving.seed_for("data", 0, width) for width in (5, 6)}
    assert len(seeds) == 2


# Resuming; test_resumption.py has the tests of the bits


def test_resuming_trains_no_finished_width_again(tmp_path, monkeypatch):
    begun = []
    original = width_search.kernels.HingeAdam.__init__

    def counting(self, network, *arguments):
        begun.append(network.width)
        original(self, network, *arguments)

    monkeypatch.setattr(width_search.kernels.HingeAdam, "__init__", counting)
    find(POINT, tmp_path)
    whole = list(begun)
    begun.clear()
    killed_after(500, POINT, None, tmp_path / "killed")
    before = list(begun)
    assert len(before) > 1
    find(POINT, tmp_path / "killed")
    # Only the optimizer of the width in which it died is made twice.
    assert begun == [*before, *whole[len(before) - 1 :]]


# What is said and refused


def test_progress_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_EVERY_SECONDS", 0)
    said = []
    point = a_point(protocol=dataclasses.replace(CROSS_ENTROPY, steps=100), first_ratio=3.0, max_ratio=3.0)
    find(point, tmp_path, report=said.append)
    assert any(line.startswith("relu_L2 P=40 replica 1/1: h=") and ": step 10/100, N_Δ=" in line for line in said)
    assert re.search("h=[0-9]+ (fits|fails) after [0-9]+ steps, N=", said[-1])


def mnist_like(dim=5, n_patterns=200):
    inputs, labels = datasets.pool("random").generate(dim, n_patterns, 0)
    return store.Result("dataset", {"dataset": "mnist", "dim": dim}, {}, {"inputs": inputs, "labels": labels})


def test_mnist_patterns_come_from_the_dataset(tmp_path):
    point, dataset = a_point(dataset="mnist"), mnist_like()
    inputs, labels = width_search._patterns(point, 0, 7, dataset)
    expected = datasets.split(dataset, 40, 0)
    np.testing.assert_array_equal(inputs, expected.train_inputs)
    np.testing.assert_array_equal(labels, expected.train_labels)
    assert find(point, tmp_path, dataset)["replica_00"]["status"] == "found"


@pytest.mark.parametrize(
    ("changes", "dataset", "words"),
    [
        ({"dataset": "mnist"}, None, "line relu_L2, P = 40: the patterns of MNIST are missing"),
        ({"dataset": "mnist", "dim": 6}, mnist_like(), "dim is 6, but the patterns given have 5"),
        ({"dataset": "cifar"}, None, "there is no dataset 'cifar'"),
        ({"first_ratio": 7.0}, None, "from N = 7.0·P to at most N = 6.0·P"),
        ({"first_ratio": 0.0}, None, "must be positive"),
        ({"shortest_time": 10}, None, "set shortest_time to 0 for hinge_adam_annealed"),
    ],
)
def test_a_point_that_makes_no_sense_is_one_sentence(changes, dataset, words, tmp_path):
    with pytest.raises(LineError, match=words):
        find(a_point(**changes), tmp_path, dataset)


@pytest.mark.parametrize("name", ["hinge_adam_constant", "cross_entropy_sgd"])
def test_divergence_names_the_run(name, tmp_path):
    wild = a_point(protocol=Protocol(name, 0.5, 100, 1e200, 1e200, 0), first_ratio=3.0)
    with pytest.raises(DivergenceError, match=r"line relu_L2, P = 40, replica 0, width \d+ diverged by step \d+"):
        find(wild, tmp_path)
