"""Training the replicas of one point, one after the other: step, record, checkpoint, resume.

The loop is `_train_replica`. A run stops when its last step is done or as soon as N_Δ = 0: the loss is then
exactly zero and nothing can move any more.
"""

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from . import kernels, store
from .checkpoint import Checkpoint
from .datasets import Split, split
from .kernels import Backend, HingeAdam
from .losses import count_misclassified, quadratic_hinge
from .network import initial_params
from .protocols import LARGEST_KEPT, RECORDS_PER_DECADE, STATES_PER_DECADE, can_be_extended, learning_rate, steps_seen
from .spec import Point

SAVE_EVERY_SECONDS = float(os.environ.get("JAMMING_SAVE_EVERY_SECONDS", 30))
REPORT_EVERY_SECONDS = 10

RECORDED = ("step", "n_delta", "loss", "misclassified", "gradient_norm", "test_error", "learning_rate")
COUNTED = ("step", "n_delta")


class DivergenceError(ArithmeticError):
    """A run that produced NaN or infinity; the message names sweep, P, replica and step."""


def train(
    point: Point,
    dataset: store.Result,
    checkpoint: Checkpoint,
    device: str = "cpu",
    report: Callable[[str], None] = print,
    backend: Backend | None = None,
) -> dict:
    """Train every replica of a point; return the tree of its result file (layout: docs/results.md).

    `backend` does the steps; without one the fastest that works on the device is taken.

    Raises DivergenceError on NaN or infinity, DatasetError when the data cannot supply P patterns.
    """
    backend = backend or kernels.choose(device, report=report)
    saved = checkpoint.load() or {}
    tree = {name: replica for name, replica in saved.items() if name.startswith("replica_")}
    progress = Progress.from_tree(saved["progress"]) if "progress" in saved else None
    for replica in range(len(tree), point.replicas):

        def save(current: Progress) -> None:
            checkpoint.save({**tree, "progress": current.to_tree()})

        name = f"replica_{replica:02d}"
        if progress is None and (ended := checkpoint.load_ended(name)) is not None:
            progress = Progress.from_tree(ended)
        keep = partial(checkpoint.keep_ended, name) if can_be_extended(point.protocol) else None
        label = f"{point.sweep} P={point.n_train} replica {replica + 1}/{point.replicas}"
        data = split(dataset, point.n_train, point.seed_for("data", replica))
        tree[name] = _train_replica(point, replica, data, backend, device, progress, save, keep, report, label)
        progress = None
    return tree


@dataclass
class Progress:
    """All that is needed to go on with one replica: optimizer, records and states so far, seconds used."""

    step: int = 0
    optimizer: dict[str, np.ndarray] = field(default_factory=dict)
    records: list[dict[str, float]] = field(default_factory=list)
    states: list[tuple[int, np.ndarray]] = field(default_factory=list)
    seconds: float = 0.0

    def to_tree(self) -> dict:
        tree = {"step": self.step, "seconds": self.seconds, "optimizer": self.optimizer}
        if self.records:
            tree["records"] = {name: np.array([row[name] for row in self.records]) for name in self.records[0]}
        if self.states:
            steps, params = zip(*self.states, strict=True)
            tree["states"] = {"step": np.array(steps), "params": np.array(params)}
        return tree

    @classmethod
    def from_tree(cls, tree: dict) -> "Progress":
        columns = tree.get("records", {})
        rows = zip(*columns.values(), strict=True)
        states = tree.get("states", {"step": [], "params": []})
        return cls(
            step=tree["step"],
            optimizer=tree["optimizer"],
            records=[dict(zip(columns, row, strict=True)) for row in rows],
            states=[(int(step), params) for step, params in zip(states["step"], states["params"], strict=True)],
            seconds=tree["seconds"],
        )


