"""One training step, the place where all the time goes, with several implementations.

`hinge_adam` says what a step on the hinge loss is; `torch_step` does it in torch on any device and is the reference;
`compiled` does it in C++ on the CPU; `batched` does it for many replicas together, for GPUs. `lbfgs_descent` moves by
L-BFGS with the gradient of any of them. For cross-entropy the reference is `torch_cross_entropy`, which
`compiled_cross_entropy` follows. All agree to rounding; `choose` picks the fastest that works here. All speak numpy;
torch is imported only where it does the arithmetic.

The training loop sees them in one way: an optimizer has `members`, one for each network it trains, and is asked to
`look` and to `advance`; a member shows `params`, `loss`, `outputs`, … and has a `state` (see `HingeAdam`).
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
    """A network at its start, and what it has to learn.

    `params` (Ñ,), `inputs` (P, d), `labels` (P,) of ±1, the `margin` ε, and the seed of the order of batches.
    """

    network: Network
    params: np.ndarray
    inputs: np.ndarray
    labels: np.ndarray
    margin: float
    batches_seed: int = 0


@dataclass(frozen=True)
class Backend:
    """What does the arithmetic. `name` goes on record: results differ between backends in rounding.

    With `batched` the replicas of a point are trained together by it; without, networks are trained one by one.
    """

    name: str
    hinge_adam: type[HingeAdam]
    cross_entropy: type[CrossEntropySGD]
    batched: "type[BatchedHingeAdam] | None" = None

    def begin(
        self, stage: Stage, problems: Sequence[Problem], device: str
    ) -> "HingeAdam | LbfgsDescent | CrossEntropySGD | BatchedHingeAdam":
        """The optimizer of a stage, at the start of these problems; several problems differ in their arrays alone."""
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
    """ "auto" becomes "cuda" where there is one, else "cpu".

    Raises ValueError if CUDA is asked for in vain, or torch is not installed, which alone knows.
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
    """The backend for a device; "auto" is the batched one on "cuda", and on "cpu" the compiled one if it can be had.

    `threads` are those of torch; the compiled one has one. With `together` false networks are trained one by one
    whatever the backend (see `Point.can_train_together`), and the backend is named for what trains them.

    Raises ValueError if the compiled one is asked for and cannot be had, or torch is needed and not installed.
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
    """The package torch; raises ValueError if it is not installed. Most training does without, and so does `make`."""
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
