"""Distributions of overlaps (Δ > 0) and of gaps (Δ < 0) near jamming, with their exponents ([G] Sec. VI)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..spec import seed_of
from . import Analysis, AnalysisError
from .power_law import StatisticsError, fit_power_law, mean_and_deviation
from .sweeps import near_jamming

if TYPE_CHECKING:
    from ..storage.store import Result

LACKING = "run near jamming with a Δ in the range of the fit"

ONE_SIGMA = 0.68
"""A figure states an exponent with the interval of this confidence."""

MERGED_BINS = 2
"""One bin of the figure holds this many bins of the observable. So a decade has 5 bins instead of 10."""
MIN_COUNT = 5
"""A bin is shown if it holds this many values."""


def distributions(
    results: Mapping[str, Sequence["Result"]], sweeps: Mapping[str, str], side: str, analysis: Analysis
) -> dict:
    """P_+ (`side` = "positive") or P_− ("negative") of the runs near jamming, for each group name in `sweeps`.

    The argument z of P_+ is the overlap divided by the median overlap. The attributes exponent_by_loss and
    exponent_by_loss_error are those of z = Δ/√𝓛, which the papers use.
    """
    found = {}
    for sweep, group in sweeps.items():
        near = near_jamming(results[sweep], analysis.max_loss)
        found[group] = distribution(near, sweep, side, analysis)
        if side == "positive" and near:
            by_loss = distribution(near, sweep, "positive_by_loss", analysis)
            found[group] |= {
                "exponent_by_loss": by_loss["exponent"],
                "exponent_by_loss_error": by_loss["exponent_error"],
            }
    return found


def distribution(replicas: Sequence[dict], sweep: str, side: str, analysis: Analysis) -> dict:
    """Density of the pooled runs, one row per bin that holds at least MIN_COUNT values, and its exponent.

    Columns, each (B,): centre (geometric), density, error (standard error over runs, 0 for one run). Attributes:
    n_runs; max_loss; exponent (p ∝ z^exponent); exponent_error (half the interval of 68 %, from the scatter of runs and
    the choice of range); n_in_range; fraction_in_range (of all counted values); range_low; range_high; unit (of z).
    Raises AnalysisError if runs differ in bins or in the range of the fit.
    """
    if not replicas:
        return {"n_runs": 0, "max_loss": analysis.max_loss}
    parts = [replica[side] for replica in replicas]
    edges = _common(parts, "edges", sweep)
    try:
        fit = fit_power_law(parts, analysis.n_bootstrap, seed_of(analysis.seed, sweep, side), LACKING)
    except StatisticsError as error:
        raise AnalysisError(f"the gaps of sweep '{sweep}': {error}") from error
    counts = np.array([part["counts"] for part in parts])
    low, high = fit.interval(ONE_SIGMA) or (np.nan, np.nan)
    n_in_range = int(sum(part["n_in_range"] for part in parts))
    return {
        **_pooled_density(counts, edges),
        "n_runs": len(parts),
        "max_loss": analysis.max_loss,
        "exponent": np.nan if fit.value is None else fit.value,
        "exponent_error": (high - low) / 2,
        "n_in_range": n_in_range,
        "fraction_in_range": n_in_range / max(counts.sum(), 1),
        "unit": "median" if side == "positive" else "",
        "range_low": float(parts[0]["range_low"]),
        "range_high": float(parts[0]["range_high"]),
    }


def _pooled_density(counts: np.ndarray, edges: np.ndarray) -> dict:
    """The density of all runs together, from `counts` (R, B) in merged bins. Bins with too few values are left out."""
    n_merged = counts.shape[1] // MERGED_BINS
    counts = counts[:, : n_merged * MERGED_BINS].reshape(len(counts), n_merged, MERGED_BINS).sum(axis=2)
    edges = edges[: n_merged * MERGED_BINS + 1 : MERGED_BINS]
    width = np.diff(edges)
    pooled = counts.sum(axis=0)
    per_run = counts / (np.maximum(counts.sum(axis=1, keepdims=True), 1) * width)
    error = mean_and_deviation(per_run)[1] / np.sqrt(len(counts))
    # Bins that are shown only because a value fell in them overstate the density. So sparse bins are left out. If all
    # bins are sparse, the fullest stay.
    held = pooled >= min(MIN_COUNT, pooled.max())
    return {
        "centre": np.sqrt(edges[:-1] * edges[1:])[held],
        "density": (pooled / (max(pooled.sum(), 1) * width))[held],
        "error": error[held],
    }


def _common(parts: Sequence[dict], name: str, sweep: str) -> np.ndarray:
    first = parts[0][name]
    if not all(np.array_equal(part[name], first) for part in parts):
        raise AnalysisError(f"the gaps of sweep '{sweep}' differ in {name} between runs; measure all of them again.")
    return np.asarray(first)
