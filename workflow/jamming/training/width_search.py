"""The search for the transition N* at one P of a line: it trains networks of one width after the other.

`widths` decides which width is next. This module trains it, with the loop of all trainings (loop.py). A killed job goes
on from its last saved step and gives the same bits.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from .. import batch_norm, datasets, kernels, network
from ..criteria import fits
from ..kernels import Backend, HingeAdam, Problem
from ..losses import count_misclassified, overlaps
from ..protocols import stages
from ..spec import LinePoint
from ..storage import store
from . import loop
from .checkpoint import Checkpoint
from .progress import DivergenceError, Training
from .widths import NEVER, Attempt, LineError, first_width, from_columns, n_star_at, search, to_columns, widths_of


def find_transition(
    point: LinePoint,
    dataset: store.Result | None,
    checkpoint: Checkpoint,
    device: str = "cpu",
    report: Callable[[str], None] = print,
    backend: Backend | None = None,
) -> dict:
    """Search the transition for every replica of a point; return the tree of its result file.

    `backend` makes the steps. The default is the fastest one that works on the device. `dataset` (kind "dataset") is
    needed for MNIST. Other patterns are drawn here, for each replica, and for each width if d = h.

    The tree holds for each replica a group replica_XX: the attributes status, n_star and n_below (`widths.n_star_at`),
    attempts with one row per width in the order of the search (`widths.Attempt`), and timing/seconds.

    Raises LineError for a point that cannot be searched, DivergenceError on NaN or infinity, and Stopped if a signal
    asked the job to stop.
    """
    _check(point, dataset)
    backend = backend or kernels.choose(device, report=report, together=point.can_train_together)
    saved = checkpoint.load() or {}
    tree = {name: replica for name, replica in saved.items() if name != "current"}

    def search_one(replica: int, current: dict) -> dict:
        """The group of one replica. `current` is a saved search: its attempts, and the training that is unfinished."""
        label = f"{point.line} P={point.n_train} replica {replica + 1}/{point.replicas}"
        attempts = from_columns(current.get("attempts", {}))
        if current:
            report(f"{label}: going on after {len(attempts)} widths")

        def save(attempts: Sequence[Attempt], **training: dict) -> None:
            checkpoint.save({**tree, "current": {"attempts": to_columns(attempts), **training}})

        def train(width: int) -> Attempt:
            trial = Trial(point, replica, width, dataset, f"{label}: h={width}")
            if unfinished := current.pop("training", None):
                trial.go_on_from(unfinished, report)

            def save_within() -> None:
                save(attempts, training=trial.progress.to_tree())

            loop.run([trial], backend, device, checkpoint, save_within, report)
            return trial.result

        search(train, widths_of(point), first_width(point), point.shortest_time, attempts, save)
        return _result(attempts)

    for replica in range(len(tree), point.replicas):
        tree[f"replica_{replica:02d}"] = search_one(replica, saved.pop("current", {}))
    return tree


class Trial(Training):
    """A network of one width in training; `result` is an Attempt."""

    def __init__(self, point: LinePoint, replica: int, width: int, dataset: store.Result | None, label: str):
        self.point, self.replica, self.network = point, replica, point.network(width)
        inputs, labels = _patterns(point, replica, width, dataset)
        crossed = point.protocol.name == "cross_entropy_sgd"
        initial_params = batch_norm.initial_params if crossed else network.initial_params
        initial = initial_params(self.network, point.seed_for("initial", replica, width))
        batches_seed = point.seed_for("batches", replica, width)
        problem = Problem(self.network, initial, inputs, labels, point.protocol.margin, batches_seed)
        super().__init__(label, problem, point.protocol, stages(point.protocol, point.dtype))
        self._look_every = batch_norm.check_every(len(labels)) if crossed else point.protocol.steps

    def next_look(self, step: int) -> int:
        return step - step % self._look_every + self._look_every

    def is_due(self, step: int) -> bool:
        return False

    def look(self, optimizer: HingeAdam, n_delta: int, ends: bool, report: Callable[[str], None]) -> None:
        self.result = attempt = self._attempt(optimizer, n_delta)
        # A comparison with NaN is false, so without this check a diverged network could count as fitted.
        if not math.isfinite(attempt.loss):
            point = self.point
            raise DivergenceError(
                f"line {point.line}, P = {point.n_train}, replica {self.replica}, width {attempt.width} diverged by "
                f"step {attempt.steps} (loss {attempt.loss}); lower the protocol's rate."
            )
        report(
            f"{self.label} {'fits' if attempt.fitted else 'fails'} after {attempt.steps} steps, N={attempt.n_weights}, "
            f"N_Δ={attempt.n_delta}, misclassified {attempt.misclassified:g}, 𝓛={attempt.loss:.3g}"
        )

    def _attempt(self, optimizer: HingeAdam, n_delta: int) -> Attempt:
        """The outcome of the training.

        Under the hinge loss a network fits by `criteria.fits`; under cross-entropy, if all y f > 0.
        """
        outputs, labels = optimizer.outputs, optimizer.labels
        if self.protocol.name == "cross_entropy_sgd":
            n_delta = int((overlaps(outputs, labels, margin=0.0) > 0).sum())
            fitted = bool((outputs * labels > 0).all())
        else:
            fitted = bool(fits(optimizer.loss, self.protocol.margin))
        return Attempt(
            width=self.network.width,
            n_weights=self.network.n_weights,
            n_delta=n_delta,
            loss=optimizer.loss,
            misclassified=count_misclassified(outputs, labels),
            steps=optimizer.step,
            fitted_at=optimizer.step if fitted else NEVER,
            seconds=self.progress.seconds,
        )


def _result(attempts: Sequence[Attempt]) -> dict:
    """The group of a replica in the result file."""
    status, n_star, n_below = n_star_at(attempts)
    columns = to_columns(attempts)
    timing = {"seconds": columns.pop("seconds")}
    return {"status": status, "n_star": n_star, "n_below": n_below, "attempts": columns, "timing": timing}


def _patterns(
    point: LinePoint, replica: int, width: int, dataset: store.Result | None
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (P, d) and labels (P,) of ±1. If d = h, each width has its own patterns."""
    if point.dataset == "mnist":
        data = datasets.split(dataset, point.n_train, point.seed_for("data", replica))
        return data.train_inputs, data.train_labels
    seed = point.seed_for("data", replica, 0 if point.dim else width)
    return datasets.pool(point.dataset).generate(point.dim or width, point.n_train, seed)


def _check(point: LinePoint, dataset: store.Result | None) -> None:
    """Raise LineError for a point that cannot be searched."""
    where = f"line {point.line}, P = {point.n_train}"
    if point.dataset == "mnist":
        if dataset is None or dataset.spec["dataset"] != "mnist":
            raise LineError(f"{where}: the patterns of MNIST are missing; give the file of its principal components.")
        if dataset.spec["dim"] != point.dim:
            raise LineError(
                f"{where}: dim is {point.dim}, but the patterns given have {dataset.spec['dim']} components; "
                "give those of the same dim."
            )
    else:
        try:
            datasets.pool(point.dataset)
        except datasets.DatasetError as error:
            raise LineError(f"{where}: {error}") from None
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
