"""The jump of N_Δ/N at the transition: its height, runs within it, the collapse against 𝓛, poor minima."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ..analysis import Analysis, Results
from ..analysis.jump import final_states
from ..analysis.spectra import negative_share
from ..analysis.statistics import Measurement, Strata, bootstrap, fraction, kendall, mean, of_each
from ..analysis.sweeps import MNIST, RELU, TANH, ends, near_jamming
from ..criteria import FITS, JAMMED, JAMMED_FRACTION, STATIONARY, STUCK
from . import Statistic

if TYPE_CHECKING:
    from ..storage.store import Result

A_FEW = 4
"""Rounding may leave this many patterns unsatisfied: [S] App. B.1 counts runs with N_Δ of 1 to 4 as fitted."""

DEGREE = 2
"""Degree in ln 𝓛 of the curve that N_Δ/N is compared with. The runs must be twice as many as its coefficients."""

JAMMED_LACKING = "run that ended near jamming, settled and with a small 𝓛"
CUSPED = ("relu_L2", "relu_L5")


def height(sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """Mean of N_Δ/N over the runs near jamming, in the rectangle of [G] Fig. 6(b). They are not selected by N_Δ."""
    near = [
        end.n_delta / end.n_weights
        for sweep in sweeps
        for end in ends(results["runs"][sweep])
        if end.is_near_jamming(analysis.max_loss)
    ]
    return mean(near, analysis.n_bootstrap, analysis.seed, JAMMED_LACKING)


def between(sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """Fraction of runs that ended within the jump: they do not fit, and A_FEW < N_Δ ≤ 0.4 N.

    Stuck runs do not count. A few dead patterns can hold a run at any N_Δ, and another claim is about such runs.
    """
    inside = [
        end.state not in (FITS, STUCK) and A_FEW < end.n_delta <= JAMMED_FRACTION * end.n_weights
        for sweep in sweeps
        for end in ends(results["runs"][sweep])
    ]
    return fraction(sum(inside), len(inside), "run")


def collapse(sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """Scatter of N_Δ/N around one curve in ln 𝓛, for the jammed runs of all depths (`scatter`)."""
    jammed = [
        (np.log(end.living_loss), end.n_delta / end.n_weights)
        for sweep in sweeps
        for end in ends(results["runs"][sweep])
        if end.state == JAMMED
    ]

    def value(strata: Strata) -> float:
        return math.log(scatter(*np.array(strata[0]).T)) if len(strata[0]) >= 2 * (DEGREE + 1) else np.nan

    lacking = f"curve through fewer than {2 * (DEGREE + 1)} jammed runs"
    return bootstrap(value, [jammed], analysis.n_bootstrap, analysis.seed, lacking, logarithmic=True)


def scatter(places: np.ndarray, values: np.ndarray) -> float:
    """Root mean square of the residuals of values (R,) around a polynomial of degree DEGREE in places (R,)."""
    # Legendre polynomials on [−1, 1], since powers of ln 𝓛 itself are almost parallel.
    low, high = places.min(), places.max()
    basis = np.polynomial.legendre.legvander(2 * (places - low) / max(high - low, 1e-12) - 1, DEGREE)
    residuals = values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0]
    return float(np.sqrt(np.sum(residuals**2) / (len(values) - DEGREE - 1)))


def above_bound(sweeps: Sequence[str], results: Results, analysis: Analysis) -> Measurement:
    """Mean of N_Δ/N − (N_− − N_c)/N over the runs near jamming with a measured spectrum and measured cusps."""
    slack = []
    for sweep in sweeps:
        cusps = {key: replica["n_cusp"] for key, replica in _by_name(results["preactivations"][sweep])}
        near = {id(replica) for replica in near_jamming(results["spectra"][sweep], analysis.max_loss)}
        for key, replica in _by_name(results["spectra"][sweep]):
            if id(replica) in near and replica["measured"] and key in cusps:
                least = replica["n_negative_hp"] - cusps[key]
                slack.append((replica["n_delta"] - least) / replica["n_weights"])
    return mean(slack, analysis.n_bootstrap, analysis.seed, JAMMED_LACKING)


def stationary(sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """Fraction of runs that end at a stationary point, do not fit and have N_Δ ≤ 0.4 N: too few constraints."""
    found = [
        end.state != FITS and end.gradient < STATIONARY and end.n_delta <= JAMMED_FRACTION * end.n_weights
        for sweep in sweeps
        for end in ends(results["runs"][sweep])
    ]
    return fraction(sum(found), len(found), "run")


def within_bounds(sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """The smaller of the means of N_Δ/N − C_0 and of 1 − N_Δ/N over the runs near jamming with a spectrum.

    Both are fractions of N: H_0 has rank N_Δ ≤ N and must outweigh the C_0 N negative eigenvalues of H_p.
    """
    runs = [
        (run["n_delta"] / run["n_weights"], negative_share(run))
        for sweep in sweeps
        for run in near_jamming(results["spectra"][sweep], analysis.max_loss)
        if run["measured"]
    ]

    def value(strata: Strata) -> float:
        n_delta, c0 = np.mean(strata[0], axis=0)
        return float(min(n_delta - c0, 1 - n_delta))

    return bootstrap(value, [runs], analysis.n_bootstrap, analysis.seed, JAMMED_LACKING)


def misclassified(sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """Misclassified patterns divided by unsatisfied ones, mean over the runs near jamming.

    A pattern with Δ between 0 and ε is unsatisfied and correctly classified.
    """
    shares = []
    for sweep in sweeps:
        states = final_states(results["runs"][sweep])
        near = [end.is_near_jamming(analysis.max_loss) for end in ends(results["runs"][sweep])]
        n_delta = states["n_delta_over_n"] * states["n_weights"]
        shares += (states["misclassified"][near] / n_delta[near]).tolist()
    return mean(shares, analysis.n_bootstrap, analysis.seed, JAMMED_LACKING)


def misclassified_order(sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """Kendall's τ between 𝓛 and the number of misclassified patterns per N, over the jammed runs of all depths."""
    runs = []
    for sweep in sweeps:
        states = final_states(results["runs"][sweep])
        jammed = states["state"] == JAMMED
        rows = zip(states["living_loss"][jammed], states["misclassified"][jammed] / states["n_weights"], strict=True)
        runs += list(rows)

    def value(strata: Strata) -> float:
        loss, count = np.array(strata[0]).T
        return kendall(loss, count) if len(loss) > 2 else np.nan

    return bootstrap(value, [runs], analysis.n_bootstrap, analysis.seed, "three jammed runs")


