"""The stages of a training, each against the same steps made by hand: L-BFGS, single precision, double precision."""

import dataclasses
import subprocess

import numpy as np
import pytest

from helpers.same_bits import assert_same_bits
from helpers.small_trainings import (
    LBFGS,
    LINE_POINT,
    POINT,
    command,
    easy_patterns,
    environment,
    random_patterns,
    stored,
    trained,
)
from jamming import datasets, kernels
from jamming.kernels.lbfgs import Lbfgs
from jamming.losses import count_misclassified, quadratic_hinge
from jamming.network import forward, initial_params, unpack
from jamming.protocols import learning_rate, stages
from jamming.storage import store
from jamming.training import loop

ONE = dataclasses.replace(POINT, replicas=1, protocol=dataclasses.replace(POINT.protocol, steps=60))


@pytest.fixture(scope="module")
def dataset():
    return random_patterns()


@pytest.fixture(params=["compiled", "torch"])
def backend(request):
    return kernels.choose("cpu", request.param)


def patterns_of(point, dataset):
    data = datasets.split(dataset, point.n_train, point.seed_for("data", 0))
    return data.train_inputs, data.train_labels


def begin(point, dataset, backend, params, precision):
    return backend.hinge_adam(point.network, params, *patterns_of(point, dataset), 0.5, precision)


def last_params(point, dataset, folder, backend):
    return trained(point, dataset, folder, backend)["replica_00"]["state"]["params"][-1]


def adam(optimizer, protocol, steps):
    """Adam by hand over these steps of the training."""
    for step in steps:
        optimizer.compute_gradient()
        optimizer.update(learning_rate(protocol, step))
    return optimizer


def mixed_by_hand(point, dataset, backend, params, first=0):
    """Single precision while the rate is above a tenth of the first, then double precision from the same state."""
    steps = range(first, point.protocol.steps)
    high = [step for step in steps if learning_rate(point.protocol, step) > 0.1 * point.protocol.rate]
    single = adam(begin(point, dataset, backend, params, "float32"), point.protocol, high)
    double = begin(point, dataset, backend, params, "float64")
    double.load_state(single.state(), single.step)
    return adam(double, point.protocol, [step for step in steps if step not in high])


def test_mixed_precision_is_single_then_double(dataset, tmp_path, backend):
    point = dataclasses.replace(ONE, dtype="mixed")
    initial = initial_params(point.network, point.seed_for("initial", 0))
    by_hand = mixed_by_hand(point, dataset, backend, initial)
    np.testing.assert_array_equal(last_params(point, dataset, tmp_path, backend), by_hand.params)


@pytest.mark.parametrize("dtype", ["float64", "float32", "mixed"])
def test_lbfgs_comes_first_and_adam_begins_from_its_best(dataset, tmp_path, backend, dtype):
    """L-BFGS is always in double precision. Adam's bias correction counts only its own steps."""
    point = dataclasses.replace(ONE, protocol=LBFGS, dtype=dtype, n_train=300)
    initial = initial_params(point.network, point.seed_for("initial", 0))
    kernel, plain = begin(point, dataset, backend, initial, "float64"), Lbfgs(initial, LBFGS.lbfgs_memory)
    for _ in range(LBFGS.lbfgs_steps):
        kernel.compute_gradient()
        assert plain.advance(quadratic_hinge(kernel.delta), kernel.gradient)
        kernel.move_to(plain.point)
    # What was evaluated last has not been taken in, as after the last step of the stage.
    if dtype == "mixed":
        by_hand = mixed_by_hand(point, dataset, backend, plain.best, LBFGS.lbfgs_steps)
    else:
        optimizer = begin(point, dataset, backend, plain.best, dtype)
        by_hand = adam(optimizer, LBFGS, range(LBFGS.lbfgs_steps, LBFGS.steps))
    assert by_hand.step == LBFGS.steps - LBFGS.lbfgs_steps
    np.testing.assert_array_equal(last_params(point, dataset, tmp_path, backend), by_hand.params)


def test_where_lbfgs_gets_stuck_adam_begins_and_the_steps_left_are_left_out(dataset, tmp_path, backend, monkeypatch):
    """So that the rate falls over as many steps as in every other training."""
    monkeypatch.setattr(Lbfgs, "advance", lambda self, loss, gradient: False)
    point = dataclasses.replace(ONE, protocol=LBFGS, n_train=300)
    initial = initial_params(point.network, point.seed_for("initial", 0))
    by_hand = adam(begin(point, dataset, backend, initial, "float64"), LBFGS, range(LBFGS.lbfgs_steps, LBFGS.steps))
    np.testing.assert_array_equal(last_params(point, dataset, tmp_path, backend), by_hand.params)


def test_adam_takes_over_where_the_loss_is_low_enough(dataset, tmp_path, backend):
    """It begins at the step it begins at without, from another point, and the run is recorded up to its last step."""
    point = dataclasses.replace(ONE, protocol=dataclasses.replace(LBFGS, lbfgs_loss=0.115), n_train=300)
    record = trained(point, dataset, tmp_path, backend)["replica_00"]["record"]
    whole = trained(dataclasses.replace(point, protocol=LBFGS), dataset, tmp_path, backend)["replica_00"]["record"]
    early = record["step"] < LBFGS.lbfgs_steps
    assert early.sum() < (whole["step"] < LBFGS.lbfgs_steps).sum()
    assert record["step"][-1] == LBFGS.steps and set(record["step"]) < set(whole["step"])


