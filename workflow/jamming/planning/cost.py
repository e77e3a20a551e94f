"""Estimate the cost of a configuration before it is run: its jobs, network-steps, time, memory and disk. No torch.

The jobs are those of the rules. A job that several figures share is counted once. Times follow from `Speeds`, which
`speed.measure` measures on this machine, and from two numbers that are unknown before the run: the step at which a
network has fitted all patterns and stops, and the number of widths that a search tries. The constants below estimate
them from runs of the preset `quick`. For longer protocols they overestimate the cost.
"""

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .. import inventory, tables
from ..protocols import LARGEST_KEPT, RECORDS_PER_DECADE, STATES_PER_DECADE, can_be_extended, steps_seen
from ..spec import LinePoint, Network, Point, Protocol
from ..training.widths import NEVER, Attempt, first_width, search, widths_of

# The P/N at which networks jam, roughly. Below it they fit and stop early, at a fraction of their steps ∝ P/N.
JAMMED_FROM = {("random", "relu"): 2.4, ("random", "tanh"): 3.8, ("mnist", "relu"): 5.0, ("mnist", "tanh"): 6.0}
EARLIEST_STOP = 0.5
# L-BFGS fits at P/N larger by this factor, within this part of its steps. Beyond it, L-BFGS and Adam make all steps.
JAMMED_FROM_LBFGS, LBFGS_FITS_WITHIN = 1.25, 0.2
# The cost of a step of L-BFGS in steps of Adam: it is in double precision, and multiplies by all pairs it remembers.
ADAM_STEPS_OF_LBFGS = 2.0
# If the rate does not depend on the protocol's length, networks far below jamming stop after this / rate steps.
EARLIEST_AT_RATE_1 = 5.0
# N* ≈ ratio·P + offset, and the part of its steps that a network makes if it fits.
TRANSITION = {"random": (0.8, 120), "mnist": (0.4, 100), "cross_entropy_sgd": (1.3, 80)}
STEPS_TO_FIT = {"hinge": 0.8, "cross_entropy_sgd": 0.2}
# N_eff factors about so many vectors for each parameter. The check that the others add nothing takes less time.
VECTORS_PER_PARAMETER = 1.1

MNIST_IMAGES, PIXELS_BYTES, SMALL_FILE = 70_000, 12_000_000, 30_000
DOUBLE = 8


class PlanError(ValueError):
    """A plan cannot be made or checked. The message is one sentence that says what to give."""


@dataclass(frozen=True)
class Speeds:
    """Times on this machine, in seconds, and the memory of its processes.

    A step of a network on P patterns takes `constant + per_weight·P·N + per_neuron·P·(d + L·h)`.
    - `step`: these three coefficients by activation; those of "cross_entropy_sgd" have the batch in place of P.
    - `evaluation`: the three coefficients of a forward pass.
    - `together`: the three coefficients of one step of all replicas of a point, with all their patterns in place of P.
      It is empty if replicas are trained one after the other.
    - `spectrum`: (constant, per Ñ³) for all eigenvalues of one network.
    - `effective`: (constant, per vector and Ñ²) for one N_eff.
    - `start`: the time of a job's imports; `base`: their memory in bytes. The keys are training, measuring, drawing.
    - `error`: the largest relative deviation of the measured steps from the formula.
    """

    step: Mapping[str, tuple[float, float, float]]
    evaluation: tuple[float, float, float]
    spectrum: tuple[float, float]
    effective: tuple[float, float]
    start: Mapping[str, float]
    base: Mapping[str, float]
    error: float
    backend: str = "unknown"
    together: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One job of the workflow. `name` is the name of its benchmark without suffix; memory and disk are in bytes."""

    name: str
    seconds: float
    memory: float
    disk: float
    steps: float = 0.0

    @property
    def kind(self) -> str:
        """The folder of the job's benchmark: train, lines, gaps, …"""
        return self.name.split("/")[0]

    @property
    def trains(self) -> bool:
        return self.kind in ("train", "lines")


