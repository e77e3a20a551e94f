"""The transition lines N*(P): points with their uncertainty. If a search found no transition, its point is a bound."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..criteria import fits, fits_by_count
from ..training.widths import NEVER, Attempt, from_columns, n_star_at
from . import Analysis, AnalysisError
from .power_law import mean_and_deviation
from .sweeps import near_jamming, replicas

if TYPE_CHECKING:
    from ..storage.store import Result

HINGE = {"line_hinge_L2": "L2", "line_hinge_L3": "L3", "line_hinge_L5": "L5"}
"""Lines of random data with d = h and the hinge loss: line → name of its group in a table."""
CROSS_ENTROPY = {
    "line_ce_L2_d25": "L2_d25",
    "line_ce_L3_d25": "L3_d25",
    "line_ce_L5_d25": "L5_d25",
    "line_ce_L5_d50": "L5_d50",
}
"""Lines of random data with fixed d and the cross-entropy."""
MNIST = {"line_mnist_L1": "L1", "line_mnist_L3": "L3", "line_mnist_L5": "L5"}
"""Lines of the first 10 principal components of MNIST with the hinge loss."""
IN_TIME, REFERENCE = "line_ce_L5_d25", "line_hinge_L3"
"""IN_TIME is shown at several learning times. REFERENCE is the line of the phase diagram; MNIST is compared with it."""

CUSPS = ("relu_L2", "relu_L5")
"""Sweeps whose runs near jamming give N_c ([S] App. A.3)."""

PROVEN_RATIO = 4.0
"""[G] Eq. 13 = [S] Eq. 12: N* ≤ 4 P, with N_− = N/2 and the papers' N_c ≈ N/4."""

FRACTIONS = (1 / 100, 1 / 50, 1 / 20, 1 / 10, 1 / 5, 1 / 2, 1.0)
"""Learning times shown, as fractions of the whole training. Fractions below the shortest time searched are left out."""


def line(results: Sequence["Result"], time: float = np.inf) -> dict:
    """N* against P for networks trained `time` steps (inf: to their end), one row per P, in increasing P.

    Columns, each (K,): n_train, status, n_star, n_low, n_high, n_replicas, n_found. The columns status_by_count and
    n_star_by_count follow the papers' rule for the hinge loss, N_Δ ≤ 0.1 N (`criteria`). Attributes: depth, dim
    (0: d = h), loss ("hinge" or "cross-entropy").

    The status is one of three.
    "found": at least half of the replicas found a transition. n_star is the geometric mean of their N*. The standard
    error s of ln N* over replicas gives n_high = n_star·eˢ. A replica's transition lies between the width that failed
    and the one that worked. So downwards the spacing of the ladder, g = mean of ln(n_star/n_below), adds to s in
    quadrature: n_low = n_star·exp(−√(s² + g²)). A replica without a transition extends the range to its own bound.
    "lower_bound": most replicas never fitted. n_star = n_low is the geometric mean of the largest N they tried, and
    n_high is inf.
    "upper_bound": most replicas always fitted. n_star = n_high is the geometric mean of the smallest N they tried, and
    n_low is 0.

    Raises AnalysisError if points of the line differ in depth, dim or protocol, or if a replica has no attempts.
    """
    rows = []
    for result in sorted(results, key=lambda result: result.spec["n_train"]):
        rows.append({"n_train": result.spec["n_train"], **_point(result, time)})
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    loss = "cross-entropy" if common(results, "name", "protocol") == "cross_entropy_sgd" else "hinge"
    return {**columns, "depth": common(results, "depth"), "dim": common(results, "dim"), "loss": loss}


def lines(results: Mapping[str, Sequence["Result"]], names: Mapping[str, str]) -> dict:
    """The lines in `names`, by the name of their group."""
    return {group: line(results[name]) for name, group in names.items()}


def in_time(results: Sequence["Result"]) -> dict:
    """One line at several learning times of the same trainings: groups time_1 (shortest), time_2, …

    Each group is a `line` with the attributes time (steps) and fraction (of the whole training). Attributes of the
    tree: n_steps, n_times, and guide_ratio. The last is N*/P at the largest P with a transition at the longest time, or
    nan. The guide of slope 1 goes through that point. Raises AnalysisError if points of the line differ in the number
    of steps or in the shortest time.
    """
    n_steps, shortest = common(results, "steps", "protocol"), common(results, "shortest_time")
    # Without a shortest time, the searches tried no network larger than the end of training needs.
    fractions = [fraction for fraction in FRACTIONS if fraction == 1 or 0 < shortest <= round(fraction * n_steps)]
    groups = {
        f"time_{number}": {
            **line(results, round(fraction * n_steps)),
            "time": round(fraction * n_steps),
            "fraction": fraction,
        }
        for number, fraction in enumerate(fractions, start=1)
    }
    longest = groups[f"time_{len(fractions)}"]
    found = np.flatnonzero(longest["status"] == "found")
    ratio = longest["n_star"][found[-1]] / longest["n_train"][found[-1]] if len(found) else np.nan
    return {**groups, "n_steps": n_steps, "n_times": len(fractions), "guide_ratio": float(ratio)}


