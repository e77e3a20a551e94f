"""L-BFGS as an optimizer of the training loop: its attributes, its end, its hand-over, its saved states."""

import numpy as np
import pytest

from helpers.one_step import problem
from jamming import kernels
from jamming.kernels.lbfgs import Lbfgs
from jamming.kernels.lbfgs_descent import LbfgsDescent
from jamming.losses import quadratic_hinge
from jamming.network import forward


@pytest.fixture(params=["compiled", "torch"])
def begin(request):
    network, params, inputs, labels = problem(n_train=200)
    kernel = kernels.choose("cpu", request.param).hinge_adam
    return lambda: LbfgsDescent(kernel(network, params, inputs, labels, 0.5), 1000, 30)


def after(descent, steps):
    descent.look()
    descent.advance([0.0] * steps)
    return descent


def test_what_is_seen_belongs_to_the_point_that_was_evaluated_last(begin):
    network, _, inputs, labels = problem(n_train=200)
    descent = after(begin(), 12)
    outputs, _ = forward(descent.params, inputs, network)
    assert descent.look() == ([12], [int((0.5 - labels * outputs > 0).sum())])
    np.testing.assert_allclose(descent.outputs, outputs, atol=1e-13)
    assert descent.loss == quadratic_hinge(descent.delta)


def test_it_hands_over_the_best_point_and_moments_of_zero(begin, monkeypatch):
    best = []
    original = Lbfgs.advance
    monkeypatch.setattr(
        Lbfgs, "advance", lambda self, *found: original(self, *found) and (best.append(self.best) or True)
    )
    state = after(begin(), 12).hand_over()
    np.testing.assert_array_equal(state["params"], best[-1])
    assert state["begun"] == 1000 and not state["first_moment"].any() and not state["second_moment"].any()


def test_it_stops_where_all_patterns_fit(begin):
    descent = after(begin(), 3000)
    if descent.look()[1] == [0]:
        assert descent.step < 3000 and descent.loss == 0
    else:
        assert descent.is_done or descent.step == 3000


def test_it_is_done_where_no_direction_leads_down(begin, monkeypatch):
    descent = after(begin(), 5)
    before = np.array(descent.params)
    monkeypatch.setattr(Lbfgs, "advance", lambda self, loss, gradient: False)
    assert not descent.is_done
    descent.advance([0.0] * 3)
    assert descent.is_done and descent.step == 5
    np.testing.assert_array_equal(descent.params, before)


def test_it_is_done_where_the_loss_is_low_enough():
    """It then stands at the point with this loss, and hands it over."""
    network, params, inputs, labels = problem(n_train=200)
    kernel = kernels.choose("cpu").hinge_adam(network, params, inputs, labels, 0.5)
    kernel.compute_gradient()
    enough = kernel.loss / 3
    descent = after(LbfgsDescent(kernel, 1000, 30, enough), 900)
    assert descent.is_done and 0 < descent.step < 900
    outputs, _ = forward(descent.hand_over()["params"], inputs, network)
    assert quadratic_hinge(0.5 - labels * outputs) < enough
    assert descent.hand_over()["begun"] == 1000


@pytest.mark.parametrize("stop", [0, 1, 10, 25])
def test_a_saved_state_goes_on_with_the_same_bits(begin, stop):
    first, second = after(begin(), stop), begin()
    second.load_state(first.state(), first.step)
    assert second.step == stop
    whole, resumed = after(begin(), 40), after(second, 40 - stop)
    np.testing.assert_array_equal(whole.params, resumed.params)
    assert whole.look() == resumed.look()


def test_backends_agree_over_the_first_steps():
    """Before rounding grows."""
    network, params, inputs, labels = problem(n_train=200)
    one, other = (
        after(LbfgsDescent(kernels.choose("cpu", name).hinge_adam(network, params, inputs, labels, 0.5), 1000, 30), 8)
        for name in ("compiled", "torch")
    )
    np.testing.assert_allclose(one.params, other.params, rtol=1e-6, atol=1e-9)
