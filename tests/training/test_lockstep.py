"""Training all replicas of a point together: results, ends, saved states, mixed precision are as one by one."""

import dataclasses
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from helpers.same_bits import assert_same_bits, flat
from helpers.small_trainings import wait_until_it_handles
from jamming import datasets, kernels
from jamming.kernels.batched import BatchedHingeAdam
from jamming.spec import Network, Point, Protocol
from jamming.storage import store
from jamming.training import lockstep, loop
from jamming.training.checkpoint import Checkpoint
from jamming.training.replica import DivergenceError

ALONE, TOGETHER = kernels.choose("cpu", "torch"), kernels.choose("cpu", "batched")

ANNEALED = Protocol("hinge_adam_annealed", 0.5, 150, 3e-2, 1e-5, 0)
CONSTANT = Protocol("hinge_adam_constant", 0.5, 100, 2e-2, 0.0, 0)
DROPPING = Protocol("hinge_adam", 0.5, 150, 3e-2, 1e-6, 90)

# Of the three replicas two fit, at different steps, and one does not.
POINT = Point("tanh_L2", "random", Network(5, 6, 2, "tanh"), ANNEALED, 24, 3, "float64", 1)
HARD = dataclasses.replace(POINT, n_train=200)


def with_steps(point, steps):
    return dataclasses.replace(point, protocol=dataclasses.replace(point.protocol, steps=steps))


@pytest.fixture(scope="module")
def dataset():
    spec = {"dataset": "random", "dim": 5, "n_patterns": 2000, "seed": 1}
    return store.Result("dataset", spec, {}, datasets.generate("random", 5, 2000, 1))


@pytest.fixture(scope="module")
def digits():
    """Patterns of which all replicas have the same, and a test set."""
    inputs = np.random.default_rng(0).standard_normal((500, 5))
    labels = np.where(inputs[:, 0] > 0, 1, -1).astype(np.int8)
    return store.Result("dataset", {"dataset": "mnist", "dim": 5}, {}, {"inputs": inputs, "labels": labels})


@pytest.fixture(autouse=True)
def few_steps_between_looks(monkeypatch):
    monkeypatch.setattr(lockstep, "MOST_STEPS", 7)


def train(point, dataset, folder, backend=TOGETHER, report=lambda _: None):
    """As the verb does: the state goes with the result, what ended stays."""
    with Checkpoint(folder / "point.h5", json.loads(point.to_json()), report=report) as checkpoint:
        tree = loop.train(point, dataset, checkpoint, report=report, backend=backend)
        checkpoint.remove()
    return tree


def assert_agree(together, alone, rtol=1e-6, atol=1e-8):
    """The same ends and counts; what is a number of many digits agrees to what rounding makes of so many steps."""
    together, alone = dict(flat(together)), dict(flat(alone))
    assert together.keys() == alone.keys()
    for name, value in together.items():
        if np.asarray(value).dtype.kind == "f":
            np.testing.assert_allclose(value, alone[name], rtol=rtol, atol=atol, err_msg=name)
        else:
            np.testing.assert_array_equal(value, alone[name], err_msg=name)


def ends(tree):
    return [replica["steps_done"] for replica in tree.values()]


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("protocol", [ANNEALED, CONSTANT, DROPPING], ids=lambda protocol: protocol.name)
def test_results_are_those_of_one_by_one(dataset, tmp_path, protocol, activation):
    point = dataclasses.replace(POINT, protocol=protocol, network=Network(5, 6, 2, activation))
    assert_agree(train(point, dataset, tmp_path / "a"), train(point, dataset, tmp_path / "b", ALONE))


