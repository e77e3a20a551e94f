"""One step of `cross_entropy_sgd` in C++ (`compiled_cross_entropy.cpp`), on one core of the CPU."""

import ctypes

import numpy as np
import torch

from ..cross_entropy import NORMALIZATION_EPSILON, CrossEntropySGD
from ..spec import Network
from .blocks import Patterns, address, functions


class Problem(ctypes.Structure):
    """What the library works on: sizes and addresses, in the order of `Problem` in compiled_cross_entropy.cpp."""

    _fields_ = (
        *((name, ctypes.c_longlong) for name in ("dim", "width", "depth", "tanh", "n_patterns", "n_params")),
        ("epsilon", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in ("inputs", "labels", "params", "gradient", "outputs", "workspace")),
    )


class CompiledCrossEntropySGD(CrossEntropySGD):
    """As the step in torch, with one call into the library each for the outputs and for the gradient."""

    def __init__(
        self,
        network: Network,
        params: np.ndarray,
        inputs: np.ndarray,
        labels: np.ndarray,
        seed: int,
        dtype: torch.dtype = torch.float64,
        device: str = "cpu",
    ):
        super().__init__(network, params, inputs, labels, seed, dtype, device)
        names = {"workspace_size": ctypes.c_longlong, "outputs": None, "gradient": None}
        self._functions = functions("compiled_cross_entropy", dtype, names)
        self._all = Patterns(inputs, labels, dtype)
        self._batch = Patterns(inputs[: self.batch_size], labels[: self.batch_size], dtype)
        self._problems = {patterns: self._problem(patterns) for patterns in (self._all, self._batch)}

    def train_step(self, rate: float) -> None:
        inputs, labels = self._next_batch()
        self._batch.fill(inputs.T)
        problem = ctypes.byref(self._problems[self._batch])
        self._functions["outputs"](problem)
        # What lies behind the last pattern stays zero, as it was made.
        self._batch.delta.copy_(self._sensitivity(self._batch.outputs, labels))
        self._functions["gradient"](problem, ctypes.c_void_p(address(self._batch.delta)))
        self.params.add_(self.gradient, alpha=-rate)
        self.step += 1

    def evaluate_all(self) -> torch.Tensor:
        self._functions["outputs"](ctypes.byref(self._problems[self._all]))
        self.outputs = self._all.outputs
        return self.outputs

    def _problem(self, patterns: Patterns) -> Problem:
        network = self.network
        problem = Problem(
            dim=network.dim,
            width=network.width,
            depth=network.depth,
            tanh=network.activation == "tanh",
            n_patterns=len(patterns.labels),
            n_params=len(self.params),
            epsilon=NORMALIZATION_EPSILON,
            **{name: address(getattr(patterns, name)) for name in ("inputs", "labels", "outputs")},
            params=address(self.params),
            gradient=address(self.gradient),
        )
        workspace = torch.zeros(self._functions["workspace_size"](ctypes.byref(problem)), dtype=torch.uint8)
        problem.workspace = address(workspace)
        problem.keeps = patterns, workspace  # the library has no more than their addresses
        return problem
