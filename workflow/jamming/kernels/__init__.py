"""Implementations of the training step, which takes nearly all the time of the project.

| loss          | interface         | torch (the reference) | C++ on the CPU         | many replicas on a GPU |
|---------------|-------------------|-----------------------|------------------------|------------------------|
| hinge         | hinge_adam        | torch_step            | compiled               | batched                |
| cross-entropy | cross_entropy_sgd | torch_cross_entropy   | compiled_cross_entropy |                        |

`lbfgs_descent` runs L-BFGS with the gradient of `torch_step` or `compiled`. All implementations agree to rounding.
`choose` takes the fastest one that works here. All take and return numpy arrays. torch is imported only where it does
the arithmetic.

The training loop uses all of them through one interface. An optimizer has `members`, one for each network that it
trains, and the methods `look` and `advance`. A member has `params`, `loss`, `outputs`, … and a `state` (see
`HingeAdam`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from ..protocols import Stage
from ..spec import Network
from . import build
from .compiled import CompiledHingeAdam
from .compiled_cross_entropy import CompiledCrossEntropySGD
from .cross_entropy_sgd import CrossEntropySGD
from .hinge_adam import HingeAdam
from .lbfgs_descent import LbfgsDescent

if TYPE_CHECKING:
    from .batched import BatchedHingeAdam

BACKENDS = ("auto", "compiled", "torch", "batched")


@dataclass(frozen=True)
class Problem:
    """A network with its initial parameters, and the patterns that it has to learn.

    `params` (Ñ,), `inputs` (P, d), `labels` (P,) of ±1, the `margin` ε. `batches_seed` sets the order of the batches.
    """

    network: Network
    params: np.ndarray
    inputs: np.ndarray
    labels: np.ndarray
    margin: float
    batches_seed: int = 0


@dataclass(frozen=True)
class Backend:
    """The classes that make the training steps. Result files record the `name`, since backends differ in rounding.

    If `batched` is set, it trains the replicas of a point together. Otherwise networks are trained one by one.
    """

    name: str
    hinge_adam: type[HingeAdam]
    cross_entropy: type[CrossEntropySGD]
    batched: "type[BatchedHingeAdam] | None" = None

    def begin(
        self, stage: Stage, problems: Sequence[Problem], device: str
    ) -> "HingeAdam | LbfgsDescent | CrossEntropySGD | BatchedHingeAdam":
        """The optimizer of a stage, at step 0 of these problems. Several problems may differ in their arrays alone."""
        first, precision = problems[0], stage.precision
        if self.batched is not None:
            arrays = ([getattr(each, name) for each in problems] for name in ("params", "inputs", "labels"))
            return self.batched(first.network, *arrays, first.margin, precision, device)
        patterns = first.network, first.params, first.inputs, first.labels
        if stage.method == "sgd":
            return self.cross_entropy(*patterns, first.batches_seed, precision, device)
        kernel = self.hinge_adam(*patterns, first.margin, precision, device)
        return LbfgsDescent(kernel, stage.until, stage.memory, stage.loss) if stage.method == "lbfgs" else kernel


def resolve_device(device: str) -> str:
    """The device to compute on; "auto" becomes "cuda" if torch sees a CUDA device, else "cpu".

    Raises ValueError if `device` is "cuda" and there is none, or if torch is needed to find out and not installed.
    """
    if device == "cpu":
        return device
    torch = _torch(f"device '{device}'")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda' but torch sees no CUDA device; set device to 'auto' or 'cpu'.")
    return device


def choose(
    device: str,
    backend: str = "auto",
    report: Callable[[str], None] = print,
    threads: int | None = None,
    together: bool = True,
) -> Backend:
    """The backend for a device. "auto" is the batched one on "cuda"; on "cpu" it is the compiled one, or else torch.

    `threads` is the number of threads of torch; the compiled step uses one. If `together` is false, networks are
    trained one by one on every device (see `Point.can_train_together`).

    Raises ValueError for an unknown backend, if the compiled one is asked for and cannot be built, and if torch is
    needed and not installed.
    """
    if backend not in BACKENDS:
        raise ValueError(f"there is no backend '{backend}'; take one of {', '.join(BACKENDS)}.")
    if backend in ("torch", "batched") or (backend == "auto" and device != "cpu"):
        torch = _torch(f"backend '{backend}' on {device}")
        return _in_torch(torch, device, threads, batched=together and backend != "torch")
    if device != "cpu":
        raise ValueError(f"the compiled training step runs on the CPU, not on {device}; set backend to auto or torch.")
    try:
        for library in ("compiled", "compiled_cross_entropy"):
            build.library(library)
    except build.BuildError as error:
        if backend == "compiled":
            raise ValueError(f"the training step cannot be compiled: {error}") from None
        torch = _torch(f"the training step cannot be compiled ({str(error).rstrip('.')}), and training without it")
        report(f"training with torch, about three times slower, since the step cannot be compiled: {error}")
        return _in_torch(torch, device, threads, batched=False)
    return Backend(f"compiled by {build.description()}", CompiledHingeAdam, CompiledCrossEntropySGD)


def _torch(why: str) -> ModuleType:
    """The package torch. Raises ValueError if it is not installed: the compiled step and `make setup` do without it."""
    try:
        return import_module("torch")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ValueError(f"{why} needs torch, which is not installed; `make setup-torch` installs it.") from None


def _in_torch(torch: ModuleType, device: str, threads: int | None, batched: bool) -> Backend:
    from .batched import BatchedHingeAdam
    from .torch_cross_entropy import TorchCrossEntropySGD
    from .torch_step import TorchHingeAdam

    if threads is not None:
        torch.set_num_threads(threads)
    name = ("batched torch" if batched else "torch") + ("" if device == "cpu" else f" on {device}")
    return Backend(name, TorchHingeAdam, TorchCrossEntropySGD, BatchedHingeAdam if batched else None)
