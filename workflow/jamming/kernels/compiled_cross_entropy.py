"""One step of `cross_entropy_sgd` in C++ (`compiled_cross_entropy.cpp`), on one core of the CPU."""

import ctypes

import numpy as np

from ..batch_norm import NORMALIZATION_EPSILON
from .blocks import Patterns, address, functions, zeros
from .cross_entropy_sgd import CrossEntropySGD


class Problem(ctypes.Structure):
    """Sizes and addresses of the library's arrays, in the order of `Problem` in compiled_cross_entropy.cpp."""

    _fields_ = (
        *((name, ctypes.c_longlong) for name in ("dim", "width", "depth", "tanh", "n_patterns", "n_params")),
        ("epsilon", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in ("inputs", "labels", "params", "gradient", "outputs", "workspace")),
    )


class CompiledCrossEntropySGD(CrossEntropySGD):
    """The step as one call into the library."""

    def train_step(self, rate: float) -> None:
        self._functions["train_step"](ctypes.byref(self._problems[self.next_batch()]), rate)
        self.step += 1

    def evaluate_all(self) -> np.ndarray:
        self._functions["outputs"](ctypes.byref(self._whole))
        return self._all.outputs

    def _begin(self, params: np.ndarray, inputs: np.ndarray, dtype: str, device: str) -> None:
        names = {"workspace_size": ctypes.c_longlong, "outputs": None, "train_step": None}
        self._functions = functions("compiled_cross_entropy", dtype, names)
        self._functions["train_step"].argtypes = [ctypes.c_void_p, ctypes.c_double]
        self.params, self.gradient = zeros(len(params), dtype), zeros(len(params), dtype)
        self.params[:] = params
        self._inputs, self._all = inputs, Patterns(inputs, self.labels, dtype)
        size = self.batch_size
        self._batches = [Patterns(inputs[:size], self.labels[:size], dtype) for _ in range(self.steps_per_epoch)]
        self._whole, *self._problems = self._with_workspace([self._all, *self._batches])

    def _put(self, params: np.ndarray) -> None:
        self.params[:] = params

    def _lay_out(self) -> None:
        for patterns, batch in zip(self._batches, self.batches, strict=True):
            patterns.fill(self._inputs[batch], self.labels[batch])

    def _with_workspace(self, sets: list[Patterns]) -> list[Problem]:
        """The library's description of each set of patterns. All share one workspace."""
        problems = [self._problem(patterns) for patterns in sets]
        size = max(self._functions["workspace_size"](ctypes.byref(problem)) for problem in problems)
        self._workspace = zeros(size, "uint8")
        for problem in problems:
            problem.workspace = address(self._workspace)
        return problems

    def _problem(self, patterns: Patterns) -> Problem:
        network = self.network
        return Problem(
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
