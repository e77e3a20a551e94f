"""Shared by the compiled steps: memory and patterns in the layout of `blocks.h`, and the functions of a library."""

import math
from collections.abc import Mapping

import numpy as np

from . import build

VECTOR_BYTES, VECTORS_IN_A_ROW = 64, 8
PRECISIONS = {"float64": "double", "float32": "float"}


class Patterns:
    """Patterns in the layout of `blocks.h`: `inputs` (blocks, d, block), and `labels`, `outputs`, `delta` (P,)."""

    def __init__(self, inputs: np.ndarray, labels: np.ndarray, dtype: str):
        """`inputs` (P, d), `labels` (P,)."""
        block = VECTORS_IN_A_ROW * VECTOR_BYTES // np.dtype(dtype).itemsize
        n_patterns, dim = inputs.shape
        n_blocks = math.ceil(n_patterns / block)
        # Patterns of zeros fill the last block; the libraries do not count them.
        self._padded = np.zeros((n_blocks * block, dim), dtype)
        self.inputs = zeros((n_blocks, dim, block), dtype)
        self.labels, self.outputs, self.delta = (zeros(n_blocks * block, dtype)[:n_patterns] for _ in range(3))
        self.fill(inputs, labels)

    def fill(self, inputs: np.ndarray, labels: np.ndarray) -> None:
        """Replace the patterns by these inputs (P, d) and labels (P,)."""
        n_blocks, dim, block = self.inputs.shape
        self._padded[: len(inputs)] = inputs
        self.inputs[:] = self._padded.reshape(n_blocks, block, dim).transpose(0, 2, 1)
        self.labels[:] = labels


def zeros(shape: int | tuple[int, ...], dtype: str) -> np.ndarray:
    """As numpy.zeros, in memory aligned to VECTOR_BYTES."""
    n_bytes = math.prod(np.atleast_1d(shape).tolist()) * np.dtype(dtype).itemsize
    memory = np.zeros(n_bytes + VECTOR_BYTES, np.uint8)
    start = -memory.ctypes.data % VECTOR_BYTES
    return memory[start : start + n_bytes].view(dtype).reshape(shape)


def functions(library: str, dtype: str, returned: Mapping[str, type | None]) -> dict:
    """The functions of a library in one precision, by name. `returned` gives the C type that each returns.

    Raises build.BuildError if the library cannot be built.
    """
    found = {name: build.library(library)[f"{name}_{PRECISIONS[dtype]}"] for name in returned}
    for name, function in found.items():
        function.restype = returned[name]
    return found


def address(array: np.ndarray) -> int:
    """The address of the first number of an array from `zeros`."""
    address = array.ctypes.data
    assert address % VECTOR_BYTES == 0, "the libraries load whole vectors"
    return address
