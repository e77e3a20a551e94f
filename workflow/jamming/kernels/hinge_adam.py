"""The interface of the training step on the hinge loss, and its shared parts: Adam's state, and how it is saved."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np

from ..losses import quadratic_hinge
from ..spec import Network

# Adam's constants (Kingma and Ba 2015), as the papers used them.
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8

STATE = ("params", "first_moment", "second_moment")


class HingeAdam(ABC):
    """A network under full-batch Adam on the quadratic hinge loss.

    The training loop calls `look` and `advance`. A step of `advance` is an `update`, then `compute_gradient` at the
    new parameters. So all attributes belong to the present parameters.

    Numpy arrays on every device: `params`, `gradient`, `first_moment`, `second_moment` (Ñ,); `outputs`, `delta`,
    `labels` (P,). Do not write to them. The next step may overwrite them, so copy what is needed later. `step` counts
    the steps of the training. Adam makes those after step `begun`.
    """

    params: np.ndarray
    gradient: np.ndarray
    first_moment: np.ndarray
    second_moment: np.ndarray
    outputs: np.ndarray
    delta: np.ndarray
    labels: np.ndarray

    is_done = False  # Adam always finds a next step

    def __init__(
        self,
        network: Network,
        params: np.ndarray,
        inputs: np.ndarray,
        labels: np.ndarray,
        margin: float,
        dtype: str = "float64",
        device: str = "cpu",
    ):
        """`params` (Ñ,), `inputs` (P, d), `labels` (P,) of ±1; `dtype` is float64 or float32."""
        self.network, self.margin = network, margin
        self.step = self.begun = 0
        self._n_delta: int | None = None
        self._begin(params, inputs, labels, dtype, device)

    @property
    def members(self) -> list["HingeAdam"]:
        """The networks trained here: this one."""
        return [self]

    @property
    def loss(self) -> float:
        """𝓛 ([G] Eq. 9) at the parameters of the last gradient."""
        return quadratic_hinge(self.delta)

    def look(self) -> tuple[list[int], list[int]]:
        """The step and N_Δ of each of `members`, as two lists."""
        if self._n_delta is None:
            self._n_delta = self.compute_gradient()
        return [self.step], [self._n_delta]

    def advance(self, rates: Sequence[float]) -> None:
        """Make one step at each of these learning rates; stop early where N_Δ = 0. Call `look` before."""
        for rate in rates:
            if self._n_delta == 0:
                return
            self.update(rate)
            self._n_delta = self.compute_gradient()

    @abstractmethod
    def _begin(self, params: np.ndarray, inputs: np.ndarray, labels: np.ndarray, dtype: str, device: str) -> None:
        """Set up the parameters and moments, and lay out the patterns."""

    @abstractmethod
    def compute_gradient(self) -> int:
        """Fill `outputs`, `delta` and `gradient` at the present parameters; return N_Δ."""

    @abstractmethod
    def update(self, rate: float) -> None:
        """Make one Adam step along the last gradient."""

    @abstractmethod
    def evaluator(self, inputs: np.ndarray) -> Callable[[], np.ndarray]:
        """A function that returns the outputs (Q,) for these inputs (Q, d) at the present parameters."""

    def state(self) -> dict:
        """Copies of the parameters and moments, from which `load_state` goes on with the same bits."""
        return {**{name: np.array(getattr(self, name)) for name in STATE}, "begun": self.begun}

    def load_state(self, state: dict, step: int) -> None:
        """Set the optimizer to `state`, taken after `step` steps. The state may come from the other precision."""
        for name in STATE:
            self._put(name, state[name])
        self.step, self.begun = step, state["begun"]
        self._n_delta = None

    hand_over = state
    """The state from which the next stage of a training begins."""

    def move_to(self, params: np.ndarray) -> None:
        """Set the parameters (Ñ,) directly; Adam's moments stay as they are. Counts as a step."""
        self._put("params", params)
        self.step += 1

    @abstractmethod
    def _put(self, name: str, values: np.ndarray) -> None:
        """Overwrite one of `STATE`."""
