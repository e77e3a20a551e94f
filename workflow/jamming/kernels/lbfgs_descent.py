"""L-BFGS for the training loop. It has the methods of `HingeAdam`, and takes the gradient from any backend.

Below jamming L-BFGS needs far fewer evaluations than Adam to fit all patterns (docs/laptop.md). Above jamming the
minima lie on cusps of ReLUs. The gradient jumps there, and L-BFGS makes little progress. So Adam follows and settles
on the cusps.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter

import numpy as np

from .hinge_adam import STATE, HingeAdam
from .lbfgs import Lbfgs


class LbfgsDescent:
    """A network trained by L-BFGS on the quadratic hinge loss. Every step is one evaluation of the gradient.

    `params` is the point that was evaluated last. During a line search its loss can be above that of earlier points.
    The next stage begins from the lowest accepted point.
    """

    params, gradient, outputs, delta, labels, loss, step = (
        property(attrgetter(f"_kernel.{name}"))
        for name in ("params", "gradient", "outputs", "delta", "labels", "loss", "step")
    )

    def __init__(self, kernel: HingeAdam, until: int, memory: int, loss: float = 0.0):
        """Begin at the present parameters of `kernel`, which evaluates the gradient in double precision.

        L-BFGS stops as soon as 𝓛 < `loss`. The next stage begins at the step `until`, even if L-BFGS stopped earlier.
        `memory` is the number of pairs that L-BFGS keeps.
        """
        self._kernel, self._lbfgs = kernel, Lbfgs(kernel.params, memory)
        self._until, self._memory, self._enough = until, memory, loss
        self._n_delta: int | None = None
        self.is_done = False

    @property
    def members(self) -> list["LbfgsDescent"]:
        return [self]

    def look(self) -> tuple[list[int], list[int]]:
        """As HingeAdam's."""
        if self._n_delta is None:
            self._n_delta = self._kernel.compute_gradient()
        return [self.step], [self._n_delta]

    def advance(self, rates: Sequence[float]) -> None:
        """Make one step for each rate. Stop early if N_Δ = 0, if 𝓛 is low enough, or if no direction leads down."""
        for _ in rates:
            if self._n_delta == 0:
                return
            # The next stage begins at the lowest accepted point, so the loss of that point decides.
            can_move = self._lbfgs.advance(self.loss, self.gradient)
            self.is_done = not can_move or self._lbfgs.loss < self._enough
            if self.is_done:
                return
            self._kernel.move_to(self._lbfgs.point)
            self._n_delta = self._kernel.compute_gradient()

    def evaluator(self, inputs: np.ndarray) -> Callable[[], np.ndarray]:
        """As HingeAdam's."""
        return self._kernel.evaluator(inputs)

    def state(self) -> dict:
        """As HingeAdam's."""
        return {"params": np.array(self.params), "lbfgs": self._lbfgs.state()}

    def load_state(self, state: dict, step: int) -> None:
        """As HingeAdam's."""
        if "lbfgs" in state:
            self._lbfgs.load_state(state["lbfgs"])
        else:
            # This is a state of Adam. L-BFGS uses its parameters only.
            self._lbfgs = Lbfgs(state["params"], self._memory)
        self._kernel.move_to(state["params"])
        self._kernel.step, self._n_delta = step, None

    def hand_over(self) -> dict:
        """The initial state of Adam at the step `until`: the best parameters and zero moments."""
        best = np.array(self._lbfgs.best)
        params, *moments = STATE
        return {params: best, **{name: np.zeros_like(best) for name in moments}, "begun": self._until}
