"""Spectra near jamming: signs and zeros of H_p, its collapse in λ/√𝓛, rank and gap of H_0, negative modes of H."""

from collections.abc import Callable, Iterable, Mapping
from itertools import combinations

import numpy as np

from ..analysis import Analysis, Results
from ..analysis.spectra import averaged, measured_near_jamming, negative_share
from ..analysis.statistics import Measurement, Strata, bootstrap, fraction, mean, of_each, rate
from ..analysis.sweeps import MNIST, RELU, TANH
from . import Statistic

LACKING = "run near jamming whose spectrum was measured"
NEAR_ZERO = 1e-3
"""An eigenvalue of H_p below this fraction of the median |λ| counts as accumulated at 0. A smooth density has only a
few in ten thousand there. Zero modes are there even if the training ended at a finite rate."""

MISSING_RANK = 0.02
"""Fraction of the N_Δ constraints that may depend on others. It is no more than the thickness of a line in Fig. 7(c) of
[G]."""

ABOVE_GAP = 10
"""The gap of H_0 is compared with the mean of this many spacings at the lower edge of its continuous part."""


def mean_of(
    sweeps: Iterable[str],
    of_run: Callable[[Mapping], float],
    results: Results,
    analysis: Analysis,
    positive: bool = False,
) -> Measurement:
    """Mean of a number of one run over the measured runs near jamming. For `positive` see `statistics.mean`."""
    values = [of_run(run) for run in _near(sweeps, results, analysis)]
    return mean(values, analysis.n_bootstrap, analysis.seed, LACKING, positive)


def zeros_per_neuron(run: Mapping) -> float:
    """The number of eigenvalues of H_p with |λ| below NEAR_ZERO times the median |λ|, per hidden neuron."""
    sizes = np.abs(run["eigenvalues"]["hp"])
    return float(np.sum(sizes < NEAR_ZERO * np.median(sizes)) / run["n_hidden"])


