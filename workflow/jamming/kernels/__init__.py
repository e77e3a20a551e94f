"""One training step, the place where all the time goes, with several implementations.

`hinge_adam` says what a step on the hinge loss is; `torch_step` does it in torch on any device and is the reference;
`compiled` does it in C++ on the CPU; `mixed` does it by either, in single precision first. For cross-entropy the
reference is `jamming.cross_entropy`, which `compiled_cross_entropy` follows. They agree to rounding; `choose` picks the
fastest that works here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ..cross_entropy import CrossEntropySGD
from ..spec import Network, Protocol
from . import build
from .compiled import CompiledHingeAdam
from .compiled_cross_entropy import CompiledCrossEntropySGD
from .hinge_adam import HingeAdam
from .mixed import SINGLE_ABOVE, MixedHingeAdam
from .torch_step import TorchHingeAdam

BACKENDS = ("auto", "compiled", "torch")


@dataclass(frozen=True)
class Backend:
    """What does the arithmetic. `name` goes on record: results differ between backends in rounding."""

    name: str
    hinge_adam: type[HingeAdam]
    cross_entropy: type[CrossEntropySGD]

    def begin_hinge(
        self,
        network: Network,
        params: np.ndarray,
        inputs: np.ndarray,
        labels: np.ndarray,
        protocol: Protocol,
        dtype: str,
        device: str,
    ) -> HingeAdam | MixedHingeAdam:
        """A training on the hinge loss at its start, in the precision `dtype`: float64, float32 or mixed."""

        def make(precision: torch.dtype) -> HingeAdam:
            return self.hinge_adam(network, params, inputs, labels, protocol.margin, precision, device)

        if dtype == "mixed":
            return MixedHingeAdam(make, single_above=SINGLE_ABOVE * protocol.rate)
        return make(getattr(torch, dtype))

    def begin_cross_entropy(
        self,
        network: Network,
        params: np.ndarray,
        inputs: np.ndarray,
        labels: np.ndarray,
        seed: int,
        dtype: str,
        device: str,
    ) -> CrossEntropySGD:
        """A training on the cross-entropy at its start. Mixed is single: only signs of outputs are asked for."""
        precision = torch.float64 if dtype == "float64" else torch.float32
        return self.cross_entropy(network, params, inputs, labels, seed, precision, device)


def choose(device: str, backend: str = "auto", report: Callable[[str], None] = print) -> Backend:
    """The backend for a device ("cpu" or "cuda"); "auto" prefers the compiled one and says why it cannot be had.

    Raises ValueError if the compiled one is asked for and cannot be had.
    """
    if backend not in BACKENDS:
        raise ValueError(f"there is no backend '{backend}'; take one of {', '.join(BACKENDS)}.")
    in_torch = Backend("torch" if device == "cpu" else f"torch on {device}", TorchHingeAdam, CrossEntropySGD)
    if backend == "torch" or (backend == "auto" and device != "cpu"):
        return in_torch
    if device != "cpu":
        raise ValueError(f"the compiled training step runs on the CPU, not on {device}; set backend to auto or torch.")
    try:
        for library in ("compiled", "compiled_cross_entropy"):
            build.library(library)
    except build.BuildError as error:
        if backend == "compiled":
            raise ValueError(f"the training step cannot be compiled: {error}") from None
        report(f"training with torch, about three times slower, since the step cannot be compiled: {error}")
        return in_torch
    return Backend(f"compiled by {build.description()}", CompiledHingeAdam, CompiledCrossEntropySGD)