def plan(
    config: Mapping,
    sweeps: Mapping[str, Mapping[str, Point]],
    lines: Mapping[str, Mapping[str, LinePoint]],
    speeds: Speeds,
) -> dict[str, dict[str, Job]]:
    """The jobs behind each figure: {figure: {job's name: Job}}, for a checked configuration.

    Raises PlanError if the configuration lacks a sweep that a figure needs.
    """
    planner = _Planner(config, sweeps, lines, speeds)
    # With `only`, figures that need other sweeps are not drawn. Without it, a missing sweep is a mistake.
    figures = [
        figure
        for figure in inventory.figures()
        if not config["only"] or tables.can_be_made(inventory.module_of(figure), [*sweeps, *lines])
    ]
    return {figure: {job.name: job for job in planner.figure(figure)} for figure in figures}


def together(planned: Mapping[str, Mapping[str, Job]]) -> dict[str, Job]:
    """All jobs by name. A job that several figures share is there once."""
    return {name: job for jobs in planned.values() for name, job in jobs.items()}


def expected_steps(point: Point) -> float:
    """The expected steps of one replica: all steps near and above jamming, fewer below, where it stops at N_Δ = 0."""
    protocol, jammed = (
        point.protocol,
        JAMMED_FROM["mnist" if point.dataset == "mnist" else "random", point.network.activation],
    )
    relative = point.n_train / point.network.n_weights / jammed
    if protocol.lbfgs_steps:
        # With `lbfgs_loss`, L-BFGS hands over to Adam at about the step at which it would fit.
        descent = protocol.start_steps + LBFGS_FITS_WITHIN * protocol.lbfgs_steps
        annealed = protocol.steps - protocol.anneals_from
        fits = relative < JAMMED_FROM_LBFGS
        return descent + annealed * (protocol.lbfgs_loss > 0) if fits else protocol.steps
    earliest = EARLIEST_STOP
    if can_be_extended(point.protocol):
        earliest = min(earliest, EARLIEST_AT_RATE_1 / point.protocol.rate / point.protocol.steps)
    return point.protocol.steps * min(1.0, max(relative, earliest))


def expected_attempts(point: LinePoint) -> list[tuple[Network, float]]:
    """The networks that a search is expected to train, and the steps of each."""
    crossed = point.protocol.name == "cross_entropy_sgd"
    ratio, offset = TRANSITION["cross_entropy_sgd" if crossed else "mnist" if point.dataset == "mnist" else "random"]
    fitting = STEPS_TO_FIT["cross_entropy_sgd" if crossed else "hinge"]

    def train(width: int) -> Attempt:
        network = point.network(width)
        n_star = ratio * point.n_train + offset
        fits = network.n_weights >= n_star
        # Wider networks fit sooner: at 10 N* ten times sooner than at N*.
        of_those_that_fit = point.protocol.lbfgs_steps * LBFGS_FITS_WITHIN or point.protocol.steps * fitting
        steps = round(of_those_that_fit * min(1.0, n_star / network.n_weights) if fits else point.protocol.steps)
        return Attempt(width, network.n_weights, 0, 0.0, 0.0, steps, steps if fits else NEVER)

    attempts = search(train, widths_of(point), first_width(point), point.shortest_time)
    return [(point.network(attempt.width), attempt.steps) for attempt in attempts]


def in_steps_of_adam(protocol: Protocol, steps: float) -> float:
    """The cost of the first `steps` steps of a protocol, in steps of Adam."""
    return steps + (ADAM_STEPS_OF_LBFGS - 1) * min(steps, protocol.lbfgs_steps)


def measured(jobs: Iterable[Job], folder: Path) -> dict[str, float]:
    """The measured wall time in seconds of the jobs with a benchmark below `folder`, by name.

    Raises PlanError if no job has a benchmark.
    """
    found = {}
    for job in jobs:
        path = Path(folder) / f"{job.name}.tsv"
        if path.exists():
            with open(path, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file, delimiter="\t"))
            if rows:
                found[job.name] = float(rows[-1]["s"])
    if not found:
        raise PlanError(f"{folder} holds no benchmark of these jobs; give results/PRESET/benchmarks of a finished run.")
    return found


