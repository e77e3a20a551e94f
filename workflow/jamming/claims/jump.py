"""The jump of N_Δ/N at the transition: its height, what lies in it, and whether 𝓛 takes the scatter away."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ..analysis import Analysis, Results
from ..analysis.jump import final_states
from ..analysis.statistics import Measurement, Strata, bootstrap, fraction
from ..analysis.sweeps import MNIST, RELU, near_jamming
from ..criteria import FROZEN_LOSS, JAMMED_FRACTION, is_near_jamming
from . import Statistic

if TYPE_CHECKING:
    from ..storage.store import Result

A_FEW = 4
"""Patterns that rounding may leave unsatisfied: [S] App. B.1 counts runs with N_Δ of 1 to 4 as fitted."""

DEGREE = 2
"""Degree in ln 𝓛 of the curve that N_Δ/N is compared with; runs at least twice as many as its coefficients."""

JAMMED_LACKING = f"run that ended near jamming, with N_Δ > {JAMMED_FRACTION:g} N and a small 𝓛"
CUSPED = ("relu_L2", "relu_L5")


def height(sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """Mean of N_Δ/N over the runs near jamming, those in the rectangle of [G] Fig. 6(b)."""
    near = [
        constraints
        for sweep in sweeps
        for constraints, loss in _ends(results["runs"][sweep])
        if is_near_jamming(constraints, 1, loss, analysis.max_loss)
    ]
    return bootstrap(_mean, [near], analysis.n_bootstrap, analysis.seed, JAMMED_LACKING)


def between(sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """Fraction of runs that ended within the jump, A_FEW < N_Δ ≤ 0.4 N: neither fitted nor jammed."""
    inside = []
    for sweep in sweeps:
        states = final_states(results["runs"][sweep])
        few = A_FEW / states["n_weights"]
        inside += [few < value <= JAMMED_FRACTION for value in states["n_delta_over_n"]]
    return fraction(sum(inside), len(inside), "run")


def collapse(sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """Scatter of N_Δ/N of the jammed runs of all depths around one curve in ln 𝓛 (`scatter`)."""
    jammed = [
        (np.log(loss), constraints)
        for sweep in sweeps
        for constraints, loss in _ends(results["runs"][sweep])
        if constraints > JAMMED_FRACTION and loss > FROZEN_LOSS
    ]

    def value(strata: Strata) -> float:
        return scatter(*np.array(strata[0]).T) if len(strata[0]) >= 2 * (DEGREE + 1) else np.nan

    lacking = f"curve through fewer than {2 * (DEGREE + 1)} jammed runs"
    return bootstrap(value, [jammed], analysis.n_bootstrap, analysis.seed, lacking)


def scatter(places: np.ndarray, values: np.ndarray) -> float:
    """Root mean square of the residuals of values (R,) around a polynomial of degree DEGREE in places (R,)."""
    # Legendre polynomials on [−1, 1]: powers of ln 𝓛 itself are all but parallel.
    low, high = places.min(), places.max()
    basis = np.polynomial.legendre.legvander(2 * (places - low) / max(high - low, 1e-12) - 1, DEGREE)
    residuals = values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0]
    return float(np.sqrt(np.sum(residuals**2) / (len(values) - DEGREE - 1)))


def above_bound(sweeps: Sequence[str], results: Results, analysis: Analysis) -> Measurement:
    """Mean of N_Δ/N − (N_− − N_c)/N over the runs near jamming whose spectrum and cusps were both measured."""
    slack = []
    for sweep in sweeps:
        cusps = {key: replica["n_cusp"] for key, replica in _by_name(results["preactivations"][sweep])}
        near = {id(replica) for replica in near_jamming(results["spectra"][sweep], analysis.max_loss)}
        for key, replica in _by_name(results["spectra"][sweep]):
            if id(replica) in near and replica["measured"] and key in cusps:
                least = replica["n_negative_hp"] - cusps[key]
                slack.append((replica["n_delta"] - least) / replica["n_weights"])
    return bootstrap(_mean, [slack], analysis.n_bootstrap, analysis.seed, JAMMED_LACKING)


def _ends(results: Sequence["Result"]) -> list[tuple[float, float]]:
    """N_Δ/N and 𝓛 at the end of each run."""
    states = final_states(results)
    return list(zip(states["n_delta_over_n"].tolist(), states["loss"].tolist(), strict=True))


def _by_name(results: Sequence["Result"]) -> list[tuple[tuple, Mapping]]:
    return [
        ((result.spec["run"]["n_train"], result.spec["run"]["network"]["width"], name), replica)
        for result in results
        for name, replica in sorted(result.tree.items())
        if name.startswith("replica_")
    ]


def _mean(strata: Strata) -> float:
    return float(np.mean(strata[0]))


STATISTICS = {
    "jump-random": Statistic({"runs": tuple(RELU)}, partial(height, tuple(RELU))),
    "jump-random-empty": Statistic({"runs": tuple(RELU)}, partial(between, tuple(RELU))),
    "jump-collapse": Statistic({"runs": tuple(RELU)}, partial(collapse, tuple(RELU))),
    "jump-mnist": Statistic({"runs": tuple(MNIST)}, partial(height, tuple(MNIST))),
    "jump-mnist-empty": Statistic({"runs": tuple(MNIST)}, partial(between, tuple(MNIST))),
    "jump-above-bound": Statistic({"spectra": CUSPED, "preactivations": CUSPED}, partial(above_bound, CUSPED)),
}
