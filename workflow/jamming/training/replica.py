"""One replica of a point on its way: when it is looked at, what is recorded of it, how it ends, what its result holds.

Who makes the steps, and of how many replicas together, is not known here (training.py).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ..datasets import split
from ..kernels import HingeAdam
from ..losses import count_misclassified, quadratic_hinge
from ..network import initial_params
from ..protocols import LARGEST_KEPT, RECORDS_PER_DECADE, STATES_PER_DECADE, can_be_extended, learning_rate, steps_seen
from ..spec import Point
from ..storage import store
from .checkpoint import Checkpoint

RECORDED = ("step", "n_delta", "loss", "misclassified", "gradient_norm", "test_error", "learning_rate")
COUNTED = ("step", "n_delta")


class DivergenceError(ArithmeticError):
    """A run that produced NaN or infinity; the message names sweep, P, replica and step."""


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


class Replica:
    """A replica of a point: its patterns, its initial state and its progress, `result` once it has ended.

    `inputs` (P, d), `labels` (P,), `test`, the same of the test set if there is one, `initial` (Ñ,).
    """

    def __init__(self, point: Point, number: int, dataset: store.Result):
        """Raises DatasetError when the data cannot supply P patterns."""
        self.point, self.number, self.name = point, number, f"replica_{number:02d}"
        self.label = f"{point.sweep} P={point.n_train} replica {number + 1}/{point.replicas}"
        data = split(dataset, point.n_train, point.seed_for("data", number))
        self.inputs, self.labels = data.train_inputs, data.train_labels
        self.test = (data.test_inputs, data.test_labels) if data.has_test else None
        self.initial = initial_params(point.network, point.seed_for("initial", number))
        self.progress = Progress()
        self.result: dict | None = None
        looked_at = set(steps_seen(point.protocol, STATES_PER_DECADE))
        self._kept_at = looked_at if point.network.n_params <= LARGEST_KEPT else set()
        self._recorded_at = looked_at | set(steps_seen(point.protocol, RECORDS_PER_DECADE))
        self._evaluate: Callable[[], np.ndarray] | None = None
        self._keep: Callable[[dict], None] | None = None

    @property
    def is_double(self) -> bool:
        """Whether it has come so far in double precision; not if it has not begun."""
        return "params" in self.progress.optimizer and self.progress.optimizer["params"].dtype == np.float64

    def restore(self, saved: dict, checkpoint: Checkpoint, report: Callable[[str], None]) -> None:
        """Go on from where the replica stands in `saved`, if it does, or from where a shorter run of it ended."""
        if self.name in saved:
            self.progress = Progress.from_tree(saved[self.name])
        elif (ended := checkpoint.load_ended(self.name)) is not None:
            self.progress = Progress.from_tree(ended)
        if self.progress.optimizer:
            report(f"{self.label}: going on from step {self.progress.step}")
        if can_be_extended(self.point.protocol):
            self._keep = partial(checkpoint.keep_ended, self.name)

    def begin(self, optimizer: HingeAdam) -> None:
        """Put the optimizer, which stands at the start, where the replica stands."""
        if self.test is not None:
            self._evaluate = optimizer.evaluator(self.test[0])
        if self.progress.optimizer:
            optimizer.load_state(self.progress.optimizer, self.progress.step)

    def is_due(self, step: int, n_delta: int) -> bool:
        """Whether it is to be looked at: where N_Δ = 0, and once at each step that is recorded, the last among them."""
        return n_delta == 0 or (step in self._recorded_at and not self._is_recorded(step))

    def next_look(self, step: int) -> int:
        """The first step after this one at which something is recorded; the last step is one."""
        return min(later for later in self._recorded_at if later > step)

    def look(self, optimizer: HingeAdam, n_delta: int, report: Callable[[str], None]) -> bool:
        """Record where it stands, and if it ends there make `result` and return true. Raises DivergenceError.

        It ends when its last step is done or N_Δ = 0: the loss is then exactly zero and nothing can move any more.
        """
        progress, step = self.progress, optimizer.step
        progress.step, ends = step, n_delta == 0 or step == self.point.protocol.steps
        row = self._observe(optimizer, n_delta)
        # A NaN overlap is not > 0, so a diverged run would pass for a solved one without this check.
        if not math.isfinite(row["loss"]) or not math.isfinite(row["gradient_norm"]):
            raise DivergenceError(
                f"sweep {self.point.sweep}, P = {self.point.n_train}, replica {self.number} diverged at step {step} "
                f"(loss {row['loss']}); lower the protocol's rate."
            )
        if ends and self._keep is not None:
            # As if saved on the way: without what is recorded of the end, which a longer run may not look at.
            progress.optimizer = optimizer.state()
            self._keep(progress.to_tree())
        if self._is_recorded(step):
            # Here single precision became double, which finds N_Δ = 0 and has the last word.
            progress.records.pop()
            progress.states = [state for state in progress.states if state[0] < step]
        progress.records.append({**row, "wall_time": progress.seconds})
        if ends or step in self._kept_at:
            progress.states.append((step, optimizer.params.astype(np.float64)))
        if ends:
            self.result = self._end(optimizer, n_delta)
            report(f"{self.label}: ended at step {step} with N_Δ={n_delta} after {clock(progress.seconds)}")
        return ends

    def _is_recorded(self, step: int) -> bool:
        records = self.progress.records
        return bool(records) and records[-1]["step"] >= step

    def _observe(self, optimizer: HingeAdam, n_delta: int) -> dict[str, float]:
        """What is recorded of one instant."""
        test_error = math.nan
        if self.test is not None:
            labels = self.test[1]
            test_error = count_misclassified(self._evaluate(), labels) / len(labels)
        return {
            "step": optimizer.step,
            "n_delta": n_delta,
            "loss": quadratic_hinge(optimizer.delta),
            "misclassified": count_misclassified(optimizer.outputs, optimizer.labels),
            "gradient_norm": float(np.linalg.norm(optimizer.gradient)),
            "test_error": test_error,
            "learning_rate": learning_rate(self.point.protocol, optimizer.step),
        }

    def _end(self, optimizer: HingeAdam, n_delta: int) -> dict:
        """The group of the result file."""
        point, rows = self.point, self.progress.records
        kept_steps, kept_params = zip(*self.progress.states, strict=True)
        columns = {
            name: np.array([row[name] for row in rows], dtype=np.int64 if name in COUNTED else np.float64)
            for name in RECORDED
        }
        return {
            "seed_data": point.seed_for("data", self.number),
            "seed_initial": point.seed_for("initial", self.number),
            "converged": n_delta == 0,
            "steps_done": optimizer.step,
            "n_params": point.network.n_params,
            "n_weights": point.network.n_weights,
            "record": columns,
            "state": {"step": np.array(kept_steps, dtype=np.int64), "params": np.array(kept_params)},
            "final": {"delta": optimizer.delta.astype(np.float64), "output": optimizer.outputs.astype(np.float64)},
            "timing": {"wall_time": np.array([row["wall_time"] for row in rows])},
        }


def clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
