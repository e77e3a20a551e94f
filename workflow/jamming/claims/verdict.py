"""Verdicts, computed from interval, tolerance, sizes and number of runs. No verdict is written by hand."""

from collections.abc import Mapping, Sequence

from ..analysis.statistics import Measurement
from .catalogue import Claim
from .sizes import in_words, unmet

REPRODUCED, NOT_REPRODUCED = "reproduced", "not reproduced"
INCONCLUSIVE, NOT_TESTABLE = "inconclusive", "not testable at this size"
VERDICTS = (REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE, NOT_TESTABLE)

LEVEL = 0.95
"""Confidence of the interval that decides the verdict."""

MOST_RUNS = 10_000
"""If a decision needs more runs than this, the number is not given."""


def judge(
    claim: Claim, measured: Measurement, sizes: Mapping[str, float], missing: Sequence[str] = ()
) -> tuple[str, str]:
    """The verdict on a claim, and its reason in one sentence or two.

    A claim is not testable if the config lacks sweeps or lines (`missing`), or if the runs are too small for it.
    Otherwise the interval of 95 % decides (`ungated`).
    """
    if missing:
        kind = "lines" if missing[0].startswith("line_") else "sweeps"
        return NOT_TESTABLE, f"It takes the {kind} {', '.join(missing)}, which the config does not have."
    lacking = unmet(claim.sizes, sizes)
    if lacking:
        return (
            NOT_TESTABLE,
            f"It takes {in_words(lacking, claim.sizes, '≥')}; here {in_words(lacking, sizes, '=')}.",
        )
    return ungated(claim, measured)


def ungated(claim: Claim, measured: Measurement) -> tuple[str, str]:
    """The verdict without regard to sizes, and its reason.

    A claim is reproduced if the interval lies within the tolerance, and not reproduced if it lies outside. It is
    inconclusive if the interval is partly inside, or if there is no interval. A claim on several depths is reproduced
    if each depth reproduces it, and not reproduced if one depth does not.
    """
    if measured.parts:
        of_parts = {name: _of_one(part, claim)[0] for name, part in measured.parts.items()}
        said = ", ".join(f"{name} {verdict}" for name, verdict in of_parts.items())
        verdicts = set(of_parts.values())
        verdict = NOT_REPRODUCED if NOT_REPRODUCED in verdicts else INCONCLUSIVE
        return (REPRODUCED if verdicts == {REPRODUCED} else verdict), f"Judged one by one: {said}.{_noted(measured)}"
    verdict, reason = _of_one(measured, claim)
    return verdict, reason + _noted(measured)


def _noted(measured: Measurement) -> str:
    return f" {measured.note}" if measured.note else ""


def _of_one(measured: Measurement, claim: Claim) -> tuple[str, str]:
    if measured.value is None:
        return INCONCLUSIVE, f"There is no {measured.lacking}; an interval takes at least 2 runs."
    interval = measured.interval(LEVEL)
    if interval is None:
        return INCONCLUSIVE, "One run at a point has no scatter to make an interval of; it takes at least 2 at each."
    verdict = compare(interval, claim.low, claim.high)
    if verdict != INCONCLUSIVE:
        where = "within" if verdict == REPRODUCED else "outside"
        return verdict, f"The interval of 95 % lies {where} the tolerance."
    needed = runs_needed(measured, claim.low, claim.high)
    if needed is None:
        return verdict, f"The interval of 95 % is partly in the tolerance, and {MOST_RUNS} runs would not decide."
    return (
        verdict,
        f"The interval of 95 % is partly in the tolerance; it takes about {needed} runs, not {measured.n_runs}.",
    )


def compare(interval: tuple[float, float], low: float | None, high: float | None) -> str:
    """The verdict that follows from an interval and a tolerance. The ends belong to both."""
    low, high = float("-inf") if low is None else low, float("inf") if high is None else high
    if low <= interval[0] and interval[1] <= high:
        return REPRODUCED
    if interval[1] < low or interval[0] > high:
        return NOT_REPRODUCED
    return INCONCLUSIVE


def runs_needed(measured: Measurement, low: float | None, high: float | None) -> int | None:
    """The least number of runs whose interval would decide if the value stayed the same. At least the present number.

    None if more than MOST_RUNS are needed, for example if the value lies on an end of the tolerance.
    """

    def decides(n_runs: int) -> bool:
        return compare(measured.interval(LEVEL, n_runs), low, high) != INCONCLUSIVE

    below, enough = measured.n_runs, measured.n_runs
    while not decides(enough):
        if enough >= MOST_RUNS:
            return None
        below, enough = enough, min(2 * enough, MOST_RUNS)
    while enough - below > 1:
        middle = (below + enough) // 2
        below, enough = (below, middle) if decides(middle) else (middle, enough)
    return enough
