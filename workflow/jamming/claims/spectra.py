"""Spectra near jamming: signs and zeros of H_p, its collapse in λ/√𝓛, rank and gap of H_0, negative modes of H."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import combinations

import numpy as np

from ..analysis import Analysis, Results
from ..analysis.spectra import averaged, measured_near_jamming, rescaled
from ..analysis.statistics import Measurement, Strata, bootstrap, rate
from ..analysis.sweeps import MNIST, RELU, TANH
from . import Statistic

LACKING = "run near jamming whose spectrum was measured"
NEAR_ZERO = 1e-3
"""Eigenvalues of H_p that are this small against the median of |λ| count as accumulated at 0: of a smooth density that
is no more than a few in ten thousand, whereas zero modes of a state that training left at a finite rate are in it."""

ABOVE_GAP = 10
"""Spacings at the lower edge of the continuous part of H_0 that its gap is compared with."""


def mean_of(
    sweeps: Mapping[str, str], of_run: Callable[[Mapping], float], results: Results, analysis: Analysis
) -> Measurement:
    """Mean over the measured runs near jamming of a number that one run has."""
    values = [of_run(run) for run in _near(sweeps, results, analysis)]
    return bootstrap(lambda strata: float(np.mean(strata[0])), [values], analysis.n_bootstrap, analysis.seed, LACKING)


def negative_fraction_hp(run: Mapping) -> float:
    """C_0 = N_−/N of one run, as [G] Fig. 7 (b) and (e) state it."""
    return rescaled({"": [run]})[""]["c0"]


def sign_balance(run: Mapping) -> float:
    """N_−/(N_− + N_+), eigenvalues of H_p that are zero left out: 1/2 for a symmetric spectrum."""
    return run["n_negative_hp"] / (run["n_negative_hp"] + run["n_positive_hp"])


def zeros_per_neuron(run: Mapping) -> float:
    """Eigenvalues of H_p with |λ| < NEAR_ZERO of the median of |λ|, per hidden neuron."""
    sizes = np.abs(run["eigenvalues"]["hp"])
    return float(np.sum(sizes < NEAR_ZERO * np.median(sizes)) / run["n_hidden"])


def rank_ratio(run: Mapping) -> float:
    """rk(H_0)/N_Δ."""
    return run["rank_h0"] / run["n_delta"]


def gap(run: Mapping) -> float:
    """The smallest non-zero eigenvalue of H_0 in units of the mean spacing of the ABOVE_GAP next ones.

    About 1 or less for a continuous spectrum that reaches down to 0.
    """
    values = run["eigenvalues"]["h0"]
    lowest = values[len(values) - int(run["rank_h0"]) :][: ABOVE_GAP + 1]
    spacing = (lowest[-1] - lowest[0]) / max(len(lowest) - 1, 1)
    return float(lowest[0] / spacing) if spacing > 0 else np.inf


def negative_fraction_h(run: Mapping) -> float:
    """Fraction of negative eigenvalues of H of one run, as [G] Fig. 7 (d) shows it."""
    return averaged({"": [run]}, "h")[""]["negative_fraction"]


def negative_rate_h(sweeps: Mapping[str, str], results: Results, analysis: Analysis) -> Measurement:
    """Negative eigenvalues of H per weight, N_−/N: few and rare, a Poisson rate."""
    near = _near(sweeps, results, analysis)
    return rate([run["n_negative_h"] for run in near], [run["n_weights"] for run in near], LACKING)


def scaling(sweeps: Mapping[str, str], results: Results, analysis: Analysis) -> Measurement:
    """The exponent x of |λ| ∝ 𝓛^x for the root mean square of sp(H_p): one slope, a factor for each depth."""
    runs = [
        (depth, np.log(run["loss"]), np.log(np.mean(run["eigenvalues"]["hp"] ** 2)) / 2)
        for depth, near in enumerate(_near_by_depth(sweeps, results, analysis))
        for run in near
    ]
    lacking = "spread of 𝓛 among at least three runs near jamming of one depth"
    return bootstrap(_common_slope, [runs], analysis.n_bootstrap, analysis.seed, lacking)


def collapse(sweeps: Mapping[str, str], results: Results, analysis: Analysis) -> Measurement:
    """How far two runs of one depth differ in their spectra of λ/√𝓛: the mean Kolmogorov–Smirnov distance.

    0 for a perfect collapse, 1 for spectra without overlap; exact zeros are left in, as part of the spectrum.
    """
    spectra = [
        (depth, run["eigenvalues"]["hp"] / np.sqrt(run["loss"]))
        for depth, near in enumerate(_near_by_depth(sweeps, results, analysis))
        for run in near
    ]
    distances = {
        (i, j): ks_distance(spectra[i][1], spectra[j][1])
        for i, j in combinations(range(len(spectra)), 2)
        if spectra[i][0] == spectra[j][0]
    }

    def value(strata: Strata) -> float:
        # A run drawn twice is not two runs that agree.
        pairs = [distances[pair] for pair in combinations(sorted(strata[0]), 2) if pair in distances]
        return float(np.mean(pairs)) if pairs else np.nan

    lacking = "pair of runs near jamming of one depth whose spectra were measured"
    return bootstrap(value, [range(len(spectra))], analysis.n_bootstrap, analysis.seed, lacking)


def ks_distance(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference of the empirical distribution functions of values (n,) and (m,)."""
    from scipy.stats import ks_2samp

    return float(ks_2samp(one, other, method="asymp").statistic)


def _near_by_depth(sweeps: Mapping[str, str], results: Results, analysis: Analysis) -> list[list[dict]]:
    return list(measured_near_jamming(results["spectra"], sweeps, analysis).values())


def _near(sweeps: Mapping[str, str], results: Results, analysis: Analysis) -> list[dict]:
    return [run for near in _near_by_depth(sweeps, results, analysis) for run in near]


def _common_slope(strata: Strata) -> float:
    """Least squares of y = a_depth + x·slope over (depth, x, y); nan unless some depth has three different x."""
    depths, x, y = np.array(strata[0], float).T
    if max(len(np.unique(x[depths == depth])) for depth in np.unique(depths)) < 3:
        return np.nan
    for depth in np.unique(depths):
        of_depth = depths == depth
        x[of_depth] -= x[of_depth].mean()
        y[of_depth] -= y[of_depth].mean()
    return float(x @ y / (x @ x))


def _reading(sweeps: Iterable[str], measure: Callable[[Results, Analysis], Measurement]) -> Statistic:
    return Statistic({"spectra": tuple(sweeps)}, measure)


STATISTICS = {
    "c0-relu": _reading(RELU, partial(mean_of, RELU, negative_fraction_hp)),
    "c0-relu-symmetric": _reading(RELU, partial(mean_of, RELU, sign_balance)),
    "c0-relu-zeros": _reading(RELU, partial(mean_of, RELU, zeros_per_neuron)),
    "c0-mnist-symmetric": _reading(MNIST, partial(mean_of, MNIST, sign_balance)),
    "c0-tanh": _reading(TANH, partial(mean_of, TANH, negative_fraction_hp)),
    "hp-scaling": _reading(RELU, partial(scaling, RELU)),
    "hp-collapse": _reading(RELU, partial(collapse, RELU)),
    "h0-rank": _reading(RELU, partial(mean_of, RELU, rank_ratio)),
    "h0-gap": _reading(RELU, partial(mean_of, RELU, gap)),
    "h-negative-relu": _reading(RELU, partial(mean_of, RELU, negative_fraction_h)),
    "h-negative-tanh": _reading(TANH, partial(negative_rate_h, TANH)),
}
