"""One step of `cross_entropy_sgd` in torch, on the CPU or on CUDA.

Activations are stored features × patterns, as in torch_step.py.
"""

import numpy as np
import torch

from ..batch_norm import NORMALIZATION_EPSILON, layers
from .cross_entropy_sgd import CrossEntropySGD
from .torch_step import seen


class TorchCrossEntropySGD(CrossEntropySGD):
    """The step as a few calls of torch per layer."""

    params, gradient = seen("_params"), seen("_gradient")

    def _begin(self, params: np.ndarray, inputs: np.ndarray, dtype: str, device: str) -> None:
        options = {"dtype": getattr(torch, dtype), "device": device}
        self._inputs = torch.tensor(np.ascontiguousarray(inputs.T), **options)
        self._targets = torch.tensor(self.labels, **options)
        self._params = torch.tensor(params, **options)
        self._gradient = torch.zeros_like(self._params)
        self._layers, self._gradients = self._views(self._params), self._views(self._gradient)

    def train_step(self, rate: float) -> None:
        number = self.next_batch()
        batch = slice(number * self.batch_size, (number + 1) * self.batch_size)
        outputs, active, normalized = self._forward(self._shuffled_inputs[:, batch])
        sensitivity = self._sensitivity(outputs, self._shuffled_targets[batch])
        self._backward(sensitivity[None, :], active, normalized)
        self._params.add_(self._gradient, alpha=-rate)
        self.step += 1

    def evaluate_all(self) -> np.ndarray:
        return self._forward(self._inputs)[0].cpu().numpy()

    def _put(self, params: np.ndarray) -> None:
        self._params.copy_(torch.tensor(params))

    def _lay_out(self) -> None:
        order = torch.from_numpy(self.batches.ravel()).to(self._targets.device)
        # One gather per epoch: batches are then slices of its result.
        self._shuffled_inputs = self._inputs.gather(1, order.expand(len(self._inputs), -1))
        self._shuffled_targets = self._targets[order]

    @staticmethod
    def _sensitivity(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """∂ℓ/∂f = −y / (1 + e^{y f}) for the mean over a batch: shape (B,)."""
        return torch.sigmoid(-labels * outputs).mul_(labels).mul_(-1 / len(labels))

    def _forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, list, list]:
        """Outputs (B,), inputs and activations of each layer (features, B), and for `_backward` the values of each BN.

        Those values are the pre-activations (1, features, B), their mean and their inverse standard deviation.
        """
        active, normalized = [inputs], []
        for weights, scales, shifts in self._layers[:-1]:
            # (1, features, B) is one sample with B positions. The mean is the same, but along the contiguous axis.
            pre = torch.mm(weights, active[-1])[None]
            out, mean, inverse_deviation = torch.native_batch_norm(
                pre, scales, shifts, None, None, training=True, momentum=0.0, eps=NORMALIZATION_EPSILON
            )
            normalized.append((pre, mean, inverse_deviation))
            active.append(out[0].relu_() if self.network.activation == "relu" else out[0].tanh_())
        weights, _, bias = self._layers[-1]
        return torch.mm(weights, active[-1])[0] + bias, active, normalized

    def _backward(self, sensitivity: torch.Tensor, active: list, normalized: list) -> None:
        """Fill `gradient` from `sensitivity` (1, B), which is ∂ℓ/∂f."""
        weights, _, _ = self._layers[-1]
        gradient_weights, _, gradient_bias = self._gradients[-1]
        torch.mm(sensitivity, active[-1].T, out=gradient_weights)
        torch.sum(sensitivity, dim=1, out=gradient_bias)
        sensitivity = weights.T * sensitivity
        for number in range(self.network.depth - 1, -1, -1):
            (weights, scales, _), (pre, mean, inverse_deviation) = self._layers[number], normalized[number]
            gradient_weights, gradient_scales, gradient_shifts = self._gradients[number]
            pulled_back, along_scales, along_shifts = torch.ops.aten.native_batch_norm_backward(
                self._times_slope(sensitivity, active[number + 1])[None],
                pre,
                scales,
                None,
                None,
                mean,
                inverse_deviation,
                True,
                NORMALIZATION_EPSILON,
                [True, True, True],
            )
            gradient_scales.copy_(along_scales)
            gradient_shifts.copy_(along_shifts)
            torch.mm(pulled_back[0], active[number].T, out=gradient_weights)
            if number:
                sensitivity = torch.mm(weights.T, pulled_back[0])

    def _times_slope(self, sensitivity: torch.Tensor, active: torch.Tensor) -> torch.Tensor:
        """`sensitivity` times ρ'(a), computed from ρ(a); ReLU'(0) = 0. All arrays are (h, B)."""
        if self.network.activation == "relu":
            return torch.ops.aten.threshold_backward(sensitivity, active, 0)
        return torch.ops.aten.tanh_backward(sensitivity, active)

    def _views(self, flat: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        return [
            (flat[layer.weights].view(layer.n_out, layer.n_in), flat[layer.scales], flat[layer.shifts])
            for layer in layers(self.network)
        ]
