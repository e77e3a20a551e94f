"""The training step in C++ (`compiled.cpp`), on one core of the CPU: three times faster than torch for narrow layers.

It is compiled when first needed by the compiler that comes as a package (`build`), which needs nothing of the system.
"""

import ctypes
import math

import numpy as np
import torch

from . import build
from .hinge_adam import BETA_1, BETA_2, EPSILON, HingeAdam

VECTOR_BYTES, VECTORS_IN_A_ROW = 64, 8


class Problem(ctypes.Structure):
    """What the library works on: sizes and addresses, in the order of `Problem` in compiled.cpp."""

    _fields_ = (
        *((name, ctypes.c_longlong) for name in ("dim", "width", "depth", "tanh", "n_patterns", "n_params")),
        ("margin", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in ("inputs", "labels", "params", "gradient")),
        *((name, ctypes.c_void_p) for name in ("first_moment", "second_moment", "outputs", "delta", "workspace")),
    )


class CompiledHingeAdam(HingeAdam):
    """The step as one call into the library each for the gradient and for Adam."""

    @staticmethod
    def prepare() -> None:
        """Compile the library if that has not been done yet. Raises build.BuildError if it cannot be."""
        build.library()

    @staticmethod
    def backend(device: str) -> str:
        return f"compiled by {build.library()[1]}"

    def _take(self, inputs: np.ndarray, labels: np.ndarray) -> None:
        network, options = self.network, {"dtype": self.params.dtype}
        block = VECTORS_IN_A_ROW * VECTOR_BYTES // self.params.element_size()
        n_train = len(labels)
        n_blocks = math.ceil(n_train / block)
        # What fills the last block are patterns of zeros, which the library does not count.
        self._inputs = torch.zeros(n_blocks, network.dim, block, **options)
        padded = torch.zeros(n_blocks * block, network.dim, **options)
        padded[:n_train] = torch.tensor(inputs)
        self._inputs.copy_(padded.view(n_blocks, block, network.dim).transpose(1, 2))
        self._labels, self._outputs, self._delta = (torch.zeros(n_blocks * block, **options) for _ in range(3))
        self.labels, self.outputs, self.delta = (x[:n_train] for x in (self._labels, self._outputs, self._delta))
        self.labels.copy_(torch.tensor(labels))
        self._bind(n_train)

    def compute_gradient(self) -> int:
        return self._gradient(self._problem)

    def update(self, rate: float) -> None:
        self.step += 1
        rate, root = rate / (1 - BETA_1**self.step), math.sqrt(1 - BETA_2**self.step)
        self._update(self._problem, BETA_1, BETA_2, rate, root, EPSILON)

    def _bind(self, n_train: int) -> None:
        """Tell the library where everything is; the tensors stay where they are for as long as this object lives."""
        loaded, _ = build.library()
        precision = {torch.float64: "double", torch.float32: "float"}[self.params.dtype]
        problem = Problem(
            dim=self.network.dim,
            width=self.network.width,
            depth=self.network.depth,
            tanh=self.network.activation == "tanh",
            n_patterns=n_train,
            n_params=len(self.params),
            margin=self.margin,
            inputs=_address(self._inputs),
            labels=_address(self._labels),
            outputs=_address(self._outputs),
            delta=_address(self._delta),
            **{name: _address(getattr(self, name)) for name in ("params", "gradient", "first_moment", "second_moment")},
        )
        self._problem = ctypes.byref(problem)
        size = loaded[f"workspace_size_{precision}"]
        size.restype = ctypes.c_longlong
        self._workspace = torch.zeros(size(self._problem), dtype=torch.uint8)
        problem.workspace = _address(self._workspace)
        self._gradient, self._update = loaded[f"gradient_{precision}"], loaded[f"update_{precision}"]
        self._gradient.restype, self._update.restype = ctypes.c_longlong, None
        self._update.argtypes = [ctypes.c_void_p] + 5 * [ctypes.c_double]


def _address(tensor: torch.Tensor) -> int:
    address = tensor.data_ptr()
    assert address % VECTOR_BYTES == 0, "torch aligns its memory to 64 bytes"
    return address
