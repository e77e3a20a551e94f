"""The methods that are compared. Each takes a function that evaluates loss and gradient, and a starting point (Ñ,).

A method returns a point from which no direction leads down. Otherwise an evaluation ends it (`Ended`).
"""

from collections.abc import Callable

import numpy as np

from ..kernels.hinge_adam import BETA_1, BETA_2, EPSILON
from ..kernels.lbfgs import Lbfgs

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]

GROUNDED = 1e-6
"""A point with |∇𝓛|/√𝓛 below this is stationary. Patterns to which no neuron responds carry the remaining loss."""


def adam(evaluate: Function, start: np.ndarray, steps: int, rate: float, floor: float = 1e-7) -> np.ndarray:
    """The point after `steps` steps of Adam. The rate falls linearly from `rate` to `floor`."""
    point, first, second = np.array(start), np.zeros_like(start), np.zeros_like(start)
    for step in range(1, steps + 1):
        _, gradient = evaluate(point)
        first += (1 - BETA_1) * (gradient - first)
        second += (1 - BETA_2) * (gradient**2 - second)
        now = (rate + (floor - rate) * (step - 1) / steps) / (1 - BETA_1**step)
        point = point - now * first / (np.sqrt(second / (1 - BETA_2**step)) + EPSILON)
    return point


def lbfgs(
    evaluate: Function,
    start: np.ndarray,
    memory: int,
    adam_steps: int = 0,
    way_out: str = "none",
    patience: int = 2000,
    kick: float = 0.1,
    seed: int = 0,
) -> np.ndarray:
    """The point where L-BFGS gives up, after `adam_steps` steps of Adam. `way_out` says what it does if it is stuck.

    L-BFGS is stuck if no direction leads down. With a way out it is also stuck if the gradient vanishes, or if 𝓛 has
    not halved in `patience` evaluations. "forget": it forgets all pairs. "kick": it moves each parameter at random, by
    `kick` times their root mean square. "adam": it does so and makes 1000 steps of Adam. "none": it gives up.
    """
    generator = np.random.default_rng(seed)
    point = adam(evaluate, start, adam_steps, 3e-3, 1e-3) if adam_steps else start
    while True:
        point = _descend(evaluate, Lbfgs(point, memory), patience if way_out != "none" else None)
        if way_out == "none":
            return point
        if way_out in ("kick", "adam"):
            point = point + kick * np.sqrt(np.mean(point**2)) * generator.standard_normal(len(point))
        if way_out == "adam":
            point = adam(evaluate, point, 1000, 1e-3, 1e-4)


def _descend(evaluate: Function, state: Lbfgs, patience: int | None) -> np.ndarray:
    """The lowest point when L-BFGS is stuck. Without `patience` only directions that lead down matter."""
    count, before = 0, np.inf
    while True:
        if not state.advance(*evaluate(state.point)):
            return state.best
        count += 1
        if patience is not None:
            if np.linalg.norm(state.gradient) < GROUNDED * np.sqrt(state.loss):
                return state.best
            if count % patience == 0:
                if state.loss > before / 2:
                    return state.best
                before = state.loss


def bfgs(evaluate: Function, start: np.ndarray) -> np.ndarray:
    """The point where BFGS gives up. It is L-BFGS with a dense inverse Hessian (Ñ, Ñ), which forgets no pair."""
    state = Lbfgs(start, memory=1)
    state.pairs = _Dense(len(start))
    return _descend(evaluate, state, None)


class _Dense:
    """The methods of `Pairs` that L-BFGS uses, with the dense matrix H of Nocedal and Wright (2006), Eq. 6.17."""

    def __init__(self, size: int):
        self._size = size
        self.clear()

    def __len__(self) -> int:
        return self._count

    def clear(self) -> None:
        self._count, self._inverse = 0, np.eye(self._size)

    def append(self, displacement: np.ndarray, change: np.ndarray) -> None:
        curvature = displacement @ change
        if self._count == 0:
            self._inverse *= curvature / (change @ change)
        moved = self._inverse @ change
        factor = (1 + change @ moved / curvature) / curvature
        left = factor / 2 * displacement - moved / curvature
        update = np.outer(left, displacement)
        self._inverse += update + update.T
        self._count += 1

    def times_inverse_hessian(self, vector: np.ndarray) -> np.ndarray:
        return self._inverse @ vector if self._count else np.array(vector)


def newton_cg(evaluate: Function, start: np.ndarray, most_products: int = 100) -> np.ndarray:
    """The point where truncated Newton gives up (Nocedal and Wright 2006, Algorithm 7.1).

    Conjugate gradients find each direction. A product of the Hessian with a vector is the difference of two gradients
    and takes one evaluation. The conjugate gradients stop at a residual of min(0.5, √|g|)·|g|, at negative curvature,
    or after `most_products` products. Then the step is halved until 𝓛 falls.
    """
    point = np.array(start)
    loss, gradient = evaluate(point)
    while True:
        direction = _newton_direction(evaluate, point, gradient, most_products)
        slope, length = gradient @ direction, 1.0
        while True:
            next_loss, next_gradient = evaluate(point + length * direction)
            if next_loss <= loss + 1e-4 * length * slope:
                break
            length /= 2
            if length < 1e-9:
                return point
        point, loss, gradient = point + length * direction, next_loss, next_gradient


def _newton_direction(evaluate: Function, point: np.ndarray, gradient: np.ndarray, most_products: int) -> np.ndarray:
    norm = np.linalg.norm(gradient)
    wanted = min(0.5, np.sqrt(norm)) * norm
    direction, residual = np.zeros_like(gradient), np.array(gradient)
    along, square = -residual, residual @ residual
    for _ in range(most_products):
        small = 1e-7 * np.linalg.norm(point) / np.linalg.norm(along)
        product = (evaluate(point + small * along)[1] - gradient) / small
        curvature = along @ product
        if curvature <= 1e-12 * (along @ along):
            break
        length = square / curvature
        direction = direction + length * along
        residual = residual + length * product
        before, square = square, residual @ residual
        if np.sqrt(square) < wanted:
            break
        along = -residual + square / before * along
    return direction if direction.any() else -gradient


METHODS = {"adam": adam, "lbfgs": lbfgs, "bfgs": bfgs, "newton_cg": newton_cg}
