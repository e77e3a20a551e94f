"""Exponents of the distributions of overlaps and gaps near jamming, P_+(z) ∝ z^θ and P_−(Δ) ∝ |Δ|^−γ ([G] Sec. VI)."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from ..analysis import Analysis, Results
from ..analysis.gaps import LACKING
from ..analysis.power_law import fit_power_law
from ..analysis.statistics import Measurement
from ..analysis.sweeps import MNIST, RELU, TANH, near_jamming
from . import Statistic


def exponent(side: str, sign: float, sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """`sign` times the exponent of P_+ (`side` "positive") or P_− ("negative") of the runs near jamming, pooled.

    It is that of [G] Fig. 8, `power_law.fit_power_law`. Raises StatisticsError when runs differ in the range.
    """
    parts = [run[side] for sweep in sweeps for run in near_jamming(results["gaps"][sweep], analysis.max_loss)]
    found = fit_power_law(parts, analysis.n_bootstrap, analysis.seed, LACKING)
    return found if found.value is None else replace(found, value=sign * found.value)


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
