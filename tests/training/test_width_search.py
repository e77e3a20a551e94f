"""The search for N*: its logic on fake trainers whose transition is known, then on real networks."""

import dataclasses
import itertools
import math
import re
import subprocess
import sys

import numpy as np
import pytest

from helpers.same_bits import assert_same_bits
from helpers.small_trainings import CROSS_ENTROPY, PACKAGE, killed_after, trained
from helpers.small_trainings import LINE_POINT as POINT
from jamming import datasets
from jamming.spec import LinePoint, Network, Protocol
from jamming.storage import store
from jamming.training import loop, width_search, widths
from jamming.training.progress import DivergenceError
from jamming.training.widths import (
    NEVER,
    Attempt,
    LineError,
    first_width,
    ladder,
    n_star_at,
    next_width,
    search,
    widths_of,
)

HINGE = POINT.protocol


def a_point(**changes):
    return dataclasses.replace(POINT, **changes)


def rungs(highest):
    return list(itertools.takewhile(lambda width: width <= highest, ladder()))


class FakeTrainer:
    """Says of each width what `fitted_at` says, and remembers what it was asked; N = 10 h."""

    def __init__(self, fitted_at, steps=100):
        self.fitted_at, self.steps, self.asked = fitted_at, steps, []

    def __call__(self, width):
        self.asked.append(width)
        at = self.fitted_at(width)
        return attempt(width, at if at <= self.steps else NEVER)


def attempt(width, fitted_at):
    return Attempt(width, 10 * width, 0, 0.0, 0.0, 100, fitted_at)


def fits_from(threshold):
    return lambda width: 5 if width >= threshold else math.inf


def searched(trainer, first=20, highest=60, shortest_time=0):
    return search(trainer, rungs(highest), first, shortest_time)


# The ladder


def test_the_ladder_has_every_integer_to_16():
    assert list(itertools.islice(ladder(), 16)) == list(range(1, 17))


def test_the_ladder_then_rises_by_8_percent():
    widths = np.array(rungs(3000))[15:]
    assert (np.diff(widths) >= 1).all()
    np.testing.assert_allclose(widths, 16 * 1.08 ** np.arange(len(widths)), atol=0.5)
    assert widths[-1] > 2700


# The search


@pytest.mark.parametrize("threshold", [2, 7, 16, 20])
def test_it_goes_down_to_the_transition(threshold):
    trainer = FakeTrainer(fits_from(threshold))
    attempts = searched(trainer)
    down = [width for width in rungs(20) if width >= threshold]
    assert trainer.asked == [*reversed(down), threshold - 1]
    assert n_star_at(attempts) == ("found", 10 * threshold, 10 * (threshold - 1))


def test_it_goes_up_when_the_first_fails():
    trainer = FakeTrainer(fits_from(24))
    attempts = searched(trainer)
    assert trainer.asked == [20, 22, 24]
    assert n_star_at(attempts) == ("found", 240, 220)


def test_it_says_when_nothing_ever_fits():
    trainer = FakeTrainer(fits_from(1000))
    attempts = searched(trainer, highest=30)
    assert trainer.asked == [20, 22, 24, 25, 27, 30]
    assert n_star_at(attempts) == ("never_fitted", math.inf, 300)


def test_it_says_when_everything_fits():
    trainer = FakeTrainer(fits_from(0))
    attempts = searched(trainer)
    assert trainer.asked == list(reversed(rungs(20)))
    assert n_star_at(attempts) == ("always_fitted", 10, 0)


def test_the_first_failure_ends_the_descent():
    """Not monotone: a narrower one that would fit is not asked."""
    trainer = FakeTrainer(lambda width: math.inf if width in (5, 12) else 5)
    assert n_star_at(searched(trainer)) == ("found", 130, 120)
    assert trainer.asked[-1] == 12


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_trainer_the_bracket_is_real(seed):
    fits = np.random.default_rng(seed).random(100) < 0.6
    trainer = FakeTrainer(lambda width: 5 if fits[width] else math.inf)
    attempts, widths = searched(trainer, first=9), rungs(60)
    status, n_star, n_below = n_star_at(attempts)
    assert len(set(trainer.asked)) == len(trainer.asked)
    if status == "found":
        assert fits[int(n_star) // 10] and not fits[int(n_below) // 10]
        assert widths.index(n_star // 10) == widths.index(n_below // 10) + 1
    else:
        assert fits[trainer.asked].all() if status == "always_fitted" else not fits[trainer.asked].any()


def test_a_single_rung_is_a_search_too():
    assert n_star_at(search(FakeTrainer(fits_from(0)), [1], 1)) == ("always_fitted", 10, 0)
    assert n_star_at(search(FakeTrainer(fits_from(9)), [1], 1)) == ("never_fitted", math.inf, 10)


def test_a_short_time_sends_it_up_again():
    trainer = FakeTrainer(lambda width: 1000 / width)
    attempts = searched(trainer, first=14, shortest_time=40)
    assert trainer.asked == [14, 13, 12, 11, 10, 9, 15, 16, 17, 19, 20, 22, 24, 25]
    assert n_star_at(attempts) == ("found", 100, 90)
    assert n_star_at(attempts, 40) == ("found", 250, 240)
    assert n_star_at(attempts, 50) == ("found", 200, 190)


def test_a_time_too_short_for_any_width_diverges():
    attempts = searched(FakeTrainer(lambda width: 50 if width > 7 else math.inf), highest=30, shortest_time=40)
    assert n_star_at(attempts) == ("found", 80, 70)
    assert n_star_at(attempts, 49) == ("never_fitted", math.inf, 300)


def test_a_search_goes_on_where_it_was_interrupted():
    whole = searched(FakeTrainer(fits_from(9)))
    for done in range(len(whole) + 1):
        trainer = FakeTrainer(fits_from(9))
        assert search(trainer, rungs(60), 20, attempts=whole[:done]) == whole
        assert trainer.asked == [made.width for made in whole[done:]]


def test_every_attempt_is_kept_as_it_is_made():
    kept = []
    attempts = search(FakeTrainer(fits_from(9)), rungs(60), 12, keep=lambda made: kept.append(list(made)))
    assert kept == [attempts[: number + 1] for number in range(len(attempts))]


def test_an_ended_search_asks_for_nothing():
    assert next_width([attempt(8, 5), attempt(7, NEVER)], rungs(60), 8) is None


# N* at a time


TIMED = [attempt(10, 10), attempt(9, 20), attempt(8, 15), attempt(7, 40), attempt(6, NEVER)]


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (math.inf, ("found", 70, 60)),
        (40, ("found", 70, 60)),
        (39, ("found", 80, 70)),
        (20, ("found", 80, 70)),
        # 8 had fitted by then, but 9, wider, had not.
        (19, ("found", 100, 90)),
        (10, ("found", 100, 90)),
        (9, ("never_fitted", math.inf, 100)),
    ],
)
def test_n_star_at_shorter_times(time, expected):
    assert n_star_at(TIMED, time) == expected
    assert n_star_at(TIMED[::-1], time) == expected


