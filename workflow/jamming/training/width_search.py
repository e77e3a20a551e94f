"""Finding the transition: the replicas of one point of a line N*(P), one after the other, each a descent in width.

What is tried next is decided in lines.py; here networks are trained, and the state of the search is kept so that a
killed job goes on from its last saved step with the same bits.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from .. import batch_norm, datasets, kernels, network, protocols
from ..criteria import UNFITTED_FRACTION
from ..kernels import Backend
from ..losses import count_misclassified, overlaps, quadratic_hinge
from ..spec import LinePoint
from ..storage import store
from .checkpoint import Checkpoint
from .loop import REPORT_EVERY_SECONDS, SAVE_EVERY_SECONDS
from .replica import DivergenceError
from .widths import NEVER, Attempt, LineError, first_width, from_columns, n_star_at, search, to_columns, widths_of

CHECK_EVERY = 10
"""Under cross-entropy all patterns are looked at after each epoch, but no more often than every so many steps."""


def find_transition(
    point: LinePoint,
    dataset: store.Result | None,
    checkpoint: Checkpoint,
    device: str = "cpu",
    report: Callable[[str], None] = print,
    backend: Backend | None = None,
) -> dict:
    """Search the transition for every replica of a point; return the tree of its result file.

    `backend` does the steps; without one the fastest that works on the device is taken.

    `dataset` (kind "dataset") is needed for MNIST; random patterns are drawn here, for each replica, and for each width
    if d = h. Layout: replica_XX with attributes status, n_star and n_below (see `widths.n_star_at`), attempts with one
    row per width in the order they were tried (see `widths.Attempt`), and timing/seconds.

    Raises LineError for a point that makes no sense, DivergenceError on NaN or infinity.
    """
    _check(point, dataset)
    backend = backend or kernels.choose(device, report=report)
    saved = checkpoint.load() or {}
    tree = {name: replica for name, replica in saved.items() if name.startswith("replica_")}
    current = saved.get("current", {})
    for replica in range(len(tree), point.replicas):

        def save(current: dict) -> None:
            checkpoint.save({**tree, "current": current})

        descent = Descent(point, replica, dataset, backend, device, save, report)
        tree[f"replica_{replica:02d}"] = descent.run(current)
        current = {}
    return tree


@dataclass
class Descent:
    """The search of one replica."""

    point: LinePoint
    replica: int
    dataset: store.Result | None
    backend: Backend
    device: str
    save: Callable[[dict], None]
    report: Callable[[str], None]
    _attempts: list[Attempt] = field(default_factory=list, init=False)
    _unfinished: dict | None = field(default=None, init=False)

    def run(self, current: dict) -> dict:
        """Search from where `current` stands, {} at the start; return the group of the result file.

        `current` is what `save` was last given: the attempts so far and, if it was within one, its training.
        """
        point = self.point
        if current:
            self._attempts, self._unfinished = from_columns(current["attempts"]), current.get("training")
            self._say(f"going on after {len(self._attempts)} widths")
        attempts = search(
            self._train, widths_of(point), first_width(point), point.shortest_time, self._attempts, self._keep
        )
        status, n_star, n_below = n_star_at(attempts)
        self._say(f"{status.replace('_', ' ')}, {n_below:g} < N* ≤ {n_star:g}")
        columns = to_columns(attempts)
        seconds = columns.pop("seconds")
        return {
            "status": status,
            "n_star": n_star,
            "n_below": n_below,
            "attempts": columns,
            "timing": {"seconds": seconds},
        }

    def _train(self, width: int) -> Attempt:
        """Train one network to its end, going on from a saved state if there is one."""
        point = self.point
        patterns = _patterns(point, self.replica, width, self.dataset)
        kind = CrossEntropyTraining if point.protocol.name == "cross_entropy_sgd" else HingeTraining
        training = kind(point, self.replica, width, *patterns, self.backend, self.device)
        seconds_before, self._unfinished, unfinished = 0.0, None, self._unfinished
        if unfinished is not None:
            training.load_state(unfinished["optimizer"], unfinished["step"])
            seconds_before = unfinished["seconds"]
            self._say(f"h={width}, going on from step {training.step}")
        started = reported = saved = time.monotonic()
        while not training.ended():
            now = time.monotonic()
            if now - reported >= REPORT_EVERY_SECONDS:
                self._say(f"h={width}, step {training.step}/{point.protocol.steps}, {_words(training.attempt())}")
                reported = now
            training.advance()
            if now - saved >= SAVE_EVERY_SECONDS:
                seconds = seconds_before + now - started
                state = {"step": training.step, "seconds": seconds, "optimizer": training.state()}
                self.save({"attempts": to_columns(self._attempts), "training": state})
                saved = now
        attempt = training.attempt()
        # A comparison with NaN is false, so a diverged network could pass for one that fits.
        if not math.isfinite(attempt.loss):
            raise DivergenceError(
                f"line {point.line}, P = {point.n_train}, replica {self.replica}, width {width} diverged by step "
                f"{attempt.steps} (loss {attempt.loss}); lower the protocol's rate."
            )
        seconds = seconds_before + time.monotonic() - started
        return replace(attempt, seconds=seconds)

    def _keep(self, attempts: list[Attempt]) -> None:
        self._attempts = attempts
        last = attempts[-1]
        self._say(f"h={last.width} {'fits' if last.fitted else 'fails'} after {last.steps} steps, {_words(last)}")
        self.save({"attempts": to_columns(attempts)})

    def _say(self, words: str) -> None:
        point = self.point
        self.report(f"{point.line} P={point.n_train} replica {self.replica + 1}/{point.replicas}: {words}")


class HingeTraining:
    """One network under full-batch Adam on the quadratic hinge loss, to its last step or to N_Δ = 0.

    `ended` looks at the present state, `advance` makes one step from there, `attempt` says where the network stands.
    """

    def __init__(
        self,
        point: LinePoint,
        replica: int,
        width: int,
        inputs: np.ndarray,
        labels: np.ndarray,
        backend: Backend,
        device: str,
    ):
        self.protocol, self.network = point.protocol, point.network(width)
        initial = network.initial_params(self.network, point.seed_for("initial", replica, width))
        self._optimizer = backend.begin_hinge(self.network, initial, inputs, labels, self.protocol, point.dtype, device)
        self.state, self.load_state = self._optimizer.state, self._optimizer.load_state

    @property
    def step(self) -> int:
        return self._optimizer.step

    def ended(self) -> bool:
        self._n_delta = self._optimizer.compute_gradient()
        return self._n_delta == 0 or self.step == self.protocol.steps

    def advance(self) -> None:
        self._optimizer.update(protocols.learning_rate(self.protocol, self.step))

    def attempt(self) -> Attempt:
        optimizer = self._optimizer
        return Attempt(
            width=self.network.width,
            n_weights=self.network.n_weights,
            n_delta=self._n_delta,
            loss=quadratic_hinge(optimizer.delta),
            misclassified=count_misclassified(optimizer.outputs, optimizer.labels),
            steps=self.step,
            fitted_at=NEVER if self._n_delta > UNFITTED_FRACTION * self.network.n_weights else self.step,
        )


class CrossEntropyTraining:
    """One network under batch-normalized SGD on the cross-entropy, to its last step or until it classifies everything.

    Used as HingeTraining. Whether it does is looked up at the start, after every `check_every` steps and at the end,
    on all patterns together (`CrossEntropySGD.evaluate_all`).
    """

    def __init__(
        self,
        point: LinePoint,
        replica: int,
        width: int,
        inputs: np.ndarray,
        labels: np.ndarray,
        backend: Backend,
        device: str,
    ):
        self.protocol, self.network = point.protocol, point.network(width)
        initial = batch_norm.initial_params(self.network, point.seed_for("initial", replica, width))
        seed = point.seed_for("batches", replica, width)
        self._optimizer = backend.begin_cross_entropy(self.network, initial, inputs, labels, seed, point.dtype, device)
        self.state, self.load_state = self._optimizer.state, self._optimizer.load_state
        self.check_every = max(self._optimizer.steps_per_epoch, CHECK_EVERY)
        self._fitted = False

    @property
    def step(self) -> int:
        return self._optimizer.step

    def ended(self) -> bool:
        last = self.step == self.protocol.steps
        if last or self.step % self.check_every == 0:
            self._fitted = bool((self._optimizer.evaluate_all() * self._optimizer.labels > 0).all())
        return last or self._fitted

    def advance(self) -> None:
        self._optimizer.train_step(batch_norm.learning_rate(self.protocol, self.step))

    def attempt(self) -> Attempt:
        labels, outputs = self._optimizer.labels, self._optimizer.evaluate_all()
        with np.errstate(invalid="ignore"):  # a diverged network has the loss NaN, which is looked for
            loss = float(np.logaddexp(0, -labels * outputs).mean())
        return Attempt(
            width=self.network.width,
            n_weights=self.network.n_weights,
            n_delta=int((overlaps(outputs, labels, margin=0.0) > 0).sum()),
            loss=loss,
            misclassified=count_misclassified(outputs, labels),
            steps=self.step,
            fitted_at=self.step if self._fitted else NEVER,
        )


def _patterns(
    point: LinePoint, replica: int, width: int, dataset: store.Result | None
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (P, d) and labels (P,) of ±1. With d = h each width has patterns of its own."""
    if point.dataset == "mnist":
        data = datasets.split(dataset, point.n_train, point.seed_for("data", replica))
        return data.train_inputs, data.train_labels
    seed = point.seed_for("data", replica, 0 if point.dim else width)
    return datasets.random.generate(point.dim or width, point.n_train, seed)


