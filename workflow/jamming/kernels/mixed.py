"""Mixed precision: the long way in single precision, the last decades of the loss in double.

Far from convergence a step need not be exact, the next one corrects it, and single precision does twice the work in the
same time. In the end patterns and pre-activations come to lie within a rounding of Δ = 0 and of the cusp, and those are
what is measured: then it will not do.
"""

from collections.abc import Callable

import numpy as np

from .hinge_adam import HingeAdam
from .stages import Stages

SINGLE_ABOVE = 0.1
"""Double precision begins where the learning rate has fallen to this part of the first one."""


class MixedHingeAdam(Stages):
    """A HingeAdam in single precision that becomes one in double precision, for good.

    It does so as soon as N_Δ = 0, so that a network fits by the same rule as in double precision throughout, and before
    the first update at a rate of `single_above` or less. Used as HingeAdam; `state` says by its type which of the two
    it is, so that a saved training goes on with the same bits.
    """

    def __init__(self, make: Callable[[str], HingeAdam], single_above: float):
        """`make` gives the training from its start in either precision."""
        self._make, self._single_above = make, single_above
        self._now = make("float32")

    step = property(lambda self: self._now.step)

    @property
    def is_double(self) -> bool:
        return self._now.params.dtype == np.float64

    def compute_gradient(self) -> int:
        """As HingeAdam's; N_Δ = 0 is never of single precision."""
        n_delta = self._now.compute_gradient()
        if n_delta == 0 and not self.is_double:
            self._become_double()
            n_delta = self._now.compute_gradient()
        return n_delta

    def update(self, rate: float) -> None:
        """As HingeAdam's."""
        if rate <= self._single_above and not self.is_double:
            self._become_double()
            self._now.compute_gradient()
        self._now.update(rate)

    def state(self) -> dict[str, np.ndarray]:
        """As HingeAdam's."""
        return self._now.state()

    def load_state(self, state: dict[str, np.ndarray], step: int) -> None:
        """As HingeAdam's."""
        if state["params"].dtype == np.float64 and not self.is_double:
            self._now = self._make("float64")
        self._now.load_state(state, step)

    def _become_double(self) -> None:
        state, step = self._now.state(), self._now.step
        self._now = self._make("float64")
        self._now.load_state(state, step)
