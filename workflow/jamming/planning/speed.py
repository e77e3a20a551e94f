"""Measure the speed of this machine for `plan`: small problems, some seconds of each kind, one thread.

Times are processor time, which hardly depends on other load. Only a GPU is timed by the clock.
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from timeit import repeat

import numpy as np
from scipy.optimize import nnls

from .. import batch_norm, network
from ..datasets import random
from ..kernels import Backend, Problem
from ..observables.spectra import eigenvalues
from ..protocols import Stage
from ..spec import LBFGS_MEMORY, Network
from .cost import Speeds, Step, patterns_of

# (d, h, L): from small networks, whose time is that of calls, to a large one, whose time is that of arithmetic.
SHAPES = ((8, 8, 2), (20, 20, 2), (13, 13, 5), (10, 4, 5), (10, 40, 2), (36, 36, 3))
# P/N, and N_Δ/P: near jamming. Unsatisfied patterns alone go backward. The margin is such that these are so many at the
# initial parameters, and the rate so small that they stay so many.
PATTERNS, UNSATISFIED, RATE = 2.6, 0.3, 1e-12
TOGETHER = 5  # replicas
STEPS, ROUNDS = 10, 10
IMPORTS = "import jamming.tables, jamming.observables.spectra, jamming.observables.effective"
MATRIX = 400


def measure(backend: Backend, steps: Iterable[Step], device: str = "cpu") -> Speeds:
    """The speeds of this machine for these kinds of steps. Each is the best of a few rounds."""
    matrix = np.random.default_rng(1).standard_normal((MATRIX, MATRIX))
    of_matrix = min(repeat(lambda: eigenvalues(matrix + matrix.T), timer=time.process_time, number=1, repeat=ROUNDS))
    return Speeds(
        {step: fit([_timed(backend, step, shape, device) for shape in SHAPES]) for step in steps},
        of_matrix / MATRIX**3,
        min(repeat(_start, timer=_time_of_children, number=1, repeat=2)),
    )


def fit(rows: Sequence[tuple[Network, float, float]]) -> tuple[float, float, float]:
    """The coefficients of `Speeds`, none negative, with the least relative deviations from (network, P, seconds)."""
    work = np.array([[1, n * net.n_weights, n * (net.dim + net.n_hidden)] for net, n, _ in rows], dtype=float)
    seconds, scale = np.array([taken for *_, taken in rows]), work.max(axis=0)
    found, _ = nnls(work / scale / seconds[:, None], np.ones(len(rows)))
    return tuple((found / scale).tolist())


def _timed(backend: Backend, step: Step, shape: tuple[int, int, int], device: str) -> tuple[Network, float, float]:
    """The network, the patterns of a step, and its time in seconds, made as the training loop makes it."""
    net, replicas = Network(*shape, step.activation), TOGETHER if step.together else 1
    n_train = round(PATTERNS * net.n_weights)
    initial_params = (batch_norm if step.method == "sgd" else network).initial_params
    initial = initial_params(net, seed=1)
    inputs, labels = random.generate(net.dim, n_train, seed=1)
    # SGD has no margin, and its parameters another layout.
    margin = 0 if step.method == "sgd" else np.quantile(labels * network.forward(initial, inputs, net)[0], UNSATISFIED)
    problems = replicas * [Problem(net, initial, inputs, labels, float(margin))]
    # A step that is not made together needs the other class of the backend.
    backend = backend if step.together else replace(backend, batched=None)
    optimizer = backend.begin(Stage(step.method, step.precision, 10**9, memory=LBFGS_MEMORY), problems, device)

    def advance() -> None:
        optimizer.look()
        optimizer.advance(STEPS * [RATE])
        optimizer.look()

    clock = time.process_time if device == "cpu" else time.perf_counter
    seconds = min(repeat(advance, timer=clock, number=1, repeat=ROUNDS)) / STEPS
    return net, replicas * patterns_of(step, n_train), seconds


def _start() -> None:
    """Start a process that imports what jobs import."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    subprocess.run([sys.executable, "-c", IMPORTS], env=environment, check=True)


def _time_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
