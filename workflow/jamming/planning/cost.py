"""The jobs of all figures and their cost, before anything is run. No torch.

Every training is counted to its last step, though it ends where N_Δ = 0. So the time is an upper bound, but for
searches, whose number of widths is unknown. `Speeds` are measured on this machine (speed.py).
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .. import inventory, tables
from ..batch_norm import batch_size, check_every
from ..protocols import LARGEST_KEPT, STATES_PER_DECADE, can_be_extended, stages, steps_seen
from ..spec import LinePoint, Network, Point
from ..storage import layout
from ..training.widths import first_width

WIDTHS_TRIED, LIKELY_TRIED = 4, 2.6
"""A search counts as so many trainings of its first network. Those by Adam at `quick` were worth 2.6 (lines:
1.3 to 4.5)."""
JAMMED_FROM = 2.0
"""The P/N from which a training is likely to make all its steps. Below, networks fit and stop after a part ∝ P/N.

At `quick` those at a constant rate with P/N = 0.4, 0.8, 1.2 and 1.7 made 0.22, 0.35, 0.35 and 0.51 of their steps. With
L-BFGS, which fits sooner, this is an upper bound.
"""
EIGENVALUES = {"spectra": 3, "effective": 10}
"""The work on a network, in computations of all eigenvalues of a symmetric Ñ × Ñ matrix (4/3 Ñ³ operations).

Spectra: H, H_p and the Gram matrix of H_0. N_eff: a QR decomposition (3) and the singular values (2) of two states.
"""
STARTS_OF_DRAWING = 4
"""The time to import matplotlib and draw, over that of a job's other imports."""
ORDINARY = 1e9
"""Memory in bytes: libraries, and more than any job of a plan needs but for these matrices."""
MATRICES = {"spectra": 4, "effective": 8}
"""Ñ × Ñ matrices in memory. Spectra: three, and what the eigensolver needs. N_eff: the triangular factor, the block
that joins it, and what the decompositions need."""
MNIST_IMAGES, DOUBLE, SMALL_FILE = 70_000, 8, 30_000


class PlanError(ValueError):
    """A plan cannot be made or checked. The message is one sentence that says what to give."""


class Step(NamedTuple):
    """A kind of step: method and precision of its stage, activation, and whether all replicas make it together."""

    method: str
    precision: str
    activation: str
    together: bool


@dataclass(frozen=True)
class Speeds:
    """Times on this machine, in seconds.

    A step on P patterns takes `constant + per_weight·P·N + per_neuron·P·(d + L·h)`; `steps` holds the coefficients.
    `eigenvalues` is the time for all eigenvalues of a symmetric n × n matrix, divided by n³. `start` is the time of a
    job's imports.
    """

    steps: Mapping[Step, tuple[float, float, float]]
    eigenvalues: float
    start: float


@dataclass(frozen=True)
class Job:
    """A job of a rule; its `name` is that of its benchmark. Memory and disk in bytes, `steps` are network-steps."""

    rule: str
    name: str
    seconds: float
    memory: float = ORDINARY
    disk: float = SMALL_FILE
    steps: float = 0.0
    likely_part: float = 1.0
    """The part of `seconds` that the job is likely to take."""

    @property
    def likely_seconds(self) -> float:
        return self.seconds * self.likely_part


def plan(
    config: Mapping,
    sweeps: Mapping[str, Mapping[str, Point]],
    lines: Mapping[str, Mapping[str, LinePoint]],
    speeds: Speeds,
) -> dict[str, Job]:
    """The jobs of all figures by name, for a checked configuration. A job of several figures is there once.

    Raises PlanError if the configuration lacks a sweep that a figure needs.
    """
    known, needed, jobs = {**sweeps, **lines}, {}, []
    for figure in inventory.figures():
        module = inventory.module_of(figure)
        # With `only`, figures that need other sweeps are not drawn. Without it, a missing sweep is a mistake.
        if config["only"] and not tables.can_be_made(module, known):
            continue
        for kind, names in tables.needs(module).items():
            for name in names:
                if name not in known and not config["only"]:
                    raise PlanError(f"figure {figure} needs '{name}', which the config does not have; add it.")
            needed |= {(kind, name): known[name].values() for name in names if name in known}
        jobs += [
            Job(rule, layout.JOBS[rule].format(figure=figure), starts * speeds.start)
            for rule, starts in (("tabulate", 1), ("draw", STARTS_OF_DRAWING))
        ]
    for (kind, name), points in needed.items():
        for point in points:
            jobs += _data(point, config["random"]["n_patterns"], speeds)
            jobs.append(_training(point, speeds) if isinstance(point, Point) else _search(point, speeds))
        if kind not in ("runs", "lines"):
            jobs += _measurements(kind, name, points, config["analysis"]["max_spectra"], speeds)
    return {job.name: job for job in jobs}


def stages_of(point: Point | LinePoint, batched: bool) -> Iterator[tuple[Step, int]]:
    """The stages of a training: the kind and number of steps. A `batched` backend trains replicas together."""
    activation = point.network.activation if isinstance(point, Point) else point.activation
    begun = 0
    for stage in stages(point.protocol, point.dtype):
        yield Step(stage.method, stage.precision, activation, batched and point.can_train_together), stage.until - begun
        begun = stage.until


