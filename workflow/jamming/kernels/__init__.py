"""One training step, the place where all the time goes, behind one class with several implementations.

`HingeAdam` says what a step is; `torch_step` does it in torch on any device and is the reference; `compiled` does it
in C++ on the CPU. They agree to rounding. `choose` picks the fastest that works here.
"""

from collections.abc import Callable

from .build import BuildError
from .hinge_adam import HingeAdam

BACKENDS = ("auto", "compiled", "torch")


def choose(device: str, backend: str = "auto", report: Callable[[str], None] = print) -> type[HingeAdam]:
    """The implementation for a device ("cpu" or "cuda"); "auto" prefers the compiled one and says why it cannot be had.

    Raises ValueError if the compiled one is asked for and cannot be had.
    """
    from .compiled import CompiledHingeAdam
    from .torch_step import TorchHingeAdam

    if backend not in BACKENDS:
        raise ValueError(f"there is no backend '{backend}'; take one of {', '.join(BACKENDS)}.")
    if backend == "torch" or (backend == "auto" and device != "cpu"):
        return TorchHingeAdam
    if device != "cpu":
        raise ValueError(f"the compiled training step runs on the CPU, not on {device}; set backend to auto or torch.")
    try:
        CompiledHingeAdam.prepare()
    except BuildError as error:
        if backend == "compiled":
            raise ValueError(f"the training step cannot be compiled: {error}") from None
        report(f"training with torch, about three times slower, since the step cannot be compiled: {error}")
        return TorchHingeAdam
    return CompiledHingeAdam
