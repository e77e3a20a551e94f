"""Measure the speed of this machine for `plan`: half a minute of small problems of each kind.

Each time is the smallest of several measurements, which is the time on an idle machine.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from .. import batch_norm, kernels, network
from ..datasets import random
from ..observables import effective, spectra
from ..spec import Network
from .cost import Speeds

# (d, h, L), P: from small problems, whose time is that of calls, to large ones, whose time is that of arithmetic.
HINGE = (
    ((8, 8, 2), 340),
    ((20, 20, 2), 2100),
    ((13, 13, 5), 2000),
    ((10, 4, 5), 2000),
    ((10, 40, 2), 1500),
    ((51, 51, 3), 5000),
)
# The same problems, with a number of replicas that are trained together. The large ones are for GPUs only.
TOGETHER = tuple((shape, n, replicas) for shape, n in HINGE for replicas in (1, 5))
ON_GPUS = (((200, 200, 5), 20_000, 1), ((200, 200, 5), 20_000, 5))
STEPS_AT_ONCE = 3
CROSS_ENTROPY = (((25, 6, 3), 100), ((25, 12, 3), 400), ((25, 10, 5), 200), ((25, 30, 3), 1000))
WARM_UP_STEPS, WARM_UP_RATE = 150, 5e-3
# The imports of a job, by its task. Training with a backend in torch imports torch as well.
IMPORTS = {
    "training": "jamming.training.loop, jamming.training.width_search",
    "measuring": "jamming.observables.spectra, jamming.observables.effective",
    "drawing": "jamming.figures, jamming.figures.fig6, jamming.storage.store, matplotlib.backends.backend_svg",
}


def measure(
    device: str = "cpu", backend: str = "auto", dtype: str = "float64", seconds: float = 0.1, report: Callable = print
) -> Speeds:
    """The speeds of this machine. Each problem is repeated for about `seconds`, three times.

    For mixed precision (`dtype`) the steps are in single precision, as most of them are in a run. Raises ValueError if
    `device` or `backend` is not available.
    """
    chosen = kernels.choose(device, backend, report, threads=1)
    hinge, crossed = chosen.hinge_adam, chosen.cross_entropy
    where = {"dtype": "float32" if dtype == "mixed" else dtype, "device": device}
    fits = {
        activation: fit([_hinge_step(hinge, Network(*shape, activation), n, where, seconds) for shape, n in HINGE])
        for activation in ("relu", "tanh")
    }
    fits["cross_entropy_sgd"] = fit(
        [_cross_entropy_step(crossed, Network(*shape, "relu"), n, where, seconds) for shape, n in CROSS_ENTROPY]
    )
    together = {}
    if chosen.batched is not None:
        problems = TOGETHER + (ON_GPUS if device == "cuda" else ())
        together = {
            activation: fit(
                [
                    _batched_step(chosen.batched, shape, activation, n, replicas, where, seconds)
                    for shape, n, replicas in problems
                ]
            )
            for activation in ("relu", "tanh")
        }
    looked = [_evaluation(hinge, Network(*shape, "relu"), where, seconds) for shape, _ in HINGE[:5]]
    kernel = {"training": f", {hinge.__module__}, {crossed.__module__}"}
    starts = {name: _start(modules + kernel.get(name, "")) for name, modules in IMPORTS.items()}
    return Speeds(
        step={name: coefficients for name, (coefficients, _) in fits.items()},
        together={name: coefficients for name, (coefficients, _) in together.items()},
        evaluation=fit(looked)[0],
        spectrum=_slope([_spectrum(width, seconds) for width in (8, 20)]),
        effective=_slope([_effective(width, seconds) for width in (4, 10)]),
        start={name: seconds for name, (seconds, _) in starts.items()},
        base={name: memory for name, (_, memory) in starts.items()},
        error=max(error for _, error in (*fits.values(), *together.values())),
        backend=chosen.name,
    )


def fit(rows: Sequence[tuple[Network, int, float]]) -> tuple[tuple[float, float, float], float]:
    """Fit `constant + per_weight·P·N + per_neuron·P·(d + L·h)` to rows (network, P, seconds).

    It minimizes relative deviations. Returns the three coefficients, which are not negative, and the largest relative
    deviation.
    """
    work = np.array([[1, n * net.n_weights, n * (net.dim + net.n_hidden)] for net, n, _ in rows], dtype=float)
    seconds = np.array([taken for *_, taken in rows])
    scale = work.max(axis=0)
    found, _ = nnls(work / scale / seconds[:, None], np.ones(len(rows)))
    coefficients = found / scale
    return tuple(coefficients.tolist()), float(np.max(np.abs(work @ coefficients / seconds - 1)))


def best_time(action: Callable[[], object], seconds: float, repeats: int = 3) -> float:
    """The shortest mean time of one `action`, over `repeats` rounds of about `seconds` each."""
    started = time.perf_counter()
    action()
    once = max(time.perf_counter() - started, 1e-7)
    count, best = max(1, round(seconds / once)), np.inf
    for _ in range(repeats):
        started = time.perf_counter()
        for _ in range(count):
            action()
        best = min(best, (time.perf_counter() - started) / count)
    return best


def _hinge_step(kernel: type, net: Network, n_train: int, where: dict, seconds: float) -> tuple[Network, int, float]:
    inputs, labels = random.generate(net.dim, n_train, seed=1)
    optimizer = kernel(net, network.initial_params(net, 1), inputs, labels, 0.5, **where)

    def step() -> None:
        optimizer.compute_gradient()
        optimizer.update(WARM_UP_RATE)

    # After these steps about a third of the patterns are unsatisfied, as in a run. Only these cost a backward pass.
    started = time.perf_counter()
    for _ in range(WARM_UP_STEPS):
        step()
        if time.perf_counter() - started > 10 * seconds:
            break
    return net, n_train, best_time(step, seconds)


def _batched_step(
    kernel: type,
    shape: tuple[int, int, int],
    activation: str,
    n_train: int,
    replicas: int,
    where: dict,
    seconds: float,
) -> tuple[Network, int, float]:
    """The time of a step of all replicas together. It does not depend on N_Δ. P is the number of all their patterns."""
    net = Network(*shape, activation)
    params = [network.initial_params(net, seed) for seed in range(replicas)]
    patterns = [random.generate(net.dim, n_train, seed) for seed in range(replicas)]
    batch = kernel(net, params, *zip(*patterns, strict=True), 0.5, **where)

    def steps() -> None:
        batch.advance(STEPS_AT_ONCE * [WARM_UP_RATE])
        batch.look()

    steps()  # a GPU records its graph
    return net, replicas * n_train, best_time(steps, seconds) / STEPS_AT_ONCE


def _cross_entropy_step(
    kernel: type, net: Network, n_train: int, where: dict, seconds: float
) -> tuple[Network, int, float]:
    inputs, labels = random.generate(net.dim, n_train, seed=1)
    initial = batch_norm.initial_params(net, 1)
    optimizer = kernel(net, initial, inputs, labels, 1, **where)
    return net, optimizer.batch_size, best_time(lambda: optimizer.train_step(1e-3), seconds)


def _evaluation(kernel: type, net: Network, where: dict, seconds: float) -> tuple[Network, int, float]:
    inputs, labels = random.generate(net.dim, 10_000, seed=1)
    optimizer = kernel(net, network.initial_params(net, 1), inputs[:100], labels[:100], 0.5, **where)
    return net, len(labels), best_time(optimizer.evaluator(inputs), seconds)


def _spectrum(width: int, seconds: float) -> tuple[float, float]:
    """Ñ³, and the time of the spectra of one network with about 0.75 N unsatisfied patterns."""
    net = Network(width, width, 2, "relu")
    inputs, labels = random.generate(width, 2 * round(0.75 * net.n_weights), seed=1)
    params = network.initial_params(net, 1)
    return net.n_params**3, best_time(lambda: spectra.spectra(params, inputs, labels, net, 0.5), seconds)


def _effective(width: int, seconds: float) -> tuple[float, float]:
    """The number of vectors times Ñ², and the time of one N_eff."""
    net = Network(10, width, 3, "relu")
    inputs, _ = random.generate(10, 300, seed=1)
    params = network.initial_params(net, 1)
    used = effective.effective_dimension(params, inputs, net).n_vectors_used
    return used * net.n_params**2, best_time(lambda: effective.effective_dimension(params, inputs, net), seconds)


def _slope(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Constant and slope of the line through two points; negative ones become 0."""
    (small, short), (large, long) = points
    slope = max((long - short) / (large - small), 0.0)
    return max(short - slope * small, 0.0), slope


def _start(modules: str) -> tuple[float, float]:
    """The time in seconds and the memory in bytes of a process that imports these modules."""
    code = f"import {modules}, psutil; print(psutil.Process().memory_info().rss)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    best, memory = np.inf, 0.0
    for _ in range(2):
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        best, memory = min(best, time.perf_counter() - started), float(done.stdout)
    return best, memory