def _by_name(results: Sequence["Result"]) -> list[tuple[tuple, Mapping]]:
    return [
        ((result.spec["run"]["n_train"], result.spec["run"]["network"]["width"], name), replica)
        for result in results
        for name, replica in sorted(result.tree.items())
        if name.startswith("replica_")
    ]


def _each(measure: Callable[..., Measurement], sweeps: Mapping[str, str]) -> Callable[..., Measurement]:
    """`measure` on all sweeps together, and on each of them. The verdict uses the latter."""
    return lambda results, analysis: of_each(lambda names: measure(names, results, analysis), sweeps)


STATISTICS = {
    "jump-random": Statistic({"runs": tuple(RELU)}, _each(height, RELU)),
    "jump-random-empty": Statistic({"runs": tuple(RELU)}, partial(between, tuple(RELU))),
    "jump-collapse": Statistic({"runs": tuple(RELU)}, partial(collapse, tuple(RELU))),
    "jump-tanh": Statistic({"runs": tuple(TANH)}, partial(height, tuple(TANH))),
    "jump-tanh-empty": Statistic({"runs": tuple(TANH)}, partial(between, tuple(TANH))),
    "jump-mnist": Statistic({"runs": tuple(MNIST)}, partial(height, tuple(MNIST))),
    "jump-mnist-empty": Statistic({"runs": tuple(MNIST)}, partial(between, tuple(MNIST))),
    "jump-above-bound": Statistic({"spectra": CUSPED, "preactivations": CUSPED}, partial(above_bound, CUSPED)),
    "jump-tanh-bounds": Statistic({"spectra": tuple(TANH)}, partial(within_bounds, tuple(TANH))),
    "no-poor-minima": Statistic({"runs": tuple(RELU)}, partial(stationary, tuple(RELU))),
    "misclassified-few": Statistic({"runs": tuple(RELU)}, _each(misclassified, RELU)),
    "misclassified-grow": Statistic({"runs": tuple(RELU)}, _each(misclassified_order, RELU)),
    "misclassified-grow-mnist": Statistic({"runs": tuple(MNIST)}, partial(misclassified_order, tuple(MNIST))),
}