@pytest.mark.parametrize("protocol", [ANNEALED, CONSTANT], ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("dtype", ["float64", "mixed"])
def test_replicas_of_the_tests_end_at_different_steps(dataset, tmp_path, protocol, dtype):
    found = ends(train(dataclasses.replace(POINT, protocol=protocol, dtype=dtype), dataset, tmp_path))
    assert len(set(found)) == 3 and max(found) == protocol.steps


def test_shared_patterns_and_their_test_error(digits, tmp_path):
    point = dataclasses.replace(POINT, dataset="mnist", sweep="mnist_L2", n_train=100)
    together = train(point, digits, tmp_path / "a")
    assert_agree(together, train(point, digits, tmp_path / "b", ALONE))
    errors = [replica["record"]["test_error"][-1] for replica in together.values()]
    assert all(0 < error < 0.3 for error in errors) and len(set(errors)) > 1


@pytest.mark.parametrize("replicas", [1, 2])
def test_fewer_replicas_are_the_same_to_rounding(dataset, tmp_path, replicas):
    few = train(dataclasses.replace(POINT, replicas=replicas), dataset, tmp_path)
    many = train(POINT, dataset, tmp_path)
    assert_agree(few, {name: many[name] for name in few})


def test_how_often_it_is_looked_at_changes_nothing(dataset, tmp_path, monkeypatch):
    trees = []
    for most_steps in (1, 7, 1000):
        monkeypatch.setattr(lockstep, "MOST_STEPS", most_steps)
        trees.append(train(POINT, dataset, tmp_path))
    assert_same_bits(trees[0], trees[1])
    assert_same_bits(trees[0], trees[2])


def test_looks_are_a_second_apart(dataset, tmp_path, monkeypatch):
    """With a device that is slow, and a clock that counts its steps alone."""
    elapsed, asked = [0.0], []
    original = BatchedHingeAdam.advance

    def slow(self, rates):
        elapsed[0] += 0.3 * len(rates)
        asked.append(len(rates))
        original(self, rates)

    monkeypatch.setattr(BatchedHingeAdam, "advance", slow)
    monkeypatch.setattr(lockstep.time, "monotonic", lambda: elapsed[0])
    tree = train(with_steps(HARD, 60), dataset, tmp_path)
    assert max(asked) == 3 and sum(asked) == 60
    times = [replica["timing"]["wall_time"] for replica in tree.values()]
    assert sum(time[-1] for time in times) == pytest.approx(0.3 * 60), "together they took the time that passed"


# Mixed precision


@pytest.mark.parametrize("protocol", [ANNEALED, CONSTANT, DROPPING], ids=lambda protocol: protocol.name)
def test_mixed_precision_follows_the_same_rules(dataset, tmp_path, protocol):
    """To the rounding of single precision, so few steps; but precision, ends and what is recorded are the same."""
    point = dataclasses.replace(with_steps(POINT, 60), protocol=dataclasses.replace(protocol, steps=60), dtype="mixed")
    assert_agree(
        train(point, dataset, tmp_path / "a"), train(point, dataset, tmp_path / "b", ALONE), rtol=2e-2, atol=2e-3
    )


@pytest.mark.parametrize("backend", [TOGETHER, ALONE], ids=lambda backend: backend.name)
def test_double_precision_begins_after_the_look_at_which_the_rate_has_fallen(dataset, tmp_path, backend):
    """The rate drops tenfold at step 100, which is recorded; a number of single precision is its own rounding."""
    point = dataclasses.replace(HARD, protocol=dataclasses.replace(DROPPING, drop_every=100), dtype="mixed")
    for replica in train(point, dataset, tmp_path, backend).values():
        steps, norms = replica["record"]["step"], replica["record"]["gradient_norm"]
        assert 100 in steps and steps[-1] == 150
        np.testing.assert_array_equal(norms == norms.astype(np.float32), steps <= 100)


def precisions(point, dataset, folder, backend, monkeypatch):
    """In which precision each replica ended, from the state that is kept of its end."""
    found = {}
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "keep_ended", lambda _, part, tree: found.update({part: tree["optimizer"]}))
        train(point, dataset, folder, backend)
    return {part: state["params"].dtype for part, state in found.items()}


