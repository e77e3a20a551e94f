"""What a configuration will cost before it is run: its jobs, network-steps, time, memory and disk. No torch.

The jobs are those of the rules, each counted once however many figures share it. Their time follows from `Speeds`,
which `calibrate` measures on this machine, and from two things nobody knows before the run: when a network has fitted
all its patterns and stops, and how many widths a search tries. For these stand the estimates below, read off runs of
the `quick` preset; the longer a protocol, the more they err to the safe side.
"""

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .. import inventory, tables
from ..protocols import LARGEST_KEPT, RECORDS_PER_DECADE, STATES_PER_DECADE, can_be_extended, steps_seen
from ..spec import LinePoint, Network, Point, Protocol
from ..training.widths import NEVER, Attempt, first_width, search, widths_of

# P/N at which networks jam, about. Below, they fit and stop early: at a fraction of their steps that falls with P/N.
JAMMED_FROM = {("random", "relu"): 2.4, ("random", "tanh"): 3.8, ("mnist", "relu"): 5.0, ("mnist", "tanh"): 6.0}
EARLIEST_STOP = 0.5
# L-BFGS fits up to larger P, by this factor, and within this part of its steps; beyond, all are made, and Adam's too.
JAMMED_FROM_LBFGS, LBFGS_FITS_WITHIN = 1.25, 0.2
# It is in double precision and multiplies by all it remembers, which costs as much as so many steps of Adam.
ADAM_STEPS_OF_LBFGS = 2.0
# Where the rate is the same in longer protocols, networks far below stop after this over the rate, in steps.
EARLIEST_AT_RATE_1 = 5.0
# N* = ratio·P + offset, about, and the part of its steps that a network which fits makes.
TRANSITION = {"random": (0.8, 120), "mnist": (0.4, 100), "cross_entropy_sgd": (1.3, 80)}
STEPS_TO_FIT = {"hinge": 0.8, "cross_entropy_sgd": 0.2}
# N_eff factors about so many vectors for each parameter; that the others add nothing is seen in less time.
VECTORS_PER_PARAMETER = 1.1

MNIST_IMAGES, PIXELS_BYTES, SMALL_FILE = 70_000, 12_000_000, 30_000
DOUBLE = 8


class PlanError(ValueError):
    """A plan that cannot be made or checked; the message is one sentence that says what to give."""


