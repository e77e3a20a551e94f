"""L-BFGS before Adam: what each of the two does, when one becomes the other, saved states, and whole trainings."""

import dataclasses
import subprocess

import numpy as np
import pytest

from helpers.one_step import problem
from helpers.same_bits import assert_same_bits
from helpers.small_trainings import LINE_POINT as LINE
from helpers.small_trainings import POINT, command, interrupted
from jamming import datasets, kernels
from jamming.kernels.lbfgs import Lbfgs
from jamming.kernels.lbfgs_then_adam import LbfgsThenAdam
from jamming.losses import quadratic_hinge
from jamming.network import forward
from jamming.protocols import learning_rate
from jamming.spec import Protocol
from jamming.storage import store
from jamming.training import loop, width_search
from jamming.training.checkpoint import Checkpoint

PROTOCOL = Protocol("hinge_lbfgs_annealed", 0.5, 60, 1e-2, 1e-6, 0, 25)
N_TRAIN = 200


@pytest.fixture(params=["compiled", "torch"])
def backend(request):
    return kernels.choose("cpu", request.param)


def begin(backend, protocol=PROTOCOL, dtype="float64"):
    network, params, inputs, labels = problem(n_train=N_TRAIN)
    return backend.begin_hinge(network, params, inputs, labels, protocol, dtype, "cpu")


def steps(optimizer, count, protocol=PROTOCOL):
    for _ in range(count):
        optimizer.compute_gradient()
        optimizer.update(learning_rate(protocol, optimizer.step))


def test_it_moves_by_lbfgs_then_by_adam_from_the_best(backend):
    network, params, inputs, labels = problem(n_train=N_TRAIN)
    optimizer = begin(backend)
    kernel = backend.hinge_adam(network, params, inputs, labels, 0.5)
    plain = Lbfgs(params)
    for _ in range(PROTOCOL.lbfgs_steps):
        steps(optimizer, 1)
        kernel.compute_gradient()
        plain.advance(quadratic_hinge(kernel.delta), kernel.gradient)
        kernel.move_to(plain.point)
        assert np.array_equal(optimizer.params, plain.point)
    assert optimizer.step == PROTOCOL.lbfgs_steps

    adam = backend.hinge_adam(network, plain.best, inputs, labels, 0.5)
    while optimizer.step < PROTOCOL.steps:
        adam.compute_gradient()
        adam.update(learning_rate(PROTOCOL, optimizer.step))
        steps(optimizer, 1)
        assert np.array_equal(optimizer.params, adam.params)
    assert adam.step == PROTOCOL.steps - PROTOCOL.lbfgs_steps


def test_it_gets_further_than_adam_alone(backend):
    descended, annealed = begin(backend), begin(backend, Protocol("hinge_adam_annealed", 0.5, 60, 1e-2, 1e-6, 0))
    steps(descended, PROTOCOL.lbfgs_steps)
    steps(annealed, PROTOCOL.steps, Protocol("hinge_adam_annealed", 0.5, 60, 1e-2, 1e-6, 0))
    for optimizer in (descended, annealed):
        optimizer.compute_gradient()
    assert quadratic_hinge(descended.delta) < quadratic_hinge(annealed.delta)


def test_lbfgs_is_in_double_precision_and_adam_in_the_one_asked_for(backend):
    for dtype, precision in (("mixed", "float32"), ("float32", "float32"), ("float64", "float64")):
        optimizer = begin(backend, dtype=dtype)
        steps(optimizer, 1)
        assert optimizer.params.dtype == np.float64
        steps(optimizer, PROTOCOL.lbfgs_steps)
        assert optimizer.params.dtype == precision


def test_where_lbfgs_gets_stuck_adam_begins_at_once(backend, monkeypatch):
    monkeypatch.setattr(Lbfgs, "advance", lambda self, loss, gradient: False)
    optimizer, start = begin(backend), problem(n_train=N_TRAIN)[1]
    steps(optimizer, 1)
    assert optimizer.step == 1 and set(optimizer.state()) == {
        "params",
        "first_moment",
        "second_moment",
        "adam_begun",
    }
    # Adam's first step is the rate in each direction, whatever the gradient.
    moved = np.abs(optimizer.params - start)
    assert moved.max() == pytest.approx(PROTOCOL.rate, rel=1e-4)


@pytest.mark.parametrize("dtype", ["float64", "mixed"])
@pytest.mark.parametrize("stop", [1, 10, 25, 26, 40, 59])
def test_a_saved_state_goes_on_with_the_same_bits(backend, stop, dtype):
    whole, first, second = (begin(backend, dtype=dtype) for _ in range(3))
    steps(whole, PROTOCOL.steps)
    steps(first, stop)
    second.load_state(first.state(), first.step)
    assert second.step == stop
    steps(second, PROTOCOL.steps - stop)
    assert np.array_equal(whole.params, second.params) and whole.step == second.step


