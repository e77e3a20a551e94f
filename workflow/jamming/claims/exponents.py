"""Exponents of overlaps and gaps near jamming, P_+(z) ∝ z^θ and P_−(Δ) ∝ |Δ|^−γ ([G] Sec. VI)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from itertools import permutations

from ..analysis import Analysis, Results
from ..analysis.gaps import LACKING
from ..analysis.power_law import fit_power_law
from ..analysis.statistics import Measurement, difference_of, nothing, of_each
from ..analysis.sweeps import MNIST, RELU, TANH, near_jamming
from . import Statistic


def exponent(side: str, sign: float, sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """`sign` times the exponent of P_+ (`side` "positive") or P_− ("negative") of all runs near jamming together.

    The fit is the one shown in [G] Fig. 8 (`power_law.fit_power_law`). Raises StatisticsError if runs differ in range.
    """
    parts = [run[side] for sweep in sweeps for run in near_jamming(results["gaps"][sweep], analysis.max_loss)]
    found = fit_power_law(parts, analysis.n_bootstrap, analysis.seed, LACKING)
    return found if found.value is None else replace(found, value=sign * found.value)


def below(
    side: str, sign: float, reference: float, sweeps: Iterable[str], results: Results, analysis: Analysis
) -> Measurement:
    """A known exponent minus ours. It is positive if ours is smaller."""
    found = exponent(side, sign, sweeps, results, analysis)
    return found if found.value is None else replace(found, value=reference - found.value)


def difference(
    side: str, sign: float, ones: Iterable[str], others: Iterable[str], results: Results, analysis: Analysis
) -> Measurement:
    """The exponent of some sweeps minus that of others. The runs of the two are independent."""
    one, other = (exponent(side, sign, sweeps, results, analysis) for sweeps in (ones, others))
    return difference_of(one, other)


def spread(side: str, sign: float, sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """The largest difference of the exponent between two depths, with the interval of that difference."""
    pairs = [difference(side, sign, pair[:1], pair[1:], results, analysis) for pair in permutations(tuple(sweeps), 2)]
    told = [pair for pair in pairs if pair.value is not None]
    if len(told) < len(pairs):
        return nothing("run near jamming of each depth with a Δ in the range of the fit")
    return max(told, key=lambda pair: pair.value)


def _reading(measure: Callable[..., Measurement], *groups: Iterable[str]) -> Statistic:
    names = [tuple(group) for group in groups]
    return Statistic({"gaps": tuple(name for group in names for name in group)}, partial(measure, *names))


def _each(side: str, sign: float, sweeps: Mapping[str, str]) -> Statistic:
    """The exponent of all depths together, and of each depth. The verdict uses the latter."""

    def measured(results: Results, analysis: Analysis) -> Measurement:
        return of_each(lambda names: exponent(side, sign, names, results, analysis), sweeps)

    return Statistic({"gaps": tuple(sweeps)}, measured)


THETA, GAMMA = ("positive", 1.0), ("negative", -1.0)
THETA_BY_LOSS = ("positive_by_loss", 1.0)

SPHERES = {THETA: 0.42311, GAMMA: 0.41269}
"""θ and γ of jammed particles ([G] Sec. VI)."""

STATISTICS = {
    "theta-relu": _each(*THETA, RELU),
    "theta-relu-by-loss": _each(*THETA_BY_LOSS, RELU),
    "gamma-relu": _each(*GAMMA, RELU),
    "theta-tanh": _reading(partial(exponent, *THETA), TANH),
    "gamma-tanh": _reading(partial(exponent, *GAMMA), TANH),
    "gamma-mnist": _reading(partial(exponent, *GAMMA), MNIST),
    "theta-below-spheres": _reading(partial(below, *THETA, SPHERES[THETA]), RELU),
    "gamma-below-spheres": _reading(partial(below, *GAMMA, SPHERES[GAMMA]), RELU),
    "theta-tanh-below-relu": _reading(partial(difference, *THETA), RELU, TANH),
    "gamma-tanh-below-relu": _reading(partial(difference, *GAMMA), RELU, TANH),
    "theta-depth-independent": _reading(partial(spread, *THETA), RELU),
    "gamma-depth-independent": _reading(partial(spread, *GAMMA), RELU),
}
