"""The training of one replica of a point: the steps at which it is recorded, what is recorded, and its result."""

import math
from collections.abc import Callable

import numpy as np

from ..datasets import split
from ..kernels import HingeAdam, Problem
from ..losses import count_misclassified
from ..network import initial_params
from ..protocols import (
    LARGEST_KEPT,
    RECORDS_PER_DECADE,
    STATES_PER_DECADE,
    can_be_extended,
    learning_rate,
    stages,
    steps_seen,
)
from ..spec import Point
from ..storage import store
from .checkpoint import Checkpoint
from .progress import DivergenceError, Training, clock

RECORDED = ("step", "n_delta", "loss", "misclassified", "gradient_norm", "test_error", "learning_rate")
COUNTED = ("step", "n_delta")


class Replica(Training):
    """A replica of a point in training. `test` holds inputs (Q, d) and labels (Q,) of the test set, or is None."""

    def __init__(self, point: Point, number: int, dataset: store.Result, checkpoint: Checkpoint):
        """Raises DatasetError when the data cannot supply P patterns."""
        self.point, self.number, self.name = point, number, f"replica_{number:02d}"
        data = split(dataset, point.n_train, point.seed_for("data", number))
        initial = initial_params(point.network, point.seed_for("initial", number))
        super().__init__(
            f"{point.sweep} P={point.n_train} replica {number + 1}/{point.replicas}",
            Problem(point.network, initial, data.train_inputs, data.train_labels, point.protocol.margin),
            point.protocol,
            stages(point.protocol, point.dtype),
        )
        self.test = (data.test_inputs, data.test_labels) if data.has_test else None
        self._checkpoint = checkpoint
        looked_at = set(steps_seen(point.protocol, STATES_PER_DECADE))
        self._kept_at = looked_at if point.network.n_params <= LARGEST_KEPT else set()
        self._recorded_at = looked_at | set(steps_seen(point.protocol, RECORDS_PER_DECADE))
        self._evaluate: Callable[[], np.ndarray] | None = None

    def restore(self, saved: dict, report: Callable[[str], None]) -> None:
        """Go on from the replica's progress in `saved`, or else from the end of a shorter run, if there is one."""
        tree = saved.get(self.name) or self._checkpoint.load_ended(self.name)
        if tree:
            self.go_on_from(tree, report)

    def begin(self, optimizer: HingeAdam) -> None:
        if self.test is not None:
            self._evaluate = optimizer.evaluator(self.test[0])
        super().begin(optimizer)

    def next_look(self, step: int) -> int:
        return min(later for later in self._recorded_at if later > step)

    def is_due(self, step: int) -> bool:
        return step in self._recorded_at and not self._is_recorded(step)

    def look(self, optimizer: HingeAdam, n_delta: int, ends: bool, report: Callable[[str], None]) -> None:
        progress, step = self.progress, optimizer.step
        row = self._observe(optimizer, n_delta)
        # NaN > 0 is false, so without this check a diverged run would have N_Δ = 0 and count as fitted.
        if not math.isfinite(row["loss"]) or not math.isfinite(row["gradient_norm"]):
            raise DivergenceError(
                f"sweep {self.point.sweep}, P = {self.point.n_train}, replica {self.number} diverged at step {step} "
                f"(loss {row['loss']}); lower the protocol's rate."
            )
        if ends and can_be_extended(self.protocol):
            # Kept before the end is recorded: a longer run may record nothing at this step.
            self.take_stock(optimizer)
            self._checkpoint.keep_ended(self.name, progress.to_tree())
        if self._is_recorded(step):
            # This step was recorded in single precision, where the network did not fit. In double precision it does.
            progress.records.pop()
            progress.states = [state for state in progress.states if state[0] < step]
        progress.records.append({**row, "wall_time": progress.seconds})
        if ends or step in self._kept_at:
            progress.states.append((step, optimizer.params.astype(np.float64)))
        if ends:
            self.result = self._end(optimizer, n_delta)
            report(f"{self.label}: ended at step {step} with N_Δ={n_delta} after {clock(progress.seconds)}")

    def _is_recorded(self, step: int) -> bool:
        records = self.progress.records
        return bool(records) and records[-1]["step"] >= step

    def _observe(self, optimizer: HingeAdam, n_delta: int) -> dict[str, float]:
        """The quantities recorded at one step (RECORDED, docs/results.md)."""
        test_error = math.nan
        if self.test is not None:
            labels = self.test[1]
            test_error = count_misclassified(self._evaluate(), labels) / len(labels)
        return {
            "step": optimizer.step,
            "n_delta": n_delta,
            "loss": optimizer.loss,
            "misclassified": count_misclassified(optimizer.outputs, optimizer.labels),
            "gradient_norm": float(np.linalg.norm(optimizer.gradient)),
            "test_error": test_error,
            "learning_rate": learning_rate(self.protocol, optimizer.step),
        }

    def _end(self, optimizer: HingeAdam, n_delta: int) -> dict:
        """The replica's group in the result file (docs/results.md)."""
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
