"""What every implementation of the training step shares: Adam's state and how it is saved and looked at."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import torch

from ..network import layers
from ..spec import Network

# Adam's constants (Kingma and Ba 2015), the ones the papers used.
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class HingeAdam(ABC):
    """A network under full-batch Adam on the quadratic hinge loss.

    `compute_gradient` and `update` alternate. Attributes: `params` (Ñ,), `gradient` (Ñ,), `first_moment`,
    `second_moment` (Ñ,), `outputs` (P,), `delta` (P,) as of the last `compute_gradient`, `labels` (P,), and `step`.
    """

    def __init__(
        self,
        network: Network,
        params: np.ndarray,
        inputs: np.ndarray,
        labels: np.ndarray,
        margin: float,
        dtype: torch.dtype = torch.float64,
        device: str = "cpu",
    ):
        """`params` (Ñ,), `inputs` (P, d), `labels` (P,) of ±1."""
        self.network, self.margin, self.step = network, margin, 0
        self.params = torch.tensor(params, dtype=dtype, device=device)
        self.gradient, self.first_moment, self.second_moment = (torch.zeros_like(self.params) for _ in range(3))
        self._layers = self._views(self.params)
        self._take(inputs, labels)

    @abstractmethod
    def _take(self, inputs: np.ndarray, labels: np.ndarray) -> None:
        """Lay out the patterns, and set `labels`, `outputs` and `delta`."""

    @abstractmethod
    def compute_gradient(self) -> int:
        """Fill `outputs`, `delta` and `gradient` at the present parameters; return N_Δ."""

    @abstractmethod
    def update(self, rate: float) -> None:
        """One Adam step along the last gradient."""

    def state(self) -> dict[str, np.ndarray]:
        """Copies of the parameters and moments, from which `load_state` goes on with the same bits."""
        names = ("params", "first_moment", "second_moment")
        return {name: getattr(self, name).cpu().numpy().copy() for name in names}

    def load_state(self, state: dict[str, np.ndarray], step: int) -> None:
        """Put the optimizer where `state` was taken, after `step` updates."""
        for name, values in state.items():
            getattr(self, name).copy_(torch.tensor(values))
        self.step = step

    def evaluator(self, inputs: np.ndarray) -> Callable[[], torch.Tensor]:
        """A function that gives the outputs (Q,) for other inputs (Q, d) at the parameters of the moment."""
        features_by_patterns = torch.tensor(
            np.ascontiguousarray(inputs.T), dtype=self.params.dtype, device=self.params.device
        )
        return lambda: self._evaluate(features_by_patterns)

    def _evaluate(self, inputs: torch.Tensor) -> torch.Tensor:
        active = inputs
        for weights, biases in self._layers[:-1]:
            active = torch.addmm(biases[:, None], weights, active)
            active = active.relu_() if self.network.activation == "relu" else active.tanh_()
        weights, bias = self._layers[-1]
        return (weights @ active)[0] + bias

    def _views(self, flat: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
        return [
            (flat[layer.weights].view(layer.n_out, layer.n_in), flat[layer.biases]) for layer in layers(self.network)
        ]