@dataclass(frozen=True)
class Speeds:
    """Seconds that things take on this machine.

    A step of a network on P patterns takes `constant + per_weight·P·N + per_neuron·P·(d + L·h)`; `step` holds these
    three by activation, "cross_entropy_sgd" among them with the batch in place of P, and `evaluation` those of
    looking at patterns without learning from them. `together` holds those of one step of all replicas of a point, with
    all their patterns in place of P; it is empty where they are trained one after the other. `spectrum` (constant,
    per Ñ³) is all eigenvalues of one network, `effective` (constant, per vector and Ñ²) one N_eff, `start` a job's
    imports by what it does (training, measuring or drawing), `base` the memory these take in bytes. `error` is the
    largest relative deviation of the measured steps from the formula.
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
    """One job of the workflow: `name` is that of its benchmark file, without the suffix; memory and disk in bytes."""

    name: str
    seconds: float
    memory: float
    disk: float
    steps: float = 0.0

    @property
    def kind(self) -> str:
        """The folder of its benchmark: train, lines, gaps, …"""
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
    """The jobs behind each figure by name: {figure: {job's name: Job}}, for a checked configuration."""
    planner = _Planner(config, sweeps, lines, speeds)
    # What `only` leaves out is drawn by no figure; without it, what a figure lacks is a mistake.
    figures = [
        figure
        for figure in inventory.figures()
        if not config["only"] or tables.can_be_made(inventory.module_of(figure), [*sweeps, *lines])
    ]
    return {figure: {job.name: job for job in planner.figure(figure)} for figure in figures}


def together(planned: Mapping[str, Mapping[str, Job]]) -> dict[str, Job]:
    """All jobs, those that figures share once."""
    return {name: job for jobs in planned.values() for name, job in jobs.items()}


def expected_steps(point: Point) -> float:
    """Steps of one replica: all of them near jamming and above, fewer below, where it stops at N_Δ = 0."""
    protocol, jammed = (
        point.protocol,
        JAMMED_FROM["mnist" if point.dataset == "mnist" else "random", point.network.activation],
    )
    relative = point.n_train / point.network.n_weights / jammed
    if protocol.lbfgs_steps:
        # With `lbfgs_loss` L-BFGS hands over about where it would fit.
        descent, annealed = LBFGS_FITS_WITHIN * protocol.lbfgs_steps, protocol.steps - protocol.lbfgs_steps
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
        # The wider, the sooner: at 10 N* ten times sooner than at N*.
        of_those_that_fit = point.protocol.lbfgs_steps * LBFGS_FITS_WITHIN or point.protocol.steps * fitting
        steps = round(of_those_that_fit * min(1.0, n_star / network.n_weights) if fits else point.protocol.steps)
        return Attempt(width, network.n_weights, 0, 0.0, 0.0, steps, steps if fits else NEVER)

    attempts = search(train, widths_of(point), first_width(point), point.shortest_time)
    return [(point.network(attempt.width), attempt.steps) for attempt in attempts]


def in_steps_of_adam(protocol: Protocol, steps: float) -> float:
    """What so many steps of a protocol cost, those of L-BFGS counted as of Adam."""
    return steps + (ADAM_STEPS_OF_LBFGS - 1) * min(steps, protocol.lbfgs_steps)


def measured(jobs: Iterable[Job], folder: Path) -> dict[str, float]:
    """Wall seconds of those jobs that have a benchmark under `folder`, by their names.

    Raises PlanError if none has.
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
        """The jobs of one figure; some may come twice."""
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
            # Fetched once for all presets, so that its benchmark lies elsewhere.
            yield Job("fetch", start + 3, base + 8 * PIXELS_BYTES, PIXELS_BYTES)
        patterns = MNIST_IMAGES if dataset == "mnist" else self.config["random"]["n_patterns"]
        size = patterns * (dim * DOUBLE + 1)
        seconds = start + (1.5 if dataset == "mnist" else 0) + size / 1e8
        yield Job(f"data/{dataset}_d{dim}", seconds, base + 3 * size + (4e8 if dataset == "mnist" else 0), size)

    def point(self, kind: str, point: Point) -> Iterable[Job]:
        """A point's training, what that needs, and its measurement if `kind` is one and a job of its own."""
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
            # Those that fitted, or are far above jamming, have no spectrum; which is not known.
            runs = min(replicas, self.config["analysis"]["max_spectra"])
            seconds += runs * _affine(self.speeds.spectrum, n_params**3)
            memory, disk = memory + 4 * n_params**2 * DOUBLE, disk + runs * 3 * n_params * DOUBLE
        elif kind == "effective":
            vectors = min(patterns * (network.dim + 1), VECTORS_PER_PARAMETER * n_params)
            seconds += 2 * replicas * _affine(self.speeds.effective, vectors * n_params**2)
            memory, disk = memory + 8 * n_params**2 * DOUBLE, disk + replicas * 2 * n_params * DOUBLE
        return Job(f"{kind}/{point.sweep}/{point.name}", seconds, self.speeds.base["measuring"] + memory, disk)

    def measurement_of_sweep(self, kind: str, sweep: str) -> Job:
        """All points one after the other, in a process that starts once."""
        jobs = [self.measurement(kind, point) for point in self.sweeps[sweep].values()]
        start = self.speeds.start["measuring"]
        seconds = start + sum(job.seconds - start for job in jobs)
        return Job(f"{kind}/{sweep}", seconds, max(job.memory for job in jobs), sum(job.disk for job in jobs))

    def step_of_all(self, point: Point) -> float:
        """A step of each replica of a point; trained together they share what does not depend on the patterns."""
        if self.speeds.together and point.can_train_together:
            return _cost(self.speeds.together[point.network.activation], point.replicas * point.n_train, point.network)
        return point.replicas * self.step(point.network, point.n_train, point.protocol)

    def step(self, network: Network, n_train: int, protocol: Protocol) -> float:
        if protocol.name == "cross_entropy_sgd":
            from_batch = _cost(self.speeds.step[protocol.name], min(n_train // 2, 1024), network)
            # All patterns are looked at after each epoch, at most every tenth step: a forward pass is a third.
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
