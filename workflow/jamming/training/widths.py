"""The line N*(P): one point of it, the ladder of widths, and the descent that finds the transition. No torch.

For each P the width goes down a ladder until a network fails to fit ([G] Sec. III, [S] Sec. 3 and App. B); N* is the
number of weights of the last one that worked. All that is decided here follows from the attempts made so far, so a
search that was interrupted goes on as if it had not been.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import count, takewhile
from typing import Literal

import numpy as np

from ..spec import LinePoint

EVERY_WIDTH_TO, LADDER_STEP = 16, 1.08
NEVER = -1  # `fitted_at` of a network that did not fit

Status = Literal["found", "never_fitted", "always_fitted"]


class LineError(ValueError):
    """A point of a line that cannot be searched as asked; the message is one sentence that says what is allowed."""


@dataclass(frozen=True)
class Attempt:
    """One width, trained to its end.

    N_Δ and 𝓛 are those of the last step: with the protocol's margin for the hinge loss; for cross-entropy 𝓛 is its
    mean over the training set and N_Δ counts Δ = ε − y f > 0 with ε = 0. `fitted_at` is the step at which the network
    was first seen to fit, or NEVER. `seconds` is wall time and no part of the result.
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
    """The ladder as far up as the search of a point may go, rising."""
    enough = first_width(point)
    most = point.max_ratio * point.n_train
    return list(takewhile(lambda width: width <= enough or point.network(width).n_weights <= most, ladder()))


def first_width(point: LinePoint) -> int:
    """The smallest width of the ladder with N ≥ first_ratio·P."""
    return next(width for width in ladder() if point.network(width).n_weights >= point.first_ratio * point.n_train)


def ladder() -> Iterator[int]:
    """Widths worth trying, rising without end: every integer to 16, then steps of about 8 %."""
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
    """Train one width after the other until the transition is found or cannot be; return all attempts, in order.

    `attempts` are those of an earlier, interrupted search; new ones are added to this list. `keep` is given the list
    after each new one.
    """
    attempts = [] if attempts is None else attempts
    while (width := next_width(attempts, widths, first, shortest_time)) is not None:
        attempts.append(trainer(width))
        keep(attempts)
    return attempts


def next_width(attempts: Sequence[Attempt], widths: Sequence[int], first: int, shortest_time: int = 0) -> int | None:
    """The width to train after these attempts, or None when the search is over.

    It starts at `first`. While nothing worked it goes up. As long as the narrowest worked it goes down, and stops at
    the first that fails. With a `shortest_time`, it then goes up from the widest until one has fitted by that time.
    `widths` rise, hold `first`, and bound the search on both sides.
    """
    if not attempts:
        return first
    tried = sorted(attempts, key=lambda attempt: attempt.width)
    narrowest, widest = tried[0], tried[-1]
    wider = next((width for width in widths if width > widest.width), None)
    if not any(attempt.fitted for attempt in tried):
        return wider
    if narrowest.fitted and narrowest.width > widths[0]:
        return max(width for width in widths if width < narrowest.width)
    if shortest_time and not _fitted_by(widest, shortest_time):
        return wider
    return None


def n_star_at(attempts: Sequence[Attempt], time: float = math.inf) -> tuple[Status, float, float]:
    """Where the transition lies for networks trained `time` steps (inf: to their end): status, n_star, n_below.

    N* is the N of the smallest network that fitted by then and all wider ones with it: n_below < N* ≤ n_star, with
    n_below the N of the next narrower one, which did not. That is "found". If the widest did not fit by then, it is
    "never_fitted" and n_star is inf: n_below is a lower bound. If all did, it is "always_fitted" and n_below is 0:
    n_star is an upper bound. Raises LineError without attempts.

    A shorter time is read off the same training, whose learning rate knows only the whole length.
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
    """One array (A,) for each field of an Attempt, int64 or float64, and `fitted` (A,) bool."""
    types = {"int": np.int64, "float": np.float64}
    columns = {
        field.name: np.array([getattr(attempt, field.name) for attempt in attempts], dtype=types[field.type.__name__])
        for field in fields(Attempt)
    }
    return {**columns, "fitted": np.array([attempt.fitted for attempt in attempts], dtype=bool)}


def from_columns(columns: Mapping[str, np.ndarray]) -> list[Attempt]:
    """The attempts that `to_columns` wrote, also when `seconds` is kept elsewhere, as in a result's `attempts`."""
    names = [field.name for field in fields(Attempt) if field.name in columns]
    rows = zip(*(columns[name].tolist() for name in names), strict=True)
    return [Attempt(**dict(zip(names, row, strict=True))) for row in rows]


def _fitted_by(attempt: Attempt, time: float) -> bool:
    return attempt.fitted and attempt.fitted_at <= time