def _check(point: LinePoint, dataset: store.Result | None) -> None:
    """Raise LineError for a point that cannot be searched."""
    where = f"line {point.line}, P = {point.n_train}"
    if point.dataset not in ("random", "mnist"):
        raise LineError(f"{where}: there is no dataset '{point.dataset}'; take 'random' or 'mnist'.")
    if point.dataset == "mnist":
        if dataset is None or dataset.spec["dataset"] != "mnist":
            raise LineError(f"{where}: the patterns of MNIST are missing; give the file of its principal components.")
        if dataset.spec["dim"] != point.dim:
            raise LineError(
                f"{where}: dim is {point.dim}, but the patterns given have {dataset.spec['dim']} components; "
                "give those of the same dim."
            )
    if not 0 < point.first_ratio <= point.max_ratio:
        raise LineError(
            f"{where}: the search goes from N = {point.first_ratio}·P to at most N = {point.max_ratio}·P, "
            "but the first must be positive and not above the last."
        )
    if point.shortest_time and point.protocol.name != "cross_entropy_sgd":
        raise LineError(
            f"{where}: N* at shorter times is read off training with cross_entropy_sgd only; "
            f"set shortest_time to 0 for {point.protocol.name}."
        )


def _words(attempt: Attempt) -> str:
    counts = f"N={attempt.n_weights}, N_Δ={attempt.n_delta}, misclassified {attempt.misclassified:g}"
    return f"{counts}, 𝓛={attempt.loss:.3g}"
