"""Training all replicas of a point together gives the same results, ends and saved states as one by one."""

import dataclasses
import signal
import subprocess

import numpy as np
import pytest

from helpers.same_bits import assert_same_bits, flat
from helpers.small_trainings import (
    command,
    easy_patterns,
    environment,
    random_patterns,
    stored,
    trained,
    wait_until_it_handles,
    with_steps,
)
from jamming import kernels
from jamming.kernels.batched import BatchedHingeAdam
from jamming.spec import Network, Point, Protocol
from jamming.storage import store
from jamming.training import loop, progress
from jamming.training.checkpoint import Checkpoint
from jamming.training.replica import DivergenceError

ALONE, TOGETHER = kernels.choose("cpu", "torch"), kernels.choose("cpu", "batched")

ANNEALED = Protocol("hinge_adam_annealed", 0.5, 150, 3e-2, 1e-5, 0)
CONSTANT = Protocol("hinge_adam_constant", 0.5, 100, 2e-2, 0.0, 0)
DROPPING = Protocol("hinge_adam", 0.5, 150, 3e-2, 1e-6, 90)

# Of the three replicas two fit, at different steps, and one does not.
POINT = Point("tanh_L2", "random", Network(5, 6, 2, "tanh"), ANNEALED, 24, 3, "float64", 1)
HARD = dataclasses.replace(POINT, n_train=200)


@pytest.fixture(scope="module")
def dataset():
    return random_patterns()


@pytest.fixture(scope="module")
def digits():
    """Patterns with a test set that all replicas share."""
    return easy_patterns()


@pytest.fixture(autouse=True)
def few_steps_between_looks(monkeypatch):
    monkeypatch.setattr(loop, "MOST_STEPS", 7)


def train(point, dataset, folder, backend=TOGETHER, report=lambda _: None):
    return trained(point, dataset, folder, backend, report)


def assert_agree(together, alone, rtol=1e-6, atol=1e-8):
    """Ends and counts are the same; other numbers agree up to the rounding of so many steps."""
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
        monkeypatch.setattr(loop, "MOST_STEPS", most_steps)
        trees.append(train(POINT, dataset, tmp_path))
    assert_same_bits(trees[0], trees[1])
    assert_same_bits(trees[0], trees[2])


def test_looks_are_a_second_apart(dataset, tmp_path, monkeypatch):
    """With a slow device, and a clock that counts its steps only."""
    elapsed, asked = [0.0], []
    original = BatchedHingeAdam.advance

    def slow(self, rates):
        elapsed[0] += 0.3 * len(rates)
        asked.append(len(rates))
        original(self, rates)

    monkeypatch.setattr(BatchedHingeAdam, "advance", slow)
    monkeypatch.setattr(progress.time, "monotonic", lambda: elapsed[0])
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
    """The precision in which each replica ended, from the kept state of its end."""
    found = {}
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "keep_ended", lambda _, part, tree: found.update({part: tree["optimizer"]}))
        train(point, dataset, folder, backend)
    return {part: state["params"].dtype for part, state in found.items()}


def test_a_network_that_fits_in_single_precision_goes_on_in_double(dataset, tmp_path, monkeypatch):
    """At a constant rate all other steps are in single precision."""
    point = dataclasses.replace(POINT, protocol=CONSTANT, dtype="mixed")
    found = precisions(point, dataset, tmp_path / "a", TOGETHER, monkeypatch)
    assert set(found.values()) == {np.dtype("float32"), np.dtype("float64")}
    assert found == precisions(point, dataset, tmp_path / "b", ALONE, monkeypatch)


def test_a_pattern_within_a_rounding_of_its_margin_is_learned(dataset, tmp_path, monkeypatch):
    """f = ε − 2⁻²⁶ for all patterns of the first replica: fitted in single precision, not in double."""
    from jamming.network import unpack

    point = dataclasses.replace(POINT, protocol=CONSTANT, dtype="mixed", network=Network(5, 6, 2, "relu"))
    original = loop.Replica.__init__

    def almost_fitted(self, point, number, *others):
        original(self, point, number, *others)
        if number == 0:
            self.problem.labels[:] = 1
            self.problem.params[:] = 0
            *_, (_, hidden_biases), (last_weights, last_bias) = unpack(self.problem.params, point.network)
            hidden_biases[0], last_weights[0, 0], last_bias[0] = 1, 0.25 - 2**-26, 0.25

    monkeypatch.setattr(loop.Replica, "__init__", almost_fitted)
    trees = [train(point, dataset, tmp_path / backend.name, backend) for backend in (TOGETHER, ALONE)]
    for tree in trees:
        record = tree["replica_00"]["record"]
        assert record["n_delta"][0] == 24 and record["step"][-1] == 1 and tree["replica_00"]["converged"]
    assert ends(trees[0]) == ends(trees[1]) and max(ends(trees[0])) > 1


# Extended runs; tests of other saved states: test_resumption.py


@pytest.mark.parametrize("protocol", [CONSTANT, DROPPING], ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("dtype", ["float64", "mixed"])
def test_a_longer_run_goes_on_and_has_the_same_bits(dataset, tmp_path, monkeypatch, protocol, dtype):
    """Replicas that fit stay, each at its own step. The others go on from the last step."""
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
    """Its state was damaged. The others wait for it at their step."""
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

    def spoilt(self, point, number, *others):
        original(self, point, number, *others)
        if number == 1:
            self.problem.params[3] = np.nan

    monkeypatch.setattr(loop.Replica, "__init__", spoilt)
    with pytest.raises(DivergenceError, match="sweep tanh_L2, P = 24, replica 1 diverged at step 0"):
        train(POINT, dataset, tmp_path)


def test_progress_is_reported(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_EVERY_SECONDS", 0)
    said = []
    train(HARD, dataset, tmp_path, report=said.append)
    where = "tanh_L2 P=200 replica 1/3 and 2 more: step 15/150, N_Δ="
    assert any(where in line and "ETA 0:00:0" in line for line in said)
    assert sum("ended at step 150" in line for line in said) == 3


def test_the_backend_is_chosen_by_the_device():
    cuda = kernels.choose("cuda")
    assert cuda.name == "batched torch on cuda" and cuda.batched is BatchedHingeAdam
    assert kernels.choose("cuda", "torch").batched is None and kernels.choose("cpu").batched is None
    searching = kernels.choose("cuda", together=False)
    assert searching.name == "torch on cuda" and searching.batched is None


def test_the_verb_takes_it_and_says_so_and_stops_when_told(dataset, tmp_path):
    """SIGTERM in the middle; then the same command ends with the result of an undisturbed job."""
    data = stored(dataset, tmp_path)

    def start(out):
        words = command(with_steps(HARD, 1000), out, data, "batched")
        return subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    job = start(tmp_path / "stopped.h5")
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
