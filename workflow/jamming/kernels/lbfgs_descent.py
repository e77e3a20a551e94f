"""L-BFGS as an optimizer of the training loop: used as `HingeAdam`, whose gradient it takes from any backend.

Below jamming L-BFGS needs far fewer evaluations than Adam to fit all patterns (docs/laptop.md). Above, the minima lie
on cusps of ReLUs, where the gradient jumps and L-BFGS only creeps. So Adam follows, and settles on the cusps.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter

import numpy as np

from .hinge_adam import STATE, HingeAdam
from .lbfgs import Lbfgs


class LbfgsDescent:
    """A network under L-BFGS on the quadratic hinge loss. Every step is one evaluation of the gradient.

    `params` is the point that was evaluated last. In a line search its loss may be above that of earlier points; the
    next stage begins from the lowest point that was accepted.
    """

    params, gradient, outputs, delta, labels, loss, step = (
        property(attrgetter(f"_kernel.{name}"))
        for name in ("params", "gradient", "outputs", "delta", "labels", "loss", "step")
    )

    def __init__(self, kernel: HingeAdam, until: int, memory: int, loss: float = 0.0):
        """`kernel` evaluates, in double precision, from its present parameters on.

        The next stage begins at the step `until`, whether it takes so many until 𝓛 < `loss` or not. `memory` is the
        number of pairs that L-BFGS remembers.
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
        """As many steps as there are rates, or until N_Δ = 0, 𝓛 is low enough or no direction leads down."""
        for _ in rates:
            if self._n_delta == 0:
                return
            # The lowest point accepted so far is what it hands over.
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
            # Adam hands over: only its parameters are of use.
            self._lbfgs = Lbfgs(state["params"], self._memory)
        self._kernel.move_to(state["params"])
        self._kernel.step, self._n_delta = step, None

    def hand_over(self) -> dict:
        """The state in which Adam begins, at the step `until`: the best parameters, and moments of zero."""
        best = np.array(self._lbfgs.best)
        params, *moments = STATE
        return {params: best, **{name: np.zeros_like(best) for name in moments}, "begun": self._until}
