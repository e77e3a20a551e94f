"""The search for N*(P): the ladder of widths, and the descent on it that finds the transition. No torch.

For each P the search goes down a ladder of widths until a network fails to fit ([G] Sec. III, [S] Sec. 3 and App. B).
N* is the number of weights of the last network that fits. Every decision follows from the attempts made so far.
Therefore an interrupted search goes on as if it had never stopped.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import count, takewhile
from typing import Literal

import numpy as np

from ..spec import LinePoint

EVERY_WIDTH_TO, LADDER_STEP = 16, 1.08
RUNGS_UP = 3  # N grows by a half or more
NEVER = -1  # `fitted_at` of a network that did not fit

Status = Literal["found", "never_fitted", "always_fitted"]


class LineError(ValueError):
    """A point of a line cannot be searched. The message is one sentence that says what is allowed."""


@dataclass(frozen=True)
class Attempt:
    """The outcome of the training of one width.

    N_Δ and 𝓛 are those of the last step. For the hinge loss they use the protocol's margin. For cross-entropy, 𝓛 is
    the mean over the training set, and N_Δ counts patterns with Δ = ε − y f > 0 at ε = 0. `fitted_at` is the step at
    which the network was first seen to fit, or NEVER. `seconds` is wall time; it is not part of the result.
    """

    width: int
    n_weights: int
    n_delta: int
    loss: float
    misclassified: float
    steps: int
    fitted_at: int
    seconds: float = 0.0

    @property
    def fitted(self) -> bool:
        return self.fitted_at != NEVER


def widths_of(point: LinePoint) -> list[int]:
    """The widths that the search of a point may try, increasing: all with N ≤ max_ratio·P, and the first width."""
    enough = first_width(point)
    most = point.max_ratio * point.n_train
    return list(takewhile(lambda width: width <= enough or point.network(width).n_weights <= most, ladder()))


def first_width(point: LinePoint) -> int:
    """The smallest width of the ladder with N ≥ first_ratio·P."""
    return next(width for width in ladder() if point.network(width).n_weights >= point.first_ratio * point.n_train)


def ladder() -> Iterator[int]:
    """The ladder of widths, increasing without end: every integer up to 16, then steps of about 8 %."""
    yield from range(1, EVERY_WIDTH_TO)
    for rung in count():
        yield round(EVERY_WIDTH_TO * LADDER_STEP**rung)


def search(
    trainer: Callable[[int], Attempt],
    widths: Sequence[int],
    first: int,
    shortest_time: int = 0,
    attempts: list[Attempt] | None = None,
    keep: Callable[[list[Attempt]], None] = lambda attempts: None,
) -> list[Attempt]:
    """Train one width after the other until `next_width` is None; return all attempts, in the order they were made.

    `attempts` are those of an interrupted search; new ones are added to this list. `keep` is called with the list
    after each new attempt.
    """
    attempts = [] if attempts is None else attempts
    while (width := next_width(attempts, widths, first, shortest_time)) is not None:
        attempts.append(trainer(width))
        keep(attempts)
    return attempts


def next_width(attempts: Sequence[Attempt], widths: Sequence[int], first: int, shortest_time: int = 0) -> int | None:
    """The width to train after these attempts, or None when the search is over.

    The search starts at `first`. It goes up, RUNGS_UP at once, while no network has fitted. Then it goes down, rung by
    rung, until a network fails: as in the papers N* is reached from above, also where `first` was too small. With a
    `shortest_time`, it then goes up from the widest one until a network has fitted by that step. `widths` increase,
    contain `first`, and bound the search on both sides.
    """
    if not attempts:
        return first
    tried = {attempt.width: attempt for attempt in attempts}
    widest = tried[max(tried)]
    wider = [width for width in widths if width > widest.width]
    if not any(attempt.fitted for attempt in attempts):
        return wider[min(RUNGS_UP, len(wider)) - 1] if wider else None
    for width in reversed([width for width in widths if width <= widest.width]):
        if width not in tried:
            return width
        if not tried[width].fitted:
            break
    if shortest_time and not _fitted_by(widest, shortest_time):
        return wider[0] if wider else None
    return None


def n_star_at(attempts: Sequence[Attempt], time: float = math.inf) -> tuple[Status, float, float]:
    """The transition for networks trained for `time` steps (inf: to their end): status, n_star, n_below.

    n_star is the N of the smallest network such that it and all wider ones fitted by then. n_below is the N of the
    next narrower one, which did not fit. So n_below < N* ≤ n_star.

    - "found": both are known.
    - "never_fitted": the widest network did not fit. n_star is inf, and n_below is a lower bound.
    - "always_fitted": every network fitted. n_below is 0, and n_star is an upper bound.

    A shorter time is read off the same training, whose learning rate follows from its whole length. Raises LineError
    without attempts.
    """
    if not attempts:
        raise LineError("N* needs at least one attempted width; run the search first.")
    n_star = math.inf
    for attempt in sorted(attempts, key=lambda attempt: -attempt.width):
        if not _fitted_by(attempt, time):
            return ("never_fitted" if n_star == math.inf else "found"), n_star, float(attempt.n_weights)
        n_star = float(attempt.n_weights)
    return "always_fitted", n_star, 0.0


def to_columns(attempts: Sequence[Attempt]) -> dict[str, np.ndarray]:
    """One array (A,) for each field of the A attempts, int64 or float64, and `fitted` (A,) bool."""
    types = {"int": np.int64, "float": np.float64}
    columns = {
        field.name: np.array([getattr(attempt, field.name) for attempt in attempts], dtype=types[field.type.__name__])
        for field in fields(Attempt)
    }
    return {**columns, "fitted": np.array([attempt.fitted for attempt in attempts], dtype=bool)}


def from_columns(columns: Mapping[str, np.ndarray]) -> list[Attempt]:
    """The attempts that `to_columns` wrote. The column `seconds` may be missing, as in the `attempts` of a result."""
    names = [field.name for field in fields(Attempt) if field.name in columns]
    rows = zip(*(columns[name].tolist() for name in names), strict=True)
    return [Attempt(**dict(zip(names, row, strict=True))) for row in rows]


def _fitted_by(attempt: Attempt, time: float) -> bool:
    return attempt.fitted and attempt.fitted_at <= time