def test_n_star_at_when_all_fitted():
    attempts = [attempt(2, 10), attempt(1, 30)]
    assert n_star_at(attempts) == ("always_fitted", 10, 0)
    assert n_star_at(attempts, 20) == ("found", 20, 10)
    assert n_star_at([attempt(1, 0)], 0) == ("always_fitted", 10, 0)


def test_n_star_needs_an_attempt():
    with pytest.raises(LineError, match="at least one attempted width"):
        n_star_at([])


def test_attempts_survive_a_file(tmp_path):
    attempts = [Attempt(5, 60, 3, 0.25, 1.5, 100, NEVER, 0.1), Attempt(6, 84, 0, 0.0, 0.0, 50, 50, 0.2)]
    for number, made in enumerate([attempts, []]):
        path = tmp_path / f"{number}.h5"
        store.write(path, "line", {}, {"attempts": widths.to_columns(made)}, {})
        columns = store.read(path, "line").tree["attempts"]
        assert widths.from_columns(columns) == made
        assert columns["fitted"].tolist() == [made.fitted for made in made]


# A point of a line


def test_a_point_survives_json():
    assert LinePoint.from_json(POINT.to_json()) == POINT
    assert LinePoint.from_json(POINT.to_json()).to_json() == POINT.to_json()


@pytest.mark.parametrize(
    ("dim", "n_train", "first_ratio"), [(5, 40, 1.2), (0, 2000, 1.2), (25, 100, 6.0), (10, 10, 0.1)]
)
def test_the_first_width_is_the_smallest_that_is_large_enough(dim, n_train, first_ratio):
    point = a_point(dim=dim, n_train=n_train, first_ratio=first_ratio, max_ratio=10.0)
    widths, first = widths_of(point), first_width(point)
    assert widths == rungs(widths[-1]) and first in widths
    assert point.network(first).n_weights >= first_ratio * n_train
    assert all(point.network(width).n_weights < first_ratio * n_train for width in widths if width < first)
    beyond = rungs(2 * widths[-1])[len(widths)]
    assert point.network(widths[-1]).n_weights <= 10 * n_train < point.network(beyond).n_weights


def test_the_first_width_is_tried_even_if_it_is_above_the_most():
    point = a_point(first_ratio=1.2, max_ratio=1.2)
    assert widths_of(point)[-1] == first_width(point)
    assert point.network(first_width(point)).n_weights > 1.2 * point.n_train


def test_dim_0_means_d_equals_h():
    assert a_point(dim=0).network(7) == Network(7, 7, 2, "relu")
    assert POINT.network(7) == Network(5, 7, 2, "relu")


def test_seeds_follow_from_line_p_replica_and_width():
    base = POINT.seed_for("initial", 0, 7)
    changed = [a_point(line="other"), a_point(n_train=41), a_point(seed=2)]
    others = [point.seed_for("initial", 0, 7) for point in changed]
    others += [POINT.seed_for("initial", 1, 7), POINT.seed_for("initial", 0, 8), POINT.seed_for("data", 0, 7)]
    assert len({base, *others}) == 7
    assert a_point(replicas=5, protocol=CROSS_ENTROPY, max_ratio=9.0).seed_for("initial", 0, 7) == base


def test_the_description_of_a_line_needs_no_torch():
    words = "import sys, jamming.training.widths; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words], env={"PYTHONPATH": PACKAGE}).returncode == 0


# Real networks


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
        np.testing.assert_array_equal(fits, attempts["n_delta"] <= 0.1 * attempts["n_weights"])
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
    inputs, labels = datasets.random.generate(5, 40, point.seed_for("data", 0))
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
    inputs, labels = datasets.random.generate(dim, n_patterns, 0)
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