def _train_replica(
    point: Point,
    replica: int,
    data: Split,
    backend: Backend,
    device: str,
    progress: Progress | None,
    save: Callable[[Progress], None],
    keep: Callable[[dict], None] | None,
    report: Callable[[str], None],
    label: str,
) -> dict:
    """Train one network from where `progress` stands to its end; return its group of the result file."""
    network, protocol = point.network, point.protocol
    initial = initial_params(network, point.seed_for("initial", replica))
    optimizer = backend.begin_hinge(
        network, initial, data.train_inputs, data.train_labels, protocol, point.dtype, device
    )
    test = None
    if data.has_test:
        test = optimizer.evaluator(data.test_inputs), data.test_labels
    if progress is None:
        progress = Progress()
    else:
        optimizer.load_state(progress.optimizer, progress.step)
        report(f"{label}: going on from step {progress.step}")

    look_at = set(steps_seen(protocol, STATES_PER_DECADE))
    keep_at = look_at if network.n_params <= LARGEST_KEPT else set()
    record_at = look_at | set(steps_seen(protocol, RECORDS_PER_DECADE))
    started = time.monotonic() - progress.seconds
    reported = saved = time.monotonic()
    first_step, begun = optimizer.step, time.monotonic()
    while True:
        step = optimizer.step
        n_delta = optimizer.compute_gradient()
        ends = n_delta == 0 or step == protocol.steps
        now = time.monotonic()
        progress.step, progress.seconds = step, now - started
        if ends or step in record_at:
            row = _observe(optimizer, n_delta, test, learning_rate(protocol, step))
            # A NaN overlap is not > 0, so a diverged run would pass for a solved one without this check.
            if not math.isfinite(row["loss"]) or not math.isfinite(row["gradient_norm"]):
                raise DivergenceError(
                    f"sweep {point.sweep}, P = {point.n_train}, replica {replica} diverged at step {step} "
                    f"(loss {row['loss']}); lower the protocol's rate."
                )
            if ends and keep is not None:
                # As if saved on the way: without what is recorded of the end, which a longer run may not look at.
                progress.optimizer = optimizer.state()
                keep(progress.to_tree())
            progress.records.append({**row, "wall_time": progress.seconds})
        if ends or step in keep_at:
            progress.states.append((step, optimizer.params.astype(np.float64)))
        if ends:
            break
        if now - reported >= REPORT_EVERY_SECONDS:
            seconds_left = (now - begun) / max(step - first_step, 1) * (protocol.steps - step)
            loss = quadratic_hinge(optimizer.delta)
            report(f"{label}: step {step}/{protocol.steps}, N_Δ={n_delta}, 𝓛={loss:.3g}, ETA {_clock(seconds_left)}")
            reported = now
        optimizer.update(learning_rate(protocol, step))
        if now - saved >= SAVE_EVERY_SECONDS:
            progress.step, progress.optimizer = optimizer.step, optimizer.state()
            save(progress)
            saved = now
    report(f"{label}: ended at step {step} with N_Δ={n_delta} after {_clock(progress.seconds)}")

    rows, (kept_steps, kept_params) = progress.records, zip(*progress.states, strict=True)
    columns = {
        name: np.array([row[name] for row in rows], dtype=np.int64 if name in COUNTED else np.float64)
        for name in RECORDED
    }
    return {
        "seed_data": point.seed_for("data", replica),
        "seed_initial": point.seed_for("initial", replica),
        "converged": n_delta == 0,
        "steps_done": step,
        "n_params": network.n_params,
        "n_weights": network.n_weights,
        "record": columns,
        "state": {"step": np.array(kept_steps, dtype=np.int64), "params": np.array(kept_params)},
        "final": {
            "delta": optimizer.delta.astype(np.float64),
            "output": optimizer.outputs.astype(np.float64),
        },
        "timing": {"wall_time": np.array([row["wall_time"] for row in rows])},
    }


def _observe(optimizer: HingeAdam, n_delta: int, test: tuple | None, rate: float) -> dict[str, float]:
    """What is recorded of one instant."""
    test_error = math.nan
    if test is not None:
        evaluate, labels = test
        test_error = count_misclassified(evaluate(), labels) / len(labels)
    return {
        "step": optimizer.step,
        "n_delta": n_delta,
        "loss": quadratic_hinge(optimizer.delta),
        "misclassified": count_misclassified(optimizer.outputs, optimizer.labels),
        "gradient_norm": float(np.linalg.norm(optimizer.gradient)),
        "test_error": test_error,
        "learning_rate": rate,
    }


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
