"""The ways to minimize: each on a quadratic form and on a network that fits, and their differences."""

from contextlib import suppress

import numpy as np
import pytest

from helpers.one_step import problem
from jamming.kernels.compiled import CompiledHingeAdam
from jamming.losses import quadratic_hinge
from jamming.minimizers.evaluations import Ended, Evaluations
from jamming.minimizers.methods import METHODS, adam, bfgs, lbfgs, newton_cg

WAYS = {
    "adam": {"steps": 3000, "rate": 1e-2},
    "lbfgs": {"memory": 10},
    "bfgs": {},
    "newton_cg": {},
}
SCALES = np.geomspace(1, 1e3, 12)


def quadratic(point):
    return float(point @ (SCALES * point)) / 2, SCALES * point


class Counted:
    """A function that ends after a number of evaluations or when it vanishes, and remembers its evaluations."""

    def __init__(self, function, most):
        self.function, self.most, self.points, self.losses = function, most, [], []

    def __call__(self, point):
        if len(self.points) == self.most or min(self.losses, default=1) < 1e-8:
            raise Ended
        loss, gradient = self.function(point)
        self.points.append(point)
        self.losses.append(loss)
        return loss, gradient


def evaluations(most=3000, n_train=40):
    return Evaluations(CompiledHingeAdam(*problem(n_train=n_train), 0.5), most)


@pytest.mark.parametrize("name", METHODS)
def test_a_small_network_fits(name):
    counted = evaluations()
    with suppress(Ended):
        METHODS[name](counted, counted.point, **WAYS[name])
    assert counted.loss < 1e-7


@pytest.mark.parametrize(("method", "most"), [(lbfgs, 150), (bfgs, 150), (newton_cg, 150)])
def test_curvatures_are_learnt(method, most):
    """Their condition number is 1000: steepest descent would need thousands of evaluations."""
    counted = Counted(quadratic, most)
    with suppress(Ended):
        method(counted, np.ones(12), **({"memory": 12} if method is lbfgs else {}))
    assert min(counted.losses) < 1e-6


def test_full_bfgs_is_lbfgs_that_forgets_nothing():
    one, other = (Counted(quadratic, 25) for _ in range(2))
    for method in (lambda: lbfgs(one, np.ones(12), memory=100), lambda: _dense_from_first_scale(other)):
        with suppress(Ended):
            method()
    # They differ in where the inverse Hessian begins: at the scale of the last pair or of the first.
    np.testing.assert_allclose(one.points[:3], other.points[:3], rtol=1e-9)


def _dense_from_first_scale(counted):
    bfgs(counted, np.ones(12))


def test_a_kick_leaves_a_stationary_point():
    """The gradient vanishes at −1. Without a way out, L-BFGS ends there."""

    def two_wells(point):
        return float(np.sum((point**2 - 1) ** 2)), 4 * point * (point**2 - 1)

    counted = Counted(two_wells, 200)
    assert np.array_equal(lbfgs(counted, np.zeros(4), memory=5), np.zeros(4)) and len(counted.points) == 1
    counted = Counted(lambda point: (two_wells(point)[0] + 1, two_wells(point)[1]), 200)
    with suppress(Ended):
        lbfgs(counted, np.full(4, 1e-3), memory=5, way_out="kick", kick=1.0, patience=20)
    assert len(counted.points) == 200 and len({np.sign(point).tobytes() for point in counted.points}) > 1


def test_adam_is_that_of_the_kernels():
    network, params, inputs, labels = problem(n_train=100)
    kernel = CompiledHingeAdam(network, params, inputs, labels, 0.5)
    for step in range(50):
        kernel.compute_gradient()
        kernel.update(1e-2 + (1e-7 - 1e-2) * step / 50)
    counted = evaluations(n_train=100)
    np.testing.assert_allclose(adam(counted, params, 50, 1e-2), kernel.params, rtol=1e-9, atol=1e-12)


def test_evaluations_keep_the_lowest_point_and_end():
    counted = evaluations(most=30, n_train=200)
    with pytest.raises(Ended):
        adam(counted, counted.point, 100, 0.3)
    counted.finish()
    assert counted.count == 30 == counted.rows[-1][0]
    losses = [row[2] for row in counted.rows]
    assert losses == sorted(losses, reverse=True) and losses[-1] == counted.loss
    kernel = CompiledHingeAdam(*problem(n_train=200), 0.5)
    kernel.move_to(counted.point)
    assert kernel.compute_gradient() == counted.n_delta and quadratic_hinge(kernel.delta) == counted.loss
