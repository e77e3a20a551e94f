"""The position of the transition in P/N: random data, hinge loss, networks of fixed size ([G] Sec. IV, Fig. 6a)."""

from functools import partial

import numpy as np

from ..analysis import Analysis, Results
from ..analysis.jump import final_states
from ..analysis.statistics import Measurement, Strata, bootstrap
from ..analysis.sweeps import RELU
from ..criteria import FITS, STUCK
from . import Statistic

LACKING = "value of P/N below which most runs fit and above which most do not; let n_train reach further"


def location(sweep: str, results: Results, analysis: Analysis) -> Measurement:
    """P/N* of a sweep: the mean threshold at which runs cease to fit (`threshold`).

    A threshold lies between two of the P/N that were trained, so half their distance is the resolution. Stuck runs are
    left out: a few patterns keep them from fitting, and they do not show the transition.
    """
    states = final_states(results["runs"][sweep])
    told = states["state"] != STUCK
    return _rise(states["p_over_n"][told], states["state"][told] != FITS, analysis)


def location_by_count(sweep: str, results: Results, analysis: Analysis) -> Measurement:
    """The same as `location` by the rule of the papers, N_Δ > 0.1 N, for all runs."""
    states = final_states(results["runs"][sweep])
    return _rise(states["p_over_n"], states["fits_by_count"] == 0, analysis)


def _rise(loads: np.ndarray, jammed: np.ndarray, analysis: Analysis) -> Measurement:
    runs = list(zip(loads, jammed, strict=True))

    def value(strata: Strata) -> float:
        return threshold(*np.array(strata[0], float).T)[0]

    resolution = threshold(*np.array(runs, float).T)[1]
    return bootstrap(value, [runs], analysis.n_bootstrap, analysis.seed, LACKING, (resolution, resolution))


def threshold(loads: np.ndarray, jammed: np.ndarray) -> tuple[float, float]:
    """The mean threshold of runs at these loads (R,), jammed or not (R,), and the mean half-width of its bins.

    The jammed fraction, made monotone, is the distribution function of the threshold. Its mean needs no model of the
    rise (Spearman & Kärber). It is nan if most runs jam at the lowest load, or if most do not jam at the highest.
    """
    from scipy.optimize import isotonic_regression

    values, index = np.unique(loads, return_inverse=True)
    counts = np.bincount(index)
    share = np.bincount(index, weights=jammed) / counts
    rising = isotonic_regression(share, weights=counts).x
    if rising[0] >= 0.5 or rising[-1] <= 0.5:
        return np.nan, 0.0
    steps, spacing = np.diff(rising), np.diff(values)
    middle = np.sum(steps * (values[:-1] + values[1:]) / 2)
    ends = rising[0] * values[0] + (1 - rising[-1]) * values[-1]
    return float(middle + ends), float(np.sum(steps * spacing) / 2)


STATISTICS = {
    f"transition-location-{group}": Statistic({"runs": (sweep,)}, partial(location, sweep))
    for sweep, group in RELU.items()
}