def test_a_network_that_fits_in_single_precision_goes_on_in_double(dataset, tmp_path, monkeypatch):
    """At a constant rate all else is single precision to the end."""
    point = dataclasses.replace(POINT, protocol=CONSTANT, dtype="mixed")
    found = precisions(point, dataset, tmp_path / "a", TOGETHER, monkeypatch)
    assert set(found.values()) == {np.dtype("float32"), np.dtype("float64")}
    assert found == precisions(point, dataset, tmp_path / "b", ALONE, monkeypatch)


def test_a_pattern_within_a_rounding_of_its_margin_is_learned(dataset, tmp_path, monkeypatch):
    """f = ε − 2⁻²⁶ for all patterns of the first replica: fitted in single precision, not in double."""
    from jamming.network import unpack

    point = dataclasses.replace(POINT, protocol=CONSTANT, dtype="mixed", network=Network(5, 6, 2, "relu"))
    original = loop.Replica.__init__

    def almost_fitted(self, point, number, dataset):
        original(self, point, number, dataset)
        if number == 0:
            self.labels = np.ones_like(self.labels)
            self.initial[:] = 0
            *_, (_, hidden_biases), (last_weights, last_bias) = unpack(self.initial, point.network)
            hidden_biases[0], last_weights[0, 0], last_bias[0] = 1, 0.25 - 2**-26, 0.25

    monkeypatch.setattr(loop.Replica, "__init__", almost_fitted)
    trees = [train(point, dataset, tmp_path / backend.name, backend) for backend in (TOGETHER, ALONE)]
    for tree in trees:
        record = tree["replica_00"]["record"]
        assert record["n_delta"][0] == 24 and record["step"][-1] == 1 and tree["replica_00"]["converged"]
    assert ends(trees[0]) == ends(trees[1]) and max(ends(trees[0])) > 1


# Saved states


class Killed(Exception):
    pass