@dataclass(frozen=True)
class _Planner:
    config: Mapping
    sweeps: Mapping[str, Mapping[str, Point]]
    lines: Mapping[str, Mapping[str, LinePoint]]
    speeds: Speeds

    def figure(self, figure: str) -> Iterable[Job]:
        """The jobs of one figure; the same job may occur several times."""
        for kind, names in tables.needs(inventory.module_of(figure)).items():
            for name in names:
                if kind == "lines":
                    yield from self._of_each(self.lines, name, figure, self.line)
                    continue
                yield from self._of_each(self.sweeps, name, figure, lambda point, kind=kind: self.point(kind, point))
                if _of_sweep(kind) and name in self.sweeps:
                    yield self.measurement_of_sweep(kind, name)
        start = self.speeds.start
        yield Job(f"tables/{figure}", start["measuring"] + 0.5, self.speeds.base["measuring"], SMALL_FILE)
        yield Job(f"figures/{figure}", 2 * start["drawing"], self.speeds.base["drawing"], 10 * SMALL_FILE)

    def _of_each(self, points: Mapping, name: str, figure: str, jobs_of: Callable) -> Iterable[Job]:
        if name not in points:
            if self.config["only"]:
                return
            raise PlanError(f"figure {figure} needs '{name}', which the config does not have; add it.")
        for point in points[name].values():
            yield from jobs_of(point)

    def data(self, dataset: str, dim: int) -> Iterable[Job]:
        start, base = self.speeds.start["measuring"], self.speeds.base["measuring"]
        if dataset == "mnist":
            # All presets share the pixels, so their benchmark is not in the preset's folder.
            yield Job("fetch", start + 3, base + 8 * PIXELS_BYTES, PIXELS_BYTES)
        patterns = MNIST_IMAGES if dataset == "mnist" else self.config["random"]["n_patterns"]
        size = patterns * (dim * DOUBLE + 1)
        seconds = start + (1.5 if dataset == "mnist" else 0) + size / 1e8
        yield Job(f"data/{dataset}_d{dim}", seconds, base + 3 * size + (4e8 if dataset == "mnist" else 0), size)

    def point(self, kind: str, point: Point) -> Iterable[Job]:
        """The jobs of a point: its dataset, its training, and its measurement if `kind` is measured point by point."""
        yield from self.data(point.dataset, point.network.dim)
        yield self.training(point)
        if kind != "runs" and not _of_sweep(kind):
            yield self.measurement(kind, point)

    def training(self, point: Point) -> Job:
        network, protocol = point.network, point.protocol
        steps = expected_steps(point)
        seconds = in_steps_of_adam(protocol, steps) * self.step_of_all(point)
        n_records = len(steps_seen(protocol, RECORDS_PER_DECADE))
        n_test = MNIST_IMAGES - point.n_train if point.dataset == "mnist" else 0
        seconds += point.replicas * n_records * _cost(self.speeds.evaluation, n_test, network) if n_test else 0
        kept = len(steps_seen(protocol, STATES_PER_DECADE)) if network.n_params <= LARGEST_KEPT else 1
        states = kept * network.n_params * DOUBLE
        replica = states + 2 * point.n_train * DOUBLE + 8 * n_records * DOUBLE + SMALL_FILE
        ended = states + 3 * network.n_params * DOUBLE if can_be_extended(protocol) else 0
        patterns = MNIST_IMAGES if point.dataset == "mnist" else self.config["random"]["n_patterns"]
        active = max(n_test, point.n_train) * 2 * max(network.width, network.dim) * DOUBLE
        memory = 2 * patterns * network.dim * DOUBLE + active + point.replicas * replica + 5 * network.n_params * DOUBLE
        return Job(
            f"train/{point.sweep}/{point.name}",
            self.speeds.start["training"] + seconds,
            self.speeds.base["training"] + memory,
            point.replicas * (replica + ended),
            point.replicas * steps,
        )

    def line(self, point: LinePoint) -> Iterable[Job]:
        if point.dataset == "mnist":
            yield from self.data("mnist", point.dim)
        attempts = expected_attempts(point)
        seconds = sum(
            in_steps_of_adam(point.protocol, steps) * self.step(network, point.n_train, point.protocol)
            for network, steps in attempts
        )
        largest = max((network for network, _ in attempts), key=lambda network: network.n_params)
        patterns = MNIST_IMAGES if point.dataset == "mnist" else point.n_train
        memory = DOUBLE * (2 * patterns * largest.dim + point.n_train * largest.n_hidden * 2 + 5 * largest.n_params)
        yield Job(
            f"lines/{point.line}/P{point.n_train:05d}",
            self.speeds.start["training"] + point.replicas * seconds,
            self.speeds.base["training"] + memory,
            point.replicas * SMALL_FILE,
            point.replicas * sum(steps for _, steps in attempts),
        )

    def measurement(self, kind: str, point: Point) -> Job:
        network, replicas, start = point.network, point.replicas, self.speeds.start["measuring"]
        n_params, patterns = network.n_params, point.n_train
        pool = MNIST_IMAGES if point.dataset == "mnist" else self.config["random"]["n_patterns"]
        seconds, memory, disk = start, 4 * pool * network.dim * DOUBLE, replicas * SMALL_FILE
        if kind == "preactivations":
            seconds += replicas * _cost(self.speeds.evaluation, 2 * patterns, network) * 10
            memory += 8 * patterns * network.n_hidden * DOUBLE
        elif kind == "spectra":
            # Runs that fitted or lie far above jamming have no spectrum. Which ones is unknown, so all are counted.
            runs = min(replicas, self.config["analysis"]["max_spectra"])
            seconds += runs * _affine(self.speeds.spectrum, n_params**3)
            memory, disk = memory + 4 * n_params**2 * DOUBLE, disk + runs * 3 * n_params * DOUBLE
        elif kind == "effective":
            vectors = min(patterns * (network.dim + 1), VECTORS_PER_PARAMETER * n_params)
            seconds += 2 * replicas * _affine(self.speeds.effective, vectors * n_params**2)
            memory, disk = memory + 8 * n_params**2 * DOUBLE, disk + replicas * 2 * n_params * DOUBLE
        return Job(f"{kind}/{point.sweep}/{point.name}", seconds, self.speeds.base["measuring"] + memory, disk)

    def measurement_of_sweep(self, kind: str, sweep: str) -> Job:
        """The job that measures all points of a sweep, one after the other."""
        jobs = [self.measurement(kind, point) for point in self.sweeps[sweep].values()]
        start = self.speeds.start["measuring"]
        seconds = start + sum(job.seconds - start for job in jobs)
        return Job(f"{kind}/{sweep}", seconds, max(job.memory for job in jobs), sum(job.disk for job in jobs))

    def step_of_all(self, point: Point) -> float:
        """The time of one step of all replicas. Trained together, they share the part that does not depend on P."""
        if self.speeds.together and point.can_train_together:
            return _cost(self.speeds.together[point.network.activation], point.replicas * point.n_train, point.network)
        return point.replicas * self.step(point.network, point.n_train, point.protocol)

    def step(self, network: Network, n_train: int, protocol: Protocol) -> float:
        if protocol.name == "cross_entropy_sgd":
            from_batch = _cost(self.speeds.step[protocol.name], min(n_train // 2, 1024), network)
            # All patterns are evaluated once per epoch, at most every tenth step. A forward pass is a third of a step.
            return from_batch + _cost(self.speeds.step[protocol.name], n_train, network) / 3 / 10
        return _cost(self.speeds.step[network.activation], n_train, network)


def _of_sweep(kind: str) -> bool:
    """Whether all points of a sweep are measured in one job."""
    return kind != "runs" and inventory.observable(kind).of_sweep


def _cost(coefficients: tuple[float, float, float], patterns: int, network: Network) -> float:
    constant, per_weight, per_neuron = coefficients
    return constant + patterns * (per_weight * network.n_weights + per_neuron * (network.dim + network.n_hidden))


def _affine(coefficients: tuple[float, float], work: float) -> float:
    constant, slope = coefficients
    return constant + slope * work