def patterns_of(step: Step, n_train: int) -> float:
    """The patterns of a step on P patterns: all, or with SGD a batch.

    SGD also counts the unfitted among all now and then: forward only, so a third of a step.
    """
    return n_train if step.method != "sgd" else batch_size(n_train) + n_train / check_every(n_train) / 3


def memory_of_measurement(kind: str, network: Network) -> float:
    """The memory in bytes of a job that measures an observable on runs of this network. The rules ask for it."""
    return ORDINARY + MATRICES.get(kind, 0) * DOUBLE * network.n_params**2


def measured(jobs: Iterable[Job], folder: Path) -> dict[str, float]:
    """The processor time in seconds of the jobs with a benchmark below `folder`, by name.

    Snakemake samples it while a job runs, so the last moments are missing. Raises PlanError if there is none.
    """
    found = {}
    for path, job in ((Path(folder) / f"{job.name}.tsv", job) for job in jobs):
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if rows := list(csv.DictReader(text.splitlines(), delimiter="\t")):
            # A job may be over before the first sample.
            found[job.name] = float(rows[-1]["s"] if rows[-1]["cpu_time"] == "NA" else rows[-1]["cpu_time"])
    if not found:
        raise PlanError(f"{folder} holds no benchmark of these jobs; give results/PRESET/benchmarks of a finished run.")
    return found


def _seconds(point: Point | LinePoint, network: Network, speeds: Speeds) -> float:
    """The time to train all replicas of a network to the last step."""
    batched, seconds = any(step.together for step in speeds.steps), 0.0
    for step, count in stages_of(point, batched):
        rounds, at_once = (1, point.replicas) if step.together else (point.replicas, 1)
        constant, per_weight, per_neuron = speeds.steps[step]
        of_a_pattern = per_weight * network.n_weights + per_neuron * (network.dim + network.n_hidden)
        seconds += rounds * count * (constant + at_once * patterns_of(step, point.n_train) * of_a_pattern)
    return seconds


def _data(point: Point | LinePoint, n_random: int, speeds: Speeds) -> Iterator[Job]:
    if point.dataset == "mnist":
        yield Job("fetch_mnist", layout.PIXELS, speeds.start)
    elif isinstance(point, LinePoint):
        return  # a search draws its own random patterns
    dim = point.network.dim if isinstance(point, Point) else point.dim
    size = (MNIST_IMAGES if point.dataset == "mnist" else n_random) * (dim * DOUBLE + 1)
    name = layout.JOBS["generate_data"].format(dataset=point.dataset, dim=dim)
    yield Job("generate_data", name, speeds.start, disk=size)


def _training(point: Point, speeds: Speeds) -> Job:
    n_params, steps = point.network.n_params, point.protocol.steps
    kept = len(steps_seen(point.protocol, STATES_PER_DECADE)) if n_params <= LARGEST_KEPT else 1
    # A run that can be extended keeps these, its parameters and two moments a second time.
    values = (2 * kept + 3 if can_be_extended(point.protocol) else kept) * n_params + 2 * point.n_train
    name = layout.JOBS["train"].format(sweep=point.sweep, point=point.name)
    seconds, disk = _seconds(point, point.network, speeds), values * DOUBLE + SMALL_FILE
    likely = min(1.0, point.n_train / point.network.n_weights / JAMMED_FROM)
    return Job("train", name, speeds.start + seconds, ORDINARY, point.replicas * disk, point.replicas * steps, likely)


def _search(point: LinePoint, speeds: Speeds) -> Job:
    name = layout.JOBS["find_transition"].format(line=point.line, point=point.name)
    seconds = WIDTHS_TRIED * _seconds(point, point.network(first_width(point)), speeds)
    steps = WIDTHS_TRIED * point.replicas * point.protocol.steps
    disk, likely = point.replicas * SMALL_FILE, LIKELY_TRIED / WIDTHS_TRIED
    return Job("find_transition", name, speeds.start + seconds, ORDINARY, disk, steps, likely)


def _measurements(kind: str, sweep: str, points: Iterable[Point], max_spectra: int, speeds: Speeds) -> Iterator[Job]:
    if inventory.observable(kind).of_sweep:
        name = layout.JOBS["measure_sweep"].format(kind=kind, sweep=sweep)
        files = sum(point.replicas for point in points)
        yield Job("measure_sweep", name, 2 * speeds.start, disk=files * SMALL_FILE)
        return
    for point in points:
        name = layout.JOBS["measure"].format(kind=kind, sweep=sweep, point=point.name)
        n_params = point.network.n_params
        runs = min(point.replicas, max_spectra) if kind == "spectra" else point.replicas
        seconds = speeds.start + runs * EIGENVALUES.get(kind, 0) * speeds.eigenvalues * n_params**3
        disk = runs * (3 * n_params * DOUBLE + SMALL_FILE)
        yield Job("measure", name, seconds, memory_of_measurement(kind, point.network), disk)