def killed_after(looks, monkeypatch, point, dataset, checkpoint, report):
    """Train with a state saved at every look, and die in the middle of the steps that follow so many."""
    original, left = BatchedHingeAdam.advance, iter(range(looks))

    def dying(self, rates):
        original(self, rates[: len(rates) // 2])
        if next(left, None) is None:
            raise Killed
        original(self, rates[len(rates) // 2 :])

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(loop, "SAVE_EVERY_SECONDS", 0)
        patch.setattr(BatchedHingeAdam, "advance", dying)
        loop.train(point, dataset, checkpoint, report=report, backend=TOGETHER)


@pytest.mark.parametrize("dtype", ["float64", "mixed"])
@pytest.mark.parametrize(
    ("protocol", "kills"),
    [(ANNEALED, (1, 2)), (ANNEALED, (16, 9)), (ANNEALED, (28, 2)), (ANNEALED, (33, 1)), (CONSTANT, (6, 14, 5))],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_resumed_training_gives_the_same_bits(dataset, tmp_path, monkeypatch, protocol, kills, dtype):
    """Before, between and after the ends of the replicas; where single precision becomes double, too."""
    point = dataclasses.replace(POINT, protocol=protocol, dtype=dtype)
    expected = train(point, dataset, tmp_path)
    said = []
    with Checkpoint(tmp_path / "resumed.h5", {"x": 1}, report=said.append) as checkpoint:
        for looks in kills:
            killed_after(looks, monkeypatch, point, dataset, checkpoint, said.append)
        assert_same_bits(loop.train(point, dataset, checkpoint, report=said.append, backend=TOGETHER), expected)
    assert sum("going on from step" in line for line in said) >= len(kills)
    ended = [line for line in said if "ended at step" in line]
    assert len({line.split(":")[0] for line in ended}) == 3


@pytest.mark.parametrize("protocol", [CONSTANT, DROPPING], ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("dtype", ["float64", "mixed"])
def test_a_longer_run_goes_on_and_has_the_same_bits(dataset, tmp_path, monkeypatch, protocol, dtype):
    """Replicas that had fitted stay, each at its own step; the others go on from the last one."""
    point = dataclasses.replace(POINT, protocol=protocol, dtype=dtype)
    whole = train(point, dataset, tmp_path / "whole")
    short = train(with_steps(point, 95), dataset, tmp_path)
    said, asked, original = [], [], BatchedHingeAdam.advance
    monkeypatch.setattr(BatchedHingeAdam, "advance", lambda self, rates: asked.extend(rates) or original(self, rates))
    longer = train(point, dataset, tmp_path, report=said.append)
    assert len(asked) <= point.protocol.steps - 95, "no step is made twice, nor one that nobody needs"
    assert sorted(line.split("from step ")[1] for line in said if "going on" in line) == sorted(map(str, ends(short)))
    assert_same_bits(longer, whole)


def test_a_replica_that_has_to_start_over_is_waited_for(dataset, tmp_path):
    """Its state was damaged; the others join it where they stand."""
    point = dataclasses.replace(HARD, protocol=CONSTANT)
    whole = train(point, dataset, tmp_path / "whole")
    train(with_steps(point, 64), dataset, tmp_path)
    (tmp_path / ".point.h5.replica_01.ended").write_bytes(b"")
    said = []
    tree = train(point, dataset, tmp_path, report=said.append)
    assert [line for line in said if "starting over" in line]
    assert sum("going on from step 64" in line for line in said) == 2
    assert_same_bits(tree, whole)


# What is said


def test_divergence_names_the_replica(dataset, tmp_path, monkeypatch):
    original = loop.Replica.__init__

    def spoilt(self, point, number, dataset):
        original(self, point, number, dataset)
        if number == 1:
            self.initial[3] = np.nan

    monkeypatch.setattr(loop.Replica, "__init__", spoilt)
    with pytest.raises(DivergenceError, match="sweep tanh_L2, P = 24, replica 1 diverged at step 0"):
        train(POINT, dataset, tmp_path)


def test_progress_is_reported(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_EVERY_SECONDS", 0)
    said = []
    train(HARD, dataset, tmp_path, report=said.append)
    assert any("tanh_L2 P=200, 3 of 3 replicas: step 15/150, N_Δ=" in line and "ETA 0:00:0" in line for line in said)
    assert sum("ended at step 150" in line for line in said) == 3


def test_the_backend_is_chosen_by_the_device():
    cuda = kernels.choose("cuda")
    assert cuda.name == "batched torch on cuda" and cuda.batched is BatchedHingeAdam
    assert kernels.choose("cuda", "torch").batched is None and kernels.choose("cpu").batched is None
    searching = kernels.choose("cuda", together=False)
    assert searching.name == "torch on cuda" and searching.batched is None


@pytest.fixture(scope="module")
def dataset_file(dataset, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "random_d5.h5"
    store.write(path, "dataset", dataset.spec, dataset.tree, {})
    return path


def test_the_verb_takes_it_and_says_so_and_stops_when_told(dataset_file, tmp_path):
    """SIGTERM in the middle; then the same command goes on to the result of one that was left alone."""
    point = with_steps(HARD, 2000)
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(os.path.dirname(loop.__file__)))}

    def start(out):
        words = ["train", "--data", dataset_file, "--spec", point.to_json(), "--backend", "batched", "--out", out]
        command = [sys.executable, "-m", "jamming", *map(str, words), "--device", "cpu"]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    job = start(tmp_path / "stopped.h5")
    # Once it handles the signal it is at work; the test of interruptions looks at it in the same way.
    wait_until_it_handles(job, signal.SIGTERM)
    job.send_signal(signal.SIGTERM)
    said, _ = job.communicate()
    assert job.returncode == 128 + signal.SIGTERM and "stopped by SIGTERM; the state is saved" in said
    for name in ("stopped.h5", "whole.h5"):
        job = start(tmp_path / name)
        said, _ = job.communicate()
        assert job.returncode == 0 and ("going on from step" in said) == (name == "stopped.h5")
    stopped, whole = (store.read(tmp_path / name, "run") for name in ("stopped.h5", "whole.h5"))
    assert_same_bits(stopped.tree, whole.tree)
    assert stopped.provenance["backend"] == "batched torch" and "torch" in stopped.provenance["packages"]