@pytest.mark.parametrize("dtype", ["float64", "mixed"])
def test_lbfgs_begins_where_adam_leaves_off(dataset, tmp_path, backend, dtype, monkeypatch):
    point = dataclasses.replace(ONE, protocol=dataclasses.replace(LBFGS, start_steps=10), dtype=dtype, n_train=300)
    initial = initial_params(point.network, point.seed_for("initial", 0))
    started = begin(point, dataset, backend, initial, "float32" if dtype == "mixed" else "float64")
    expected = adam(started, point.protocol, range(10)).params.astype(np.float64)
    begun, original = [], Lbfgs.__init__

    def note_start(self, start, memory):
        begun.append(np.array(start))
        original(self, start, memory)

    monkeypatch.setattr(Lbfgs, "__init__", note_start)
    record = trained(point, dataset, tmp_path, backend)["replica_00"]["record"]
    np.testing.assert_array_equal(begun[-1], expected)
    assert record["step"][-1] == LBFGS.steps


def test_a_network_fits_by_the_rule_of_double_precision(dataset, tmp_path, backend, monkeypatch):
    """f = 1/4 + (1/4 − 2⁻²⁶), so that Δ = 2⁻²⁶ > 0: in single precision the sum is rounded to 1/2, and N_Δ = 0."""
    original = loop.Replica.__init__

    def almost_fitted(self, point, *others):
        original(self, point, *others)
        self.problem.labels[:] = 1
        self.problem.params[:] = 0
        *_, (_, hidden_biases), (last_weights, last_bias) = unpack(self.problem.params, point.network)
        hidden_biases[0], last_weights[0, 0], last_bias[0] = 1, 0.25 - 2**-26, 0.25

    monkeypatch.setattr(loop.Replica, "__init__", almost_fitted)
    found = {
        dtype: trained(dataclasses.replace(ONE, dtype=dtype), dataset, tmp_path, backend)["replica_00"]
        for dtype in ("float32", "float64", "mixed")
    }
    assert found["float32"]["steps_done"] == 0
    assert_same_bits(found["mixed"], found["float64"])
    assert found["mixed"]["record"]["n_delta"][0] == ONE.n_train and found["mixed"]["converged"]


def test_the_test_error_is_that_of_the_present_stage(tmp_path, backend):
    """The optimizer of the present stage evaluates the test patterns, at its own parameters."""

    point = dataclasses.replace(ONE, protocol=LBFGS, dtype="mixed", dataset="mnist", n_train=300)
    replica = trained(point, easy_patterns(), tmp_path, backend)["replica_00"]
    data = datasets.split(easy_patterns(), 300, 0)
    at = np.searchsorted(replica["record"]["step"], replica["state"]["step"])
    for params, error in zip(replica["state"]["params"], replica["record"]["test_error"][at], strict=True):
        outputs, _ = forward(params, data.test_inputs, point.network)
        assert error == count_misclassified(outputs, data.test_labels) / 200


def test_lbfgs_gets_further_than_adam_alone(dataset, tmp_path, backend):
    point = dataclasses.replace(ONE, protocol=dataclasses.replace(LBFGS, lbfgs_steps=59))
    losses = [trained(each, dataset, tmp_path, backend)["replica_00"]["record"]["loss"][-1] for each in (point, ONE)]
    assert losses[0] < losses[1]


def test_networks_under_lbfgs_are_trained_alone_and_the_result_says_so(dataset, tmp_path):

    point = dataclasses.replace(POINT, protocol=LBFGS)
    assert not point.can_train_together and POINT.can_train_together and not LINE_POINT.can_train_together
    data = stored(dataset, tmp_path)
    words = command(point, tmp_path / "point.h5", data, "batched")
    subprocess.run(words, env=environment(), check=True, capture_output=True)
    result = store.read(tmp_path / "point.h5", "run")
    assert result.provenance["backend"] == "torch"
    assert_same_bits(result.tree, trained(point, dataset, tmp_path, kernels.choose("cpu", "torch", threads=1)))


def test_a_line_is_searched_in_stages(tmp_path):
    """Every width that fails makes all its steps, also those of Adam. Widths that fit stop early."""
    protocol = dataclasses.replace(LBFGS, steps=260, lbfgs_steps=200)
    point = dataclasses.replace(LINE_POINT, dim=0, protocol=protocol, n_train=60, first_ratio=3.0, max_ratio=10.0)
    attempts = trained(point, None, tmp_path)["replica_00"]["attempts"]
    assert {protocol.steps} == set(attempts["steps"][~attempts["fitted"]])
    assert attempts["fitted"].any() and attempts["steps"][attempts["fitted"]].min() < protocol.lbfgs_steps


def test_the_stages_are_those_of_the_loop():
    """So the tests above cover all stages."""
    methods = [(stage.method, stage.precision) for stage in stages(LBFGS, "mixed")]
    assert methods == [("lbfgs", "float64"), ("adam", "float32"), ("adam", "float64")]
