"""Exponents of the distributions of overlaps and gaps near jamming, P_+(z) ∝ z^θ and P_−(Δ) ∝ |Δ|^−γ ([G] Sec. VI)."""

from collections.abc import Iterable
from functools import partial

import numpy as np

from ..analysis import Analysis, AnalysisError, Results
from ..analysis.power_law import power_law_exponent
from ..analysis.statistics import Measurement, from_resamples, nothing, times_drawn
from ..analysis.sweeps import MNIST, RELU, TANH, near_jamming
from . import Statistic

LACKING = "run near jamming with a Δ in the range of the fit"


def exponent(side: str, sign: float, sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """`sign` times the exponent of P_+ (`side` "positive") or P_− ("negative") of the runs near jamming, pooled.

    The likelihood and range are those of [G] Fig. 8, `statistics.fit_power_law`; runs are resampled, not their Δ.
    Raises AnalysisError when runs were measured with different ranges.
    """
    parts = [run[side] for sweep in sweeps for run in near_jamming(results["gaps"][sweep], analysis.max_loss)]
    if not parts:
        return nothing(LACKING)
    ranges = {(part["range_low"], part["range_high"]) for part in parts}
    if len(ranges) > 1:
        raise AnalysisError(
            f"the gaps of {', '.join(sweeps)} differ in the range of the fit; measure all of them again."
        )
    ((low, high),) = ranges
    counts = np.array([part["n_in_range"] for part in parts], float)
    sums = np.array([part["sum_log"] for part in parts])
    (times,) = times_drawn([len(parts)], analysis.n_bootstrap, analysis.seed)
    value = sign * float(power_law_exponent(counts.sum(), sums.sum(), low, high))
    resampled = sign * power_law_exponent(times @ counts, times @ sums, low, high)
    return from_resamples(value, resampled, [len(parts)], LACKING)


def _theta(sweeps: Iterable[str]) -> Statistic:
    return Statistic({"gaps": tuple(sweeps)}, partial(exponent, "positive", 1.0, tuple(sweeps)))


def _gamma(sweeps: Iterable[str]) -> Statistic:
    return Statistic({"gaps": tuple(sweeps)}, partial(exponent, "negative", -1.0, tuple(sweeps)))


STATISTICS = {
    "theta-relu": _theta(RELU),
    "gamma-relu": _gamma(RELU),
    "theta-tanh": _theta(TANH),
    "gamma-tanh": _gamma(TANH),
    "gamma-mnist": _gamma(MNIST),
}
