"""What every implementation of the training step shares: Adam's state and how it is saved and looked at."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from ..spec import Network

# Adam's constants (Kingma and Ba 2015), the ones the papers used.
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8

STATE = ("params", "first_moment", "second_moment")


class HingeAdam(ABC):
    """A network under full-batch Adam on the quadratic hinge loss.

    `compute_gradient` and `update` alternate. What is seen of it are arrays, wherever the numbers lie, to be read and
    not written, and to be copied if they are to outlive the next step: `params`, `gradient`, `first_moment`,
    `second_moment` (Ñ,), `outputs` (P,), `delta` (P,) as of the last `compute_gradient`, `labels` (P,); and `step`.
    """

    params: np.ndarray
    gradient: np.ndarray
    first_moment: np.ndarray
    second_moment: np.ndarray
    outputs: np.ndarray
    delta: np.ndarray
    labels: np.ndarray

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
        self.network, self.margin, self.step = network, margin, 0
        self._begin(params, inputs, labels, dtype, device)

    @abstractmethod
    def _begin(self, params: np.ndarray, inputs: np.ndarray, labels: np.ndarray, dtype: str, device: str) -> None:
        """Set up the parameters and moments, and lay out the patterns."""

    @abstractmethod
    def compute_gradient(self) -> int:
        """Fill `outputs`, `delta` and `gradient` at the present parameters; return N_Δ."""

    @abstractmethod
    def update(self, rate: float) -> None:
        """One Adam step along the last gradient."""

    @abstractmethod
    def evaluator(self, inputs: np.ndarray) -> Callable[[], np.ndarray]:
        """A function that gives the outputs (Q,) for other inputs (Q, d) at the parameters of the moment."""

    def state(self) -> dict[str, np.ndarray]:
        """Copies of the parameters and moments, from which `load_state` goes on with the same bits."""
        return {name: np.array(getattr(self, name)) for name in STATE}

    def load_state(self, state: dict[str, np.ndarray], step: int) -> None:
        """Put the optimizer where `state` was taken, after `step` updates."""
        for name in STATE:
            self._put(name, state[name])
        self.step = step

    def move_to(self, params: np.ndarray) -> None:
        """A step of another making: to these parameters (Ñ,), past Adam."""
        self._put("params", params)
        self.step += 1

    @abstractmethod
    def _put(self, name: str, values: np.ndarray) -> None:
        """Overwrite one of `STATE`."""