def test_other_inputs_are_evaluated_by_the_present_parameters(backend):
    network, _, inputs, _ = problem(n_train=30, seed=5)
    optimizer = begin(backend, dtype="mixed")
    evaluate = optimizer.evaluator(inputs)
    for count in (10, 20, 25):
        steps(optimizer, count)
        exact = forward(optimizer.params.astype(float), inputs, network)[0]
        tolerance = 1e-13 if optimizer.params.dtype == np.float64 else 1e-5
        np.testing.assert_allclose(evaluate(), exact, atol=tolerance)


def test_the_rate_falls_after_lbfgs():
    rates = [learning_rate(PROTOCOL, step) for step in range(PROTOCOL.steps + 1)]
    assert set(rates[:26]) == {1e-2} and rates[-1] == pytest.approx(1e-6)
    assert np.allclose(np.diff(rates[25:]), (1e-6 - 1e-2) / 35)


@pytest.fixture(scope="module")
def dataset():
    spec = {"dataset": "random", "dim": 5, "n_patterns": 2000, "seed": 1}
    return store.Result("dataset", spec, {}, datasets.generate("random", 5, 2000, 1))


def trained(point, dataset, folder, backend=None):
    with Checkpoint(folder / "point.h5", {"point": point.to_json()}) as checkpoint:
        return loop.train(point, dataset, checkpoint, backend=backend)


@pytest.mark.parametrize("dtype", ["float64", "mixed"])
@pytest.mark.parametrize("stop", [1, 13, 26, 27, 50, 61, 100])
def test_a_resumed_training_gives_the_same_bits(dataset, tmp_path, monkeypatch, stop, dtype):
    point = dataclasses.replace(POINT, protocol=PROTOCOL, dtype=dtype, n_train=300)
    expected = trained(point, dataset, tmp_path)
    said = []
    with Checkpoint(tmp_path / "resumed.h5", {"x": 1}, report=said.append) as checkpoint:
        interrupted(stop, checkpoint, monkeypatch, point, dataset)
        monkeypatch.setattr(loop, "SAVE_EVERY_SECONDS", 1e9)
        assert_same_bits(loop.train(point, dataset, checkpoint, report=said.append), expected)
    assert any("going on from step" in line for line in said)


def test_replicas_are_trained_alone_by_a_backend_that_can_do_all_together(dataset, tmp_path):
    point = dataclasses.replace(POINT, protocol=PROTOCOL, n_train=300)
    together, alone = (
        trained(point, dataset, tmp_path / name, kernels.choose("cpu", name)) for name in ("batched", "torch")
    )
    assert_same_bits(together, alone)


def test_the_result_names_what_trained_them(dataset, tmp_path):
    store.write(tmp_path / "data.h5", "dataset", dataset.spec, dataset.tree, {})
    point = dataclasses.replace(POINT, protocol=PROTOCOL)
    words, environment = command(tmp_path / "data.h5", tmp_path / "point.h5", point)
    subprocess.run([*words, "--backend", "batched"], env=environment, check=True, capture_output=True)
    assert store.read(tmp_path / "point.h5", "run").provenance["backend"] == "torch"


def test_a_line_is_searched_by_it(tmp_path):
    """Every width that fails made all its steps, Adam's too; those that fit stop early."""
    protocol = dataclasses.replace(PROTOCOL, steps=260, lbfgs_steps=200)
    point = dataclasses.replace(LINE, dim=0, protocol=protocol, n_train=60, first_ratio=3.0, max_ratio=10.0)
    with Checkpoint(tmp_path / "line.h5", {"x": 1}) as checkpoint:
        attempts = width_search.find_transition(point, None, checkpoint)["replica_00"]["attempts"]
    assert {protocol.steps} == set(attempts["steps"][~attempts["fitted"]])
    assert attempts["fitted"].any() and attempts["steps"][attempts["fitted"]].min() < protocol.lbfgs_steps


def test_both_implementations_agree():
    """Over the first steps, before rounding grows."""
    one, other = (begin(kernels.choose("cpu", name)) for name in ("compiled", "torch"))
    for optimizer in (one, other):
        steps(optimizer, 8)
    assert isinstance(one, LbfgsThenAdam) and isinstance(other, LbfgsThenAdam)
    np.testing.assert_allclose(one.params, other.params, rtol=1e-6, atol=1e-9)