def bound(preactivations: Mapping[str, Sequence["Result"]], analysis: Analysis) -> dict:
    """The line P/N* = 1/2 − N_c/N of [G] Fig. 5. N_c is measured in the runs near jamming of all `CUSPS`.

    Attributes: n_runs, max_loss, cusp_fraction (mean of N_c/N), cusp_fraction_deviation (over runs), and ratio = N*/P
    on the line. They are nan if no run is near jamming. The ratio is inf if cusps could stabilize every direction.
    """
    chosen = [replica for sweep in CUSPS for replica in near_jamming(preactivations[sweep], analysis.max_loss)]
    tree = {"n_runs": len(chosen), "max_loss": analysis.max_loss}
    if not chosen:
        return {**tree, "cusp_fraction": np.nan, "cusp_fraction_deviation": np.nan, "ratio": np.nan}
    (mean,), (deviation,) = mean_and_deviation([[replica["n_cusp"] / replica["n_weights"]] for replica in chosen])
    ratio = 1 / (0.5 - mean) if mean < 0.5 else np.inf
    fractions = {"cusp_fraction": float(mean), "cusp_fraction_deviation": float(deviation)}
    return {**tree, **fractions, "ratio": float(ratio)}


def common(results: Sequence["Result"], key: str, part: str = "") -> int | str:
    """The value that all points of a line share. Raises AnalysisError if the points differ."""
    values = {(result.spec[part] if part else result.spec)[key] for result in results}
    if len(values) > 1:
        name = results[0].spec["line"]
        raise AnalysisError(f"the points of line '{name}' differ in {key} ({sorted(values)}); search them again.")
    return values.pop()


Outcome = tuple[str, float, float]
"""The transition of one replica: status, n_star and n_below, see `widths.n_star_at`."""


def outcomes(result: "Result", time: float = np.inf, by_count: bool = False) -> list[Outcome]:
    """One outcome for each replica of a point, for networks trained `time` steps. For `by_count` see `judged`.

    Raises AnalysisError if there is no replica, or if a replica has no attempts.
    """
    found = []
    for replica in replicas([result]):
        attempts = judged(from_columns(replica["attempts"]), result.spec["protocol"], by_count)
        if not attempts:
            raise AnalysisError(
                f"a replica of line '{result.spec['line']}', P = {result.spec['n_train']}, has no attempts; "
                "search that point again."
            )
        found.append(n_star_at(attempts, time))
    if not found:
        raise AnalysisError(
            f"line '{result.spec['line']}' has no replica at P = {result.spec['n_train']}; search that point again."
        )
    return found


def judged(attempts: Sequence[Attempt], protocol: Mapping, by_count: bool = False) -> list[Attempt]:
    """The attempts, with `fitted_at` set by `criteria.fits`, or by the rule of the papers if `by_count`.

    A search that stopped by one rule need not have reached the transition by the other rule. The result is then a
    bound. Attempts with the cross-entropy do not change, since both rules require that all patterns are classified.
    """
    if protocol["name"] == "cross_entropy_sgd":
        return list(attempts)

    def fitted(attempt: Attempt) -> bool:
        if by_count:
            return bool(fits_by_count(attempt.n_delta, attempt.n_weights))
        return bool(fits(attempt.loss, protocol["margin"]))

    return [replace(attempt, fitted_at=attempt.steps if fitted(attempt) else NEVER) for attempt in attempts]


def combined(found: Sequence[Outcome]) -> dict:
    """N* of a point, from the outcomes of its replicas: status, n_star, n_low and n_high, see `line`."""
    pairs = [(n_star, n_below) for status, n_star, n_below in found if status == "found"]
    never = [n_below for status, _, n_below in found if status == "never_fitted"]
    always = [n_star for status, n_star, _ in found if status == "always_fitted"]
    if 2 * len(pairs) >= len(found):
        return _found(np.array(pairs), never, always)
    if len(never) >= len(always):
        return {"status": "lower_bound", "n_star": _mean(never), "n_low": _mean(never), "n_high": np.inf}
    return {"status": "upper_bound", "n_star": _mean(always), "n_low": 0.0, "n_high": _mean(always)}


def _point(result: "Result", time: float) -> dict:
    found = outcomes(result, time)
    n_found = sum(status == "found" for status, *_ in found)
    by_count = combined(outcomes(result, time, by_count=True))
    return {
        **combined(found),
        "n_replicas": len(found),
        "n_found": n_found,
        "status_by_count": by_count["status"],
        "n_star_by_count": by_count["n_star"],
    }


def _found(found: np.ndarray, never: Sequence[float], always: Sequence[float]) -> dict:
    """N* and its range, from rows (n_star, n_below) of replicas with a transition and the bounds of the others."""
    n_star = np.exp(np.log(found[:, 0]).mean())
    error = np.log(found[:, 0]).std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else 0.0
    spacing = np.log(found[:, 0] / found[:, 1]).mean()
    low, high = n_star * np.exp(-np.hypot(error, spacing)), n_star * np.exp(error)
    return {
        "status": "found",
        "n_star": float(n_star),
        "n_low": float(min([low, *always])),
        "n_high": float(max([high, *never])),
    }


def _mean(values: Sequence[float]) -> float:
    """Geometric mean."""
    return float(np.exp(np.mean(np.log(values))))
