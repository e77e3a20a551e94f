"""L-BFGS: dense BFGS as the reference, the conditions of its line search, known minima, and its saved state."""

import itertools

import numpy as np
import pytest

from jamming.kernels.lbfgs import CURVATURE, LONGEST_SEARCH, SUFFICIENT_DECREASE, Lbfgs

MEMORY = 30


def rosenbrock(x):
    loss = np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    gradient = np.zeros_like(x)
    gradient[1:] += 200 * (x[1:] - x[:-1] ** 2)
    gradient[:-1] += -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    return loss, gradient


def kinked(x):
    """A convex function with minimum 0 at 0, whose gradient jumps across each axis."""
    scales = np.arange(1.0, len(x) + 1)
    return float(np.sum(scales * np.abs(x)) + x @ x), scales * np.sign(x) + 2 * x


def minimize(function, start, evaluations, memory=MEMORY):
    """The state after so many evaluations, and the (point, loss, gradient) it accepted on the way."""
    state, accepted = Lbfgs(start, memory), []
    for _ in range(evaluations):
        before = state.best
        going_on = state.advance(*function(state.point))
        if state.best is not before or len(accepted) == 0:
            accepted.append((state.best, state.loss, state.gradient))
        if not going_on:
            break
    return state, accepted


def dense_direction(gradient, pairs):
    """−H g with the inverse Hessian H of BFGS, Nocedal and Wright (2006), Eq. 6.17, begun at γ·1 as in Eq. 7.20."""
    displacement, change = pairs[-1]
    identity = np.eye(len(gradient))
    inverse = (displacement @ change) / (change @ change) * identity
    for displacement, change in pairs:
        rho = 1 / (displacement @ change)
        left = identity - rho * np.outer(displacement, change)
        inverse = left @ inverse @ left.T + rho * np.outer(displacement, displacement)
    return -inverse @ gradient


@pytest.mark.parametrize("evaluations", [10, 25, 45])
def test_the_direction_is_that_of_dense_bfgs_of_the_last_pairs(evaluations):
    state, accepted = minimize(rosenbrock, np.linspace(-1, 1, 8), evaluations)
    recent = accepted[-MEMORY - 1 :]
    pairs = [(x - w, g - h) for (w, _, h), (x, _, g) in itertools.pairwise(recent)]
    assert len(state.pairs) == len(pairs) == min(MEMORY, len(accepted) - 1)
    np.testing.assert_allclose(state.direction, dense_direction(state.gradient, pairs), rtol=1e-6, atol=1e-12)


def test_more_pairs_than_fit_are_forgotten():
    state, accepted = minimize(rosenbrock, np.linspace(-1, 1, 8), 30, memory=4)
    recent = accepted[-5:]
    pairs = [(x - w, g - h) for (w, _, h), (x, _, g) in itertools.pairwise(recent)]
    assert len(state.pairs) == 4
    np.testing.assert_allclose(state.direction, dense_direction(state.gradient, pairs), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("function", [rosenbrock, kinked])
def test_every_accepted_step_obeys_the_weak_wolfe_conditions(function):
    _, accepted = minimize(function, np.linspace(-1, 1, 8) + 0.1, 60)
    assert len(accepted) > 10
    for (x, loss, gradient), (next_x, next_loss, next_gradient) in itertools.pairwise(accepted):
        along = next_x - x
        assert gradient @ along < 0
        assert next_loss <= loss + SUFFICIENT_DECREASE * (gradient @ along)
        assert next_gradient @ along >= CURVATURE * (gradient @ along)


def test_it_finds_the_minimum_of_rosenbrock():
    state, _ = minimize(rosenbrock, np.full(10, -1.0), 300)
    np.testing.assert_allclose(state.best, np.ones(10), atol=1e-8)


def test_it_goes_down_where_the_gradient_jumps():
    """Steepest descent with the same search stops at a kink; the remembered pairs lead along it."""
    state, _ = minimize(kinked, np.linspace(-1, 1, 8) + 0.1, 400)
    assert 0 <= state.loss < 1e-8


def test_it_ends_where_the_gradient_vanishes():
    state = Lbfgs(np.zeros(3), MEMORY)
    assert not state.advance(0.0, np.zeros(3))
    assert np.array_equal(state.best, np.zeros(3))


def test_it_gives_up_where_nothing_leads_down():
    """The gradient has the wrong sign. At the start one search fails; later L-BFGS forgets and searches again."""
    state, calls = Lbfgs(np.ones(3), MEMORY), 0
    while state.advance(*((x := state.point) @ x, -2 * x)):
        calls += 1
        assert calls < 3 * LONGEST_SEARCH
    assert np.array_equal(state.best, np.ones(3)) and calls == LONGEST_SEARCH

    state, _ = minimize(rosenbrock, np.zeros(4), 20)
    best = state.best
    while state.advance(np.inf, np.zeros(4)):
        pass
    assert np.array_equal(state.best, best) and len(state.pairs) == 0


def test_nan_is_a_step_too_long():
    state, _ = minimize(rosenbrock, np.zeros(4), 20)
    length = state.length
    assert state.advance(np.nan, np.full(4, np.nan))
    assert state.length == length / 2 and np.isfinite(state.point).all()


@pytest.mark.parametrize("stop", [0, 1, 2, 20, 59])
def test_a_saved_state_goes_on_with_the_same_bits(stop):
    start = np.linspace(-1, 1, 8) + 0.1
    whole, _ = minimize(kinked, start, 60)
    first, _ = minimize(kinked, start, stop)
    second = Lbfgs(np.zeros(8), MEMORY)
    second.load_state(first.state())
    for _ in range(60 - stop):
        second.advance(*kinked(second.point))
    ended, resumed = whole.state(), second.state()
    for name, value in ended.pop("pairs").items():
        assert np.array_equal(value, resumed["pairs"][name]), name
    for name, value in ended.items():
        assert np.array_equal(value, resumed[name]), name
