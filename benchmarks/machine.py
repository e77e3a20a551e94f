"""The machine of the measurements: its processor, its libraries, and its speed of matrix products."""

import os
import platform
from collections.abc import Callable
from pathlib import Path

from jamming import kernels


def describe() -> dict:
    """Processor, cores, versions, and the backend of the training step, as text and whole numbers."""
    import numpy as np
    import torch

    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "backend": kernels.choose("cpu").name,
    }


def processor() -> str:
    """The model of the processor, as the operating system calls it."""
    listed = Path("/proc/cpuinfo")
    if listed.exists():
        for line in listed.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def product(dtype: str, size: int = 1024) -> tuple[Callable[[], object], float]:
    """A function that multiplies two square matrices in `dtype`, and the number of its floating-point operations."""
    import torch

    first, second = (torch.rand(size, size, dtype=getattr(torch, dtype)) for _ in range(2))
    result = torch.empty_like(first)
    return lambda: torch.mm(first, second, out=result), 2.0 * size**3


def step_operations(n_weights: int, n_train: int, n_delta: int) -> float:
    """Floating-point operations of a step: forward for all patterns; backward, twice as many, for unsatisfied ones."""
    return 2.0 * n_weights * n_train * (1 + 2 * n_delta / n_train)
