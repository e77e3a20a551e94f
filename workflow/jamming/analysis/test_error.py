"""The test error through the transition: at the end of training, at its minimum, and on the way ([S] Sec. 4).

A network whose output is 0 counts as wrong on half of the patterns, not on all: an output of zero is a coin toss
(`losses.count_misclassified`). Networks whose neurons all died thus have a test error near 1/2.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..criteria import FITS, fits_by_count
from . import AnalysisError
from .sweeps import ends, replicas

if TYPE_CHECKING:
    from ..storage.store import Result

WELL_BELOW = 1 / 8
"""The first network of [S] Fig. 4A is the one nearest to this N/N*."""


def errors(results: Sequence["Result"]) -> dict:
    """One group for each P, in increasing order: "P01000", …; attribute depth.

    A group has one row per width, in increasing N. Columns, each (K,): width, n_weights; final, the mean over replicas
    of the last test error, and minimum, that of its least value on the way (as in [S], on the same test set);
    final_error and minimum_error, their standard errors over replicas (nan for one replica); n_replicas, n_fitted and
    fraction_fitted (replicas that fit, `criteria.fits`), n_fitted_by_count (by the rule of the papers, N_Δ ≤ 0.1 N).
    Attributes: n_train, and of the transition, see `transition`: status, n_star, n_below.

    Raises AnalysisError if points differ in depth, two have the same P and width, or one has no replica, no recorded
    step
    or no test error.
    """
    tree = {"depth": _depth(results)}
    for n_train in sorted({result.spec["n_train"] for result in results}):
        points = at_patterns(results, n_train)
        rows = [_row(point) for point in points]
        columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        status, index = transition(columns["n_fitted"], columns["n_replicas"])
        found = status == "found"
        tree[f"P{n_train:05d}"] = {
            **columns,
            "n_train": n_train,
            "status": status,
            "n_star": float(columns["n_weights"][index]) if found else np.nan,
            "n_below": float(columns["n_weights"][index - 1]) if found else np.nan,
        }
    return tree


def transition(n_fitted: np.ndarray, n_replicas: np.ndarray) -> tuple[str, int]:
    """Whether there is a transition among widths in increasing order, and the index of N*.

    N*(P) is the smallest N such that, there and at all larger widths, more than half of the replicas have fitted.
    The status is "found"; or "never_fitted" if the largest width has not, with index K; or "always_fitted" if all
    widths have, with index 0: then N* lies outside the widths trained. A transition found lies in (n_below, n_star],
    n_below the next smaller N: the spacing of the widths is its uncertainty.
    """
    failed = np.flatnonzero(2 * n_fitted <= n_replicas)
    if len(failed) == 0:
        return "always_fitted", 0
    index = int(failed[-1]) + 1
    return ("never_fitted" if index == len(n_fitted) else "found"), index


def evolution(results: Sequence["Result"], table: dict) -> dict:
    """[S] Fig. 4A: four networks at one P, from far below the transition to far above; `table` is that of `errors`.

    P is the largest one with a transition. The networks, by increasing N: nearest to N*/8; the largest below N*; the
    one at N*; the largest of all; fewer if these coincide. Without any transition they are four widths of the largest P
    spread evenly. Groups curve_1, curve_2, … (`curve`), each with attributes n_weights, width, and ratio (N/N* or nan).
    Attributes: n_train, n_star (nan without a transition), depth, n_curves.
    """
    groups = [group for group in table.values() if isinstance(group, dict)]
    group = max(groups, key=lambda group: (group["status"] == "found", group["n_train"]))
    points = at_patterns(results, group["n_train"])
    curves = {}
    for number, index in enumerate(_choose(group), start=1):
        n_weights = int(group["n_weights"][index])
        described = {"n_weights": n_weights, "width": int(group["width"][index]), "ratio": n_weights / group["n_star"]}
        curves[f"curve_{number}"] = {**curve(points[index]), **described}
    shared = {name: group[name] for name in ("n_train", "n_star")}
    return {**curves, **shared, "depth": table["depth"], "n_curves": len(curves)}


def curve(point: "Result") -> dict:
    """The test error against time, averaged over the replicas of a point.

    Columns, each (T,): step (≥ 1; the recorded ones of the replica trained longest), test_error (mean), standard_error
    (nan for one replica). A replica that reached N_Δ = 0 has stopped, 𝓛 has no gradient any more, and its last value
    holds from then on; between recorded steps values are interpolated linearly in ln(1 + t). Attributes: n_replicas,
    stopped (whether all replicas did, the last of them where the curve ends).
    """
    runs = _runs(point)
    longest = max((run["record"]["step"] for run in runs), key=lambda step: step[-1])
    step = longest[longest >= 1] if longest[-1] >= 1 else longest[-1:] + 1
    each = [np.interp(np.log1p(step), np.log1p(run["record"]["step"]), run["record"]["test_error"]) for run in runs]
    mean, error = _mean_and_error(np.array(each))
    stopped = all(run["record"]["n_delta"][-1] == 0 for run in runs)
    return {"step": step, "test_error": mean, "standard_error": error, "n_replicas": len(runs), "stopped": stopped}


def at_patterns(results: Sequence["Result"], n_train: int) -> list["Result"]:
    """The points with P = `n_train`, one per width, in increasing width. Raises AnalysisError if two have one width."""
    points = [result for result in results if result.spec["n_train"] == n_train]
    points.sort(key=_width)
    widths = [_width(point) for point in points]
    twice = [width for width, following in pairwise(widths) if width == following]
    if twice:
        raise AnalysisError(
            f"sweep '{points[0].spec['sweep']}' has more than one point at P = {n_train}, width {twice[0]}; "
            "give each point once."
        )
    return points


def _choose(group: dict) -> list[int]:
    """Indices of the networks shown, increasing."""
    n_weights = group["n_weights"]
    last = len(n_weights) - 1
    if group["status"] != "found":
        return sorted({round(place) for place in np.linspace(0, last, 4)})
    at = int(np.flatnonzero(n_weights == group["n_star"])[0])
    below = int(np.argmin(np.abs(np.log(n_weights[:at] / (WELL_BELOW * group["n_star"])))))
    return sorted({below, at - 1, at, last})


def _row(point: "Result") -> dict:
    runs = _runs(point)
    test_error = [run["record"]["test_error"] for run in runs]
    final, final_error = _mean_and_error(np.array([values[-1] for values in test_error]))
    minimum, minimum_error = _mean_and_error(np.array([values.min() for values in test_error]))
    of_runs = ends([point])
    n_fitted = sum(end.state == FITS for end in of_runs)
    return {
        "width": _width(point),
        "n_weights": int(runs[0]["n_weights"]),
        "final": final,
        "final_error": final_error,
        "minimum": minimum,
        "minimum_error": minimum_error,
        "n_replicas": len(runs),
        "n_fitted": n_fitted,
        "n_fitted_by_count": sum(int(fits_by_count(end.n_delta, end.n_weights)) for end in of_runs),
        "fraction_fitted": n_fitted / len(runs),
    }


def _runs(point: "Result") -> list[dict]:
    """The replicas of a point. Raises AnalysisError if there is none, or one without a test error at every time."""
    spec, runs = point.spec, list(replicas([point]))
    where = f"sweep '{spec['sweep']}', P = {spec['n_train']}, width {_width(point)}"
    if not runs:
        raise AnalysisError(f"{where} has no replica; train that point again.")
    for run in runs:
        test_error = np.asarray(run["record"]["test_error"])
        if test_error.size == 0:
            raise AnalysisError(f"{where} has a replica without any recorded step; train that point again.")
        if not np.isfinite(test_error).all():
            raise AnalysisError(f"{where} has no test error; train it on a dataset with a test set, such as mnist.")
    return runs


def _mean_and_error(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard error over the first axis; the error is nan for one value."""
    mean = values.mean(axis=0)
    return mean, values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.full_like(mean, np.nan)


def _width(point: "Result") -> int:
    return int(point.spec["network"]["width"])


def _depth(results: Sequence["Result"]) -> int:
    depths = {int(result.spec["network"]["depth"]) for result in results}
    if len(depths) > 1:
        raise AnalysisError(
            f"the runs of sweep '{results[0].spec['sweep']}' differ in depth ({sorted(depths)}); train them again."
        )
    return depths.pop()
