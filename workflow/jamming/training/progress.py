"""The training of one network: its problem, its progress and its result.

Two kinds of network are trained: replicas of a point (replica.py), and the widths of a search for N* (width_search.py).
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..kernels import HingeAdam, Problem
from ..protocols import Stage
from ..spec import Protocol


class DivergenceError(ArithmeticError):
    """A training produced NaN or infinity. The message says which training, and at which step."""


@dataclass
class Progress:
    """Everything needed to go on with the training of one network.

    `optimizer` is the state of the optimizer at `step`, in the stage with the number `stage`. It is empty at the start.
    `records` (one row per recorded step) and `states` (step and parameters (Ñ,)) hold what was recorded so far.
    `seconds` is the wall time used so far.
    """

    stage: int = 0
    step: int = 0
    optimizer: dict = field(default_factory=dict)
    records: list[dict[str, float]] = field(default_factory=list)
    states: list[tuple[int, np.ndarray]] = field(default_factory=list)
    seconds: float = 0.0

    def to_tree(self) -> dict:
        """The progress as a tree of arrays and numbers, for `store.write`."""
        tree = {"stage": self.stage, "step": self.step, "seconds": self.seconds, "optimizer": self.optimizer}
        if self.records:
            tree["records"] = {name: np.array([row[name] for row in self.records]) for name in self.records[0]}
        if self.states:
            steps, params = zip(*self.states, strict=True)
            tree["states"] = {"step": np.array(steps), "params": np.array(params)}
        return tree

    @classmethod
    def from_tree(cls, tree: dict) -> "Progress":
        """The progress that `to_tree` turned into this tree."""
        columns = tree.get("records", {})
        rows = zip(*columns.values(), strict=True)
        states = tree.get("states", {"step": [], "params": []})
        return cls(
            stage=tree["stage"],
            step=tree["step"],
            optimizer=tree["optimizer"],
            records=[dict(zip(columns, row, strict=True)) for row in rows],
            states=[(int(step), params) for step, params in zip(states["step"], states["params"], strict=True)],
            seconds=tree["seconds"],
        )


class Training(ABC):
    """The training of one network. `result` is None until it has ended.

    The loop calls `begin` at the start of each stage, then `goes_on` at every look.
    """

    def __init__(self, label: str, problem: Problem, protocol: Protocol, stages: Sequence[Stage]):
        """`label` names the network in the job's log."""
        self.label, self.problem, self.protocol, self.stages = label, problem, protocol, stages
        self.progress = Progress()
        self.result: object | None = None

    def go_on_from(self, tree: dict, report: Callable[[str], None]) -> None:
        """Replace the progress by the one stored in this tree, and report its step."""
        self.progress = Progress.from_tree(tree)
        report(f"{self.label}: going on from step {self.progress.step}")

    def begin(self, optimizer: HingeAdam) -> None:
        """Bring a new optimizer of the present stage to the state and step of this network."""
        if self.progress.optimizer:
            optimizer.load_state(self.progress.optimizer, self.progress.step)

    def goes_on(self, optimizer: HingeAdam, step: int, n_delta: int, report: Callable[[str], None]) -> bool:
        """Look at the network if that is due. Return whether it has more steps to make in the present stage.

        The training ends, with a `result`, after its last step or where N_Δ = 0: there the loss and its gradient are
        exactly zero. Raises DivergenceError on NaN or infinity.
        """
        if n_delta == 0 and not self.stages[self.progress.stage].is_final:
            return False
        ends = n_delta == 0 or step == self.protocol.steps
        if ends or self.is_due(step):
            self.look(optimizer, n_delta, ends, report)
        return not ends

    def take_stock(self, optimizer: HingeAdam) -> None:
        """Copy the optimizer's step and state into `progress`."""
        self.progress.step, self.progress.optimizer = optimizer.step, optimizer.state()

    def enter_next_stage(self, optimizer: HingeAdam) -> None:
        """Go to the next stage, with the state that the optimizer of the present stage hands over."""
        self.progress.optimizer = optimizer.hand_over()
        # L-BFGS skips the steps that it does not need.
        self.progress.step = max(optimizer.step, self.progress.optimizer["begun"])
        self.progress.stage += 1

    @abstractmethod
    def next_look(self, step: int) -> int:
        """The first step after `step` at which the loop has to look at the network; at most the last step."""

    @abstractmethod
    def is_due(self, step: int) -> bool:
        """Whether something has to be recorded at this step."""

    @abstractmethod
    def look(self, optimizer: HingeAdam, n_delta: int, ends: bool, report: Callable[[str], None]) -> None:
        """Record the network's state; set `result` if the training `ends` here. Raises DivergenceError."""


class Pace:
    """The number of steps between two looks, chosen so that looks are `seconds` apart."""

    def __init__(self, seconds: float):
        self._seconds = self._seconds_per_step = seconds
        self._steps, self._at = 0, time.monotonic()

    def lap(self) -> float:
        """The seconds since the last call, or since the beginning."""
        now = time.monotonic()
        seconds, self._at = now - self._at, now
        if self._steps:
            self._seconds_per_step = max(seconds / self._steps, 1e-6)
        return seconds

    def steps(self, at_most: int) -> int:
        """The number of steps to make until the next lap, at least one."""
        self._steps = max(1, min(at_most, int(self._seconds / self._seconds_per_step)))
        return self._steps


class Eta:
    """Reports of the time a job still needs, if each step takes as long as the steps so far did on average."""

    def __init__(self, last: int, every_seconds: float):
        self._last, self._every = last, every_seconds
        self._begun = self._said = time.monotonic()
        self._first: int | None = None

    def is_due(self, step: int) -> bool:
        """Whether to report at this step. Once true, it is false for the next `every_seconds`."""
        self._first = step if self._first is None else self._first
        is_due = time.monotonic() - self._said >= self._every
        if is_due:
            self._said = time.monotonic()
        return is_due

    def words(self, step: int) -> str:
        """The remaining time after `step` steps, e.g. "ETA 0:12:30"."""
        per_step = (time.monotonic() - self._begun) / max(step - self._first, 1)
        return f"ETA {clock(per_step * (self._last - step))}"


def clock(seconds: float) -> str:
    """A duration as hours:minutes:seconds."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