def full_rank(sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """Fraction of runs with rk(H_0) ≥ (1 − MISSING_RANK) N_Δ.

    The mean missing rank would depend on the few runs with a dead neuron. Four runs often contain none of them.
    """
    near = _near(sweeps, results, analysis)
    return fraction(sum(run["rank_h0"] >= (1 - MISSING_RANK) * run["n_delta"] for run in near), len(near), LACKING)


def gap_shrinks(sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """d ln λ_1/d ln 𝓛 of the smallest non-zero eigenvalue λ_1 of H_0, with one prefactor per depth."""
    runs = [
        (depth, np.log(run["loss"] - run["dead_loss"]), np.log(_smallest(run)))
        for depth, near in enumerate(_near_by_depth(sweeps, results, analysis))
        for run in near
    ]
    lacking = "spread of 𝓛 among at least three runs near jamming of one depth"
    return bootstrap(_common_slope, [runs], analysis.n_bootstrap, analysis.seed, lacking)


def _smallest(run: Mapping) -> float:
    values = run["eigenvalues"]["h0"]
    return float(values[len(values) - int(run["rank_h0"])])


def gap(run: Mapping) -> float:
    """The smallest non-zero eigenvalue of H_0, divided by the mean of the next ABOVE_GAP spacings.

    It is about 1 or less for a continuous spectrum that reaches down to 0.
    """
    values = run["eigenvalues"]["h0"]
    lowest = values[len(values) - int(run["rank_h0"]) :][: ABOVE_GAP + 1]
    spacing = (lowest[-1] - lowest[0]) / max(len(lowest) - 1, 1)
    return float(lowest[0] / spacing) if spacing > 0 else np.inf


def negative_fraction_h(run: Mapping) -> float:
    """The fraction of negative eigenvalues of H of one run, as in [G] Fig. 7(d)."""
    return averaged({"": [run]}, "h")[""]["negative_fraction"]


def negative_rate_h(sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """Negative eigenvalues of H per weight, N_−/N. They are rare, so this is a Poisson rate."""
    near = _near(sweeps, results, analysis)
    return rate([run["n_negative_h"] for run in near], [run["n_weights"] for run in near], LACKING)


def scaling(sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """The exponent x of |λ| ∝ 𝓛^x for the median |λ| of H_p: one slope, and one prefactor per depth.

    𝓛 is replaced by the square of the median overlap, which does not depend on a few patterns.
    """
    runs = [
        (depth, 2 * np.log(run["overlap"]), np.log(np.median(np.abs(run["eigenvalues"]["hp"]))))
        for depth, near in enumerate(_near_by_depth(sweeps, results, analysis))
        for run in near
    ]
    lacking = "spread of 𝓛 among at least three runs near jamming of one depth"
    return bootstrap(_common_slope, [runs], analysis.n_bootstrap, analysis.seed, lacking)


def collapse(sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """The mean Kolmogorov–Smirnov distance between spectra of λ/Δ̃ of two runs of one depth, Δ̃ the median overlap.

    It is 0 for a perfect collapse and 1 for disjoint spectra. Exact zeros are part of the spectrum.
    """
    spectra = [
        (depth, run["eigenvalues"]["hp"] / run["overlap"])
        for depth, near in enumerate(_near_by_depth(sweeps, results, analysis))
        for run in near
    ]
    distances = {
        (i, j): ks_distance(spectra[i][1], spectra[j][1])
        for i, j in combinations(range(len(spectra)), 2)
        if spectra[i][0] == spectra[j][0]
    }

    def value(strata: Strata) -> float:
        # A run that was drawn twice makes no pair with itself, since it would always agree.
        pairs = [distances[pair] for pair in combinations(sorted(strata[0]), 2) if pair in distances]
        return float(np.log(np.mean(pairs))) if pairs and np.mean(pairs) > 0 else np.nan

    lacking = "pair of runs near jamming of one depth whose spectra were measured"
    runs = [range(len(spectra))]
    return bootstrap(value, runs, analysis.n_bootstrap, analysis.seed, lacking, logarithmic=True)


def ks_distance(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference of the empirical distribution functions of values (n,) and (m,)."""
    from scipy.stats import ks_2samp

    return float(ks_2samp(one, other, method="asymp").statistic)


def _near_by_depth(sweeps: Iterable[str], results: Results, analysis: Analysis) -> list[list[dict]]:
    return list(measured_near_jamming(results["spectra"], {sweep: sweep for sweep in sweeps}, analysis).values())


def _near(sweeps: Iterable[str], results: Results, analysis: Analysis) -> list[dict]:
    return [run for near in _near_by_depth(sweeps, results, analysis) for run in near]


def _common_slope(strata: Strata) -> float:
    """The slope of y = a_depth + slope·x over rows (depth, x, y), or nan unless some depth has three different x."""
    depths, x, y = np.array(strata[0], float).T
    if max(len(np.unique(x[depths == depth])) for depth in np.unique(depths)) < 3:
        return np.nan
    for depth in np.unique(depths):
        of_depth = depths == depth
        x[of_depth] -= x[of_depth].mean()
        y[of_depth] -= y[of_depth].mean()
    return float(x @ y / (x @ x))


def _reading(
    sweeps: Mapping[str, str], measure: Callable[[Iterable[str], Results, Analysis], Measurement], each: bool = True
) -> Statistic:
    """A statistic of some sweeps together. If `each`, its parts are those of the single sweeps."""

    def measured(results: Results, analysis: Analysis) -> Measurement:
        if each and len(sweeps) > 1:
            return of_each(lambda names: measure(names, results, analysis), sweeps)
        return measure(tuple(sweeps), results, analysis)

    return Statistic({"spectra": tuple(sweeps)}, measured)


def _mean(of_run: Callable[[Mapping], float], positive: bool = False) -> Callable[..., Measurement]:
    return lambda names, results, analysis: mean_of(names, of_run, results, analysis, positive)


STATISTICS = {
    "c0-relu": _reading(RELU, _mean(negative_share)),
    "c0-relu-zeros": _reading(RELU, _mean(zeros_per_neuron, positive=True)),
    "c0-mnist-symmetric": _reading(MNIST, _mean(negative_share)),
    "c0-tanh": _reading(TANH, _mean(negative_share)),
    "hp-scaling": _reading(RELU, scaling, each=False),
    "hp-collapse": _reading(RELU, collapse, each=False),
    "h0-rank": _reading(RELU, full_rank, each=False),
    "h0-rank-mnist": _reading(MNIST, full_rank),
    "h0-gap": _reading(RELU, _mean(gap, positive=True)),
    "h0-gap-mnist": _reading(MNIST, _mean(gap, positive=True)),
    "h0-gap-shrinks": _reading(RELU, gap_shrinks, each=False),
    "h-negative-relu": _reading(RELU, _mean(negative_fraction_h)),
    "h-negative-mnist": _reading(MNIST, _mean(negative_fraction_h)),
    "h-negative-tanh": _reading(TANH, negative_rate_h),
}
