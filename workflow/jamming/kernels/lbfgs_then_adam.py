"""L-BFGS first, Adam after: down to where the gradient jumps, then with a falling rate onto the cusps.

Below jamming L-BFGS needs far fewer evaluations than Adam to fit all patterns (docs/laptop.md). Above, the minima lie
on cusps of ReLUs, where the gradient jumps and it only creeps; a falling rate settles there.
"""

from collections.abc import Callable

import numpy as np

from ..losses import quadratic_hinge
from .hinge_adam import HingeAdam
from .lbfgs import Lbfgs
from .mixed import MixedHingeAdam
from .stages import Stages

BEGUN = "adam_begun"


class LbfgsThenAdam(Stages):
    """Used as HingeAdam. It moves by L-BFGS for `lbfgs_steps` updates, or fewer if that gets stuck, then by Adam.

    Every step is one evaluation of the gradient. In the line search of L-BFGS `params` may stand higher than before;
    Adam begins, with vanishing moments, from the lowest point that was accepted.
    """

    def __init__(
        self, descent: HingeAdam, lbfgs_steps: int, begin_adam: Callable[[np.ndarray], HingeAdam | MixedHingeAdam]
    ):
        """`descent` evaluates for L-BFGS, in double precision; `begin_adam` gives the training by Adam from params."""
        self._now, self._lbfgs_steps, self._begin_adam = descent, lbfgs_steps, begin_adam
        self._lbfgs: Lbfgs | None = Lbfgs(descent.params)
        self._begun = 0

    step = property(lambda self: self._begun + self._now.step)

    def compute_gradient(self) -> int:
        """As HingeAdam's."""
        return self._now.compute_gradient()

    def update(self, rate: float) -> None:
        """As HingeAdam's; L-BFGS finds the length of its steps itself and does not ask for the rate."""
        if self._lbfgs is not None:
            if self.step < self._lbfgs_steps and self._lbfgs.advance(quadratic_hinge(self.delta), self.gradient):
                self._now.move_to(self._lbfgs.point)
                return
            self._become_adam(self.step, self._lbfgs.best)
            self._now.compute_gradient()
        self._now.update(rate)

    def state(self) -> dict[str, np.ndarray]:
        """As HingeAdam's."""
        if self._lbfgs is None:
            return {**self._now.state(), BEGUN: self._begun}
        return {"params": np.array(self.params), "lbfgs": self._lbfgs.state()}

    def load_state(self, state: dict[str, np.ndarray], step: int) -> None:
        """As HingeAdam's."""
        if "lbfgs" in state:
            self._lbfgs.load_state(state["lbfgs"])
            self._now.move_to(state["params"])
            self._now.step = step
            return
        self._become_adam(int(state[BEGUN]), state["params"])
        self._now.load_state(state, step - self._begun)

    def _become_adam(self, step: int, params: np.ndarray) -> None:
        self._begun, self._lbfgs, self._now = step, None, self._begin_adam(params)
