"""What the compiled steps share: patterns laid out as `blocks.h` wants them, and the functions of a library."""

import math
from collections.abc import Mapping

import numpy as np
import torch

from . import build

VECTOR_BYTES, VECTORS_IN_A_ROW = 64, 8


class Patterns:
    """Patterns as the library wants them: `inputs` in blocks (blocks, d, block), and of each pattern `labels`,
    `outputs` and `delta` (P,)."""

    def __init__(self, inputs: np.ndarray, labels: np.ndarray, dtype: torch.dtype):
        """`inputs` (P, d), `labels` (P,)."""
        block = VECTORS_IN_A_ROW * VECTOR_BYTES // dtype.itemsize
        n_patterns, dim = inputs.shape
        n_blocks = math.ceil(n_patterns / block)
        # What fills the last block are patterns of zeros, which the libraries do not count.
        self._padded = torch.zeros(n_blocks * block, dim, dtype=dtype)
        self.inputs = torch.zeros(n_blocks, dim, block, dtype=dtype)
        self.labels, self.outputs, self.delta = (
            torch.zeros(n_blocks * block, dtype=dtype)[:n_patterns] for _ in range(3)
        )
        self.labels.copy_(torch.tensor(labels))
        self.fill(torch.tensor(inputs))

    def fill(self, inputs: torch.Tensor) -> None:
        """Put other inputs (P, d) in place."""
        n_blocks, dim, block = self.inputs.shape
        self._padded[: len(inputs)] = inputs
        self.inputs.copy_(self._padded.view(n_blocks, block, dim).transpose(1, 2))


def functions(library: str, dtype: torch.dtype, returned: Mapping[str, type | None]) -> dict:
    """The functions of a library in one precision, given what each returns. Raises build.BuildError."""
    precision = {torch.float64: "double", torch.float32: "float"}[dtype]
    found = {name: build.library(library)[f"{name}_{precision}"] for name in returned}
    for name, function in found.items():
        function.restype = returned[name]
    return found


def address(tensor: torch.Tensor) -> int:
    """Where the numbers of a tensor begin."""
    address = tensor.data_ptr()
    assert address % VECTOR_BYTES == 0, "torch aligns its memory to 64 bytes"
    return address
