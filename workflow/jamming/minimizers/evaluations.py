"""Evaluate the loss and its gradient, and count, time and record the evaluations of a minimization."""

import time

import numpy as np

from ..kernels.hinge_adam import HingeAdam
from ..losses import quadratic_hinge

RECORDS_PER_DECADE = 20
VANISHED = 1e-14
"""Every method stops below this loss. From here each would reach zero within a few evaluations."""


class Ended(Exception):
    """Raised within an evaluation if the loss has vanished or the evaluations are used up. It ends the method."""


class Evaluations:
    """The loss of a network as a function of its parameters (Ñ,), for at most `most` evaluations.

    `point` is the point with the lowest loss so far. A row of `rows` is (evaluations, processor seconds, lowest loss,
    N_Δ at that point). Rows are made at logarithmically spaced evaluations and at the last one.
    """

    def __init__(self, kernel: HingeAdam, most: int):
        self.count, self.loss, self.n_delta, self.point = 0, np.inf, len(kernel.labels), np.array(kernel.params)
        self.rows: list[tuple[int, float, float, int]] = []
        self._kernel, self._most, self._begun = kernel, most, time.process_time()
        self._next = 1.0

    def __call__(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss at `point` and a copy of its gradient. Raises Ended."""
        self._kernel.move_to(point)
        n_delta = self._kernel.compute_gradient()
        loss = quadratic_hinge(self._kernel.delta)
        self.count += 1
        if loss < self.loss:
            self.loss, self.n_delta, self.point = loss, n_delta, np.array(point)
        if self.count >= self._next:
            self._next = max(self.count + 1, self._next * 10 ** (1 / RECORDS_PER_DECADE))
            self._record()
        if loss < VANISHED or self.count >= self._most:
            raise Ended
        return loss, np.array(self._kernel.gradient)

    def finish(self) -> None:
        """Record the last evaluation, unless it is recorded already."""
        if not self.rows or self.rows[-1][0] < self.count or self.rows[-1][2] > self.loss:
            self._record()

    def _record(self) -> None:
        self.rows.append((self.count, time.process_time() - self._begun, self.loss, self.n_delta))
