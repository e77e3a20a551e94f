"""Minimization by L-BFGS (Nocedal 1980), one evaluation at a time. After each one it sets the next point to evaluate.

The line search finds the weak Wolfe conditions by bisection. Lewis and Overton (2013, doi:10.1007/s10107-012-0514-2)
recommend this if the gradient jumps, as it does on the cusps of a ReLU.
"""

import math

import numpy as np

from .pairs import Pairs

SUFFICIENT_DECREASE, CURVATURE = 1e-4, 0.9
LONGEST_SEARCH = 30
FIRST_DISPLACEMENT = 0.01

ARRAYS = ("best", "gradient", "direction", "point")
NUMBERS = ("loss", "length", "low", "high", "tries")


class Lbfgs:
    """The state of a minimization over vectors (n,). `best` is the last accepted point, `point` the next to evaluate.

    Call `advance` repeatedly with the loss and the gradient at `point`. Each call moves `point`. The last `memory`
    pairs of displacements and changes of the gradient are kept.
    """

    def __init__(self, start: np.ndarray, memory: int):
        self.best = self.point = np.array(start, dtype=np.float64)
        self.loss, self.gradient, self.direction = math.inf, np.zeros_like(self.best), np.zeros_like(self.best)
        self.pairs = Pairs(len(self.best), memory)
        self.length, self.low, self.high, self.tries = 1.0, 0.0, math.inf, 0

    def advance(self, loss: float, gradient: np.ndarray) -> bool:
        """Use the loss and the gradient at `point`, and move it. Returns false if no direction leads down any more."""
        if math.isinf(self.loss):
            return self._accept(loss, gradient)
        slope = self.gradient @ self.direction
        # A NaN fails this comparison, so it counts as a step that is too long.
        if not loss <= self.loss + SUFFICIENT_DECREASE * self.length * slope:
            self.high = self.length
        elif gradient @ self.direction < CURVATURE * slope:
            self.low = self.length
        else:
            # The curvature condition gives displacement·change > 0, so the inverse Hessian stays positive.
            self.pairs.append(self.point - self.best, gradient - self.gradient)
            return self._accept(loss, gradient)
        self.tries += 1
        if self.tries == LONGEST_SEARCH:
            if not len(self.pairs):
                return False
            self.pairs.clear()
            return self._search()
        self.length = 2 * self.low if math.isinf(self.high) else (self.low + self.high) / 2
        self.point = self.best + self.length * self.direction
        return True

    def state(self) -> dict:
        """Copies of the state as arrays and numbers. `load_state` continues from them with the same bits."""
        arrays = {name: np.array(getattr(self, name)) for name in ARRAYS}
        return {**arrays, "pairs": self.pairs.state(), **{name: float(getattr(self, name)) for name in NUMBERS}}

    def load_state(self, state: dict) -> None:
        """Restore a state that an instance with the same memory returned."""
        for name in ARRAYS:
            setattr(self, name, np.array(state[name]))
        for name in NUMBERS:
            setattr(self, name, float(state[name]))
        self.pairs.load_state(state["pairs"])

    def _accept(self, loss: float, gradient: np.ndarray) -> bool:
        self.best, self.loss, self.gradient = self.point, loss, np.array(gradient)
        return self._search()

    def _search(self) -> bool:
        """Begin a line search from `best`. Returns false if the gradient vanishes."""
        steepest = float(np.linalg.norm(self.gradient))
        if steepest == 0:
            return False
        self.direction = -self.pairs.times_inverse_hessian(self.gradient)
        self.length = 1.0 if len(self.pairs) else FIRST_DISPLACEMENT / steepest
        self.low, self.high, self.tries = 0.0, math.inf, 0
        self.point = self.best + self.length * self.direction
        return True
