"""The training step in torch, on the CPU or on CUDA. Only unsatisfied patterns take part in the backward pass.

Activations are stored as features × patterns: the long axis is contiguous, which suits narrow layers.
Patterns are taken in blocks that stay in the processor's cache from the forward to the backward pass.
"""

import itertools
import math
from collections.abc import Callable

import numpy as np
import torch

from ..network import layers
from .hinge_adam import BETA_1, BETA_2, EPSILON, HingeAdam

# The activations of a block should fit into a core's second-level cache. Smaller blocks cost more calls than they save.
CACHE_BYTES = 2**21
SMALLEST_BLOCK = 1024
# If a larger fraction of a block is unsatisfied, copying these patterns costs more than the arithmetic it saves.
GATHER_BELOW = 0.8


def seen(name: str) -> property:
    """The tensor of this name as an array: a view on the CPU, a copy from a GPU."""
    return property(lambda self: getattr(self, name).cpu().numpy())


class TorchHingeAdam(HingeAdam):
    """The step as a few calls of torch per layer and block."""

    params, gradient, outputs, delta, labels = map(seen, ("_params", "_gradient", "_outputs", "_delta", "_labels"))
    first_moment, second_moment = seen("_first_moment"), seen("_second_moment")

    def _begin(self, params: np.ndarray, inputs: np.ndarray, labels: np.ndarray, dtype: str, device: str) -> None:
        network, self._options = self.network, {"dtype": getattr(torch, dtype), "device": device}
        self._params = torch.tensor(params, **self._options)
        self._gradient, self._first_moment, self._second_moment, self._scratch = (
            torch.zeros_like(self._params) for _ in range(4)
        )
        self._inputs = torch.tensor(np.ascontiguousarray(inputs.T), **self._options)
        self._labels = torch.tensor(labels, **self._options)
        self._outputs, self._delta = torch.zeros_like(self._labels), torch.zeros_like(self._labels)
        self._margin = torch.full((), self.margin, **self._options)
        self._layers, self._gradients = self._views(self._params), self._views(self._gradient)

        block = n_train = len(labels)
        if self._params.device.type == "cpu":
            bytes_per_pattern = network.n_hidden * self._params.element_size()
            block = max(SMALLEST_BLOCK, CACHE_BYTES // bytes_per_pattern)
        pieces = math.ceil(n_train / block)
        edges = [round(piece * n_train / pieces) for piece in range(pieces + 1)]
        self._blocks = [slice(start, stop) for start, stop in itertools.pairwise(edges)]
        # Inputs and activations of a block are in one array, so that one call gathers the unsatisfied patterns of all.
        self._rows = [slice(0, network.dim)]
        for _ in range(network.depth):
            self._rows.append(slice(self._rows[-1].stop, self._rows[-1].stop + network.width))
        self._widest = max(block.stop - block.start for block in self._blocks)
        self._buffer = torch.empty(self._rows[-1].stop * self._widest, **self._options)
        self._inputs_are_in_place = False

    def _put(self, name: str, values: np.ndarray) -> None:
        getattr(self, f"_{name}").copy_(torch.tensor(values))

    def evaluator(self, inputs: np.ndarray) -> Callable[[], np.ndarray]:
        features_by_patterns = torch.tensor(np.ascontiguousarray(inputs.T), **self._options)
        return lambda: self._evaluate(features_by_patterns).cpu().numpy()

    def compute_gradient(self) -> int:
        """Fill `outputs`, `delta` and `gradient` at the present parameters; return N_Δ."""
        self._gradient.zero_()
        n_delta = 0
        for block in self._blocks:
            active = self._forward(block)
            labels, delta = self._labels[block], self._delta[block]
            torch.addcmul(self._margin, labels, self._outputs[block], value=-1, out=delta)
            unsatisfied = (delta > 0).nonzero()[:, 0]
            n_delta += len(unsatisfied)
            if len(unsatisfied):
                self._backward(active, unsatisfied, labels, delta)
        return n_delta

    def update(self, rate: float) -> None:
        """Make one Adam step along the last gradient."""
        self.step += 1
        count = self.step - self.begun
        self._first_moment.lerp_(self._gradient, 1 - BETA_1)
        self._second_moment.mul_(BETA_2).addcmul_(self._gradient, self._gradient, value=1 - BETA_2)
        torch.sqrt(self._second_moment, out=self._scratch)
        self._scratch.div_(math.sqrt(1 - BETA_2**count)).add_(EPSILON)
        self._params.addcdiv_(self._first_moment, self._scratch, value=-rate / (1 - BETA_1**count))

    def _forward(self, block: slice) -> torch.Tensor:
        """Inputs and activations of one block, (d + L·h, patterns); fills `outputs`."""
        size = block.stop - block.start
        active = self._buffer[: self._rows[-1].stop * size].view(-1, size)
        if len(self._blocks) > 1 or not self._inputs_are_in_place:
            active[self._rows[0]] = self._inputs[:, block]
            self._inputs_are_in_place = True
        for (weights, biases), rows, next_rows in zip(self._layers, self._rows, self._rows[1:], strict=False):
            torch.addmm(biases[:, None], weights, active[rows], out=active[next_rows])
            self._activate_(active[next_rows])
        weights, bias = self._layers[-1]
        torch.addmm(bias[:, None], weights, active[self._rows[-1]], out=self._outputs[block][None, :])
        return active

    def _backward(
        self, active: torch.Tensor, unsatisfied: torch.Tensor, labels: torch.Tensor, delta: torch.Tensor
    ) -> None:
        """Add the contribution of the unsatisfied patterns of one block to `gradient`."""
        if len(unsatisfied) < GATHER_BELOW * len(labels):
            # gather is several times faster than index_select along the contiguous axis.
            active = active.gather(1, unsatisfied.expand(len(active), -1))
            labels, delta = labels[unsatisfied], delta[unsatisfied]
        # ∂𝓛/∂f = −y max(0, Δ) / P
        sensitivity = (labels * delta.clip(min=0)).mul_(-1 / len(self._labels))[None, :]
        for number in range(len(self._layers) - 1, -1, -1):
            gradient_weights, gradient_biases = self._gradients[number]
            below = active[self._rows[number]]
            gradient_weights.addmm_(sensitivity, below.T)
            gradient_biases.add_(sensitivity.sum(1))
            if number:
                weights = self._layers[number][0]
                sensitivity = weights.T * sensitivity if len(weights) == 1 else weights.T @ sensitivity
                self._multiply_by_slope_(sensitivity, below)

    def _activate_(self, pre: torch.Tensor) -> torch.Tensor:
        if self.network.activation == "relu":
            return pre.relu_()
        if pre.device.type == "cpu":
            # numpy's vectorized tanh takes a third of the time of torch's; the two agree to rounding.
            np.tanh(pre.numpy(), out=pre.numpy())
            return pre
        return pre.tanh_()

    def _multiply_by_slope_(self, sensitivity: torch.Tensor, active: torch.Tensor) -> None:
        """Multiply in place by ρ'(a), computed from ρ(a)."""
        if self.network.activation == "relu":
            torch.ops.aten.threshold_backward.grad_input(sensitivity, active, 0, grad_input=sensitivity)
        else:
            sensitivity.addcmul_(sensitivity, active * active, value=-1)

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
