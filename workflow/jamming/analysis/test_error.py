"""The test error through the transition: at the end of training, at its minimum, and during training ([S] Sec. 4).

A pattern with output 0 counts as half an error, since such an output decides nothing (`losses.count_misclassified`).
So networks whose neurons all died have a test error near 1/2.
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
    """Test errors against N, one group for each P in increasing order: "P01000", …; attribute depth.

    A group has one row per width, in increasing N. Columns, each (K,): width; n_weights; final (last test error, mean
    over replicas); minimum (least test error during training, mean over replicas, on the same test set as in [S]);
    final_error and minimum_error (standard errors over replicas, nan for one replica); n_replicas; n_fitted and
    fraction_fitted (replicas that fit, `criteria.fits`); n_fitted_by_count (by the rule of the papers, N_Δ ≤ 0.1 N).
    Attributes: n_train, and status, n_star and n_below of the transition (`transition`).

    Raises AnalysisError if points differ in depth, if two points have the same P and width, or if a point has no
    replica, no recorded step or no test error.
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
    """The status of the transition among widths in increasing order, and the index of N*.

    N*(P) is the smallest N for which more than half of the replicas fit, at this and at all larger widths. The status
    "found" means that the transition lies in (n_below, n_star], where n_below is the next smaller N. So the spacing of
    the widths is its uncertainty. In the two other cases N* lies outside the trained widths: "never_fitted" if most
    replicas of the largest width do not fit (index K), "always_fitted" if most replicas of all widths fit (index 0).
    """
    failed = np.flatnonzero(2 * n_fitted <= n_replicas)
    if len(failed) == 0:
        return "always_fitted", 0
    index = int(failed[-1]) + 1
    return ("never_fitted" if index == len(n_fitted) else "found"), index


def evolution(results: Sequence["Result"], table: dict) -> dict:
    """Test errors against time of four networks at one P, from far below the transition to far above ([S] Fig. 4A).

    `table` is the result of `errors`. P is the largest one with a transition. The networks, by increasing N, are the
    one nearest to N*/8, the largest below N*, the one at N*, and the largest of all. There are fewer if some of these
    are the same. If no P has a transition, the networks are four evenly spread widths of the largest P.
    Groups curve_1, curve_2, … (`curve`) with attributes n_weights, width and ratio (N/N* or nan).
    Attributes of the tree: n_train, n_star (nan without a transition), depth, n_curves.
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

    Columns, each (T,): step (≥ 1, the recorded steps of the replica trained longest), test_error (mean),
    standard_error (nan for one replica). A replica stops at N_Δ = 0, where 𝓛 has no gradient. Its last value is used
    for all later steps. Between recorded steps, values are interpolated linearly in ln(1 + t). Attributes: n_replicas,
    stopped (true if all replicas stopped; the curve ends where the last one did).
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
    """Indices of the networks that are shown, increasing."""
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
    """The replicas of a point. Raises AnalysisError if there is none, or if one lacks a test error at some step."""
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
    """Mean and standard error over the first axis. The error of a single value is nan."""
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
