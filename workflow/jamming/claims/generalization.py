"""The test error through the transition: its peak, the effect of early stopping, the end of training ([S] Sec. 4).

Each statistic is computed for every P from the replicas of each width. It is then averaged over the P whose transition
lies within the widths.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ..analysis import Analysis, Results
from ..analysis.statistics import Measurement, Strata, bootstrap, kendall
from ..analysis.sweeps import ends, replicas
from ..analysis.test_error import at_patterns, transition
from ..criteria import FITS
from . import Statistic

if TYPE_CHECKING:
    from ..storage.store import Result

WINDOW = 4.0
"""A peak is searched within this factor of N* on both sides, and compared with the test error at these ends."""

ENOUGH_P = 10_000
"""[G] Sec. VII states the accuracy at jamming for P of at least this."""

LACKING_AT = "the transition there does not lie within the widths trained, with"

LACKING = "P whose transition lies within the widths trained, with three widths from there on"


@dataclass(frozen=True)
class Curve:
    """Medians over replicas against N at one P, each (K,), and the index of the transition.

    `final` and `minimum`: test errors. `ln_steps`: ln of the number of steps. `halted`: fraction of replicas that
    reached N_Δ = 0. `at`: index of N*. Most replicas fit at this and all larger widths. It is never 0.
    """

    n_weights: np.ndarray
    final: np.ndarray
    minimum: np.ndarray
    ln_steps: np.ndarray
    halted: np.ndarray
    at: int

    @property
    def ln_n(self) -> np.ndarray:
        """ln N/N*."""
        return np.log(self.n_weights / self.n_weights[self.at])

    def place_of_largest(self, values: np.ndarray) -> float:
        """ln N/N* at the largest of `values` within WINDOW."""
        inside = np.flatnonzero(np.abs(self.ln_n) <= math.log(WINDOW) + 1e-9)
        return float(self.ln_n[inside[np.argmax(values[inside])]])

    def excess(self, values: np.ndarray) -> np.ndarray:
        """`values` minus a straight line in ln N. The line joins the values at N*/WINDOW and at WINDOW·N*.

        If the widths do not reach that far, the line ends at the last width.
        """
        ends = np.clip([-math.log(WINDOW), math.log(WINDOW)], self.ln_n[0], self.ln_n[-1])
        low, high = np.interp(ends, self.ln_n, values)
        return values - low - (high - low) * (self.ln_n - ends[0]) / (ends[1] - ends[0])

    def bump(self, values: np.ndarray) -> float:
        """The excess of `values` at the transition: the mean of the two widths on its sides."""
        return float(self.excess(values)[self.at - 1 : self.at + 1].mean())

    def spacing(self) -> float:
        """ln of N* divided by the next smaller N."""
        return float(-self.ln_n[self.at - 1])


def place(of: Callable[[Curve], np.ndarray], sweep: str, results: Results, analysis: Analysis) -> Measurement:
    """The factor between N* and the N at which a curve is largest: the geometric mean over P.

    The factor is at least 1, so a peak below N* at one P does not cancel a peak above it at another. Both N are known
    to one step of the widths.
    """

    def value(curves: Sequence[Curve]) -> float:
        return float(np.mean([abs(curve.place_of_largest(of(curve))) for curve in curves]))

    return _measure(value, sweep, results, analysis, factor=True)


def bump(sweep: str, results: Results, analysis: Analysis) -> Measurement:
    """Height of the final test error at the transition above its surroundings (`Curve.bump`)."""

    def value(curves: Sequence[Curve]) -> float:
        return float(np.mean([curve.bump(curve.final) for curve in curves]))

    return _measure(value, sweep, results, analysis)


def left_of_bump(sweep: str, results: Results, analysis: Analysis) -> Measurement:
    """The bump of the least test error during training, divided by that of the final one. It is 0 if it is erased."""

    def value(curves: Sequence[Curve]) -> float:
        final = sum(curve.bump(curve.final) for curve in curves)
        return sum(curve.bump(curve.minimum) for curve in curves) / final if final > 0 else math.nan

    lacking = "peak of the final test error at the transition that could be erased"
    return _measure(value, sweep, results, analysis, lacking=lacking)


def order(sweep: str, results: Results, analysis: Analysis) -> Measurement:
    """Kendall's τ between N ≥ N* and the final test error. It is −1 if the error falls from each width to the next."""

    def value(curves: Sequence[Curve]) -> float:
        return float(np.mean([kendall(curve.n_weights[curve.at :], curve.final[curve.at :]) for curve in curves]))

    return _measure(value, sweep, results, analysis)


def three_phases(sweep: str, results: Results, analysis: Analysis) -> Measurement:
    """The smallest of three changes of the final test error: it falls, rises and falls again. Mean over P.

    The changes are those from the smallest network to the best one below N*, then to the worse of the two widths at the
    transition, then to the largest network. The result is positive if all three phases exist.
    """

    def value(curves: Sequence[Curve]) -> float:
        return float(np.mean([_least_change(curve.final, curve.at) for curve in curves]))

    return _measure(value, sweep, results, analysis)


def _least_change(errors: np.ndarray, at: int) -> float:
    best, peak = errors[:at].min(), errors[at - 1 : at + 1].max()
    return float(min(errors[0] - best, peak - best, peak - errors[-1]))


def halting(sweep: str, results: Results, analysis: Analysis) -> Measurement:
    """d ln t/d ln N of the number of steps t to N_Δ = 0, for N ≥ N*. It is negative if larger networks halt sooner.

    For a run that never reaches N_Δ = 0, t is its last step. That makes the slope less steep. A P is left out if most
    of its runs with N ≥ N* never reach it.
    """

    def value(curves: Sequence[Curve]) -> float:
        slopes = [
            np.polyfit(curve.ln_n[curve.at :], curve.ln_steps[curve.at :], 1)[0]
            for curve in curves
            if curve.halted[curve.at :].mean() > 0.5
        ]
        return float(np.mean(slopes)) if slopes else math.nan

    lacking = "P at which most runs with N ≥ N* reached zero loss within the steps of the training"
    return _measure(value, sweep, results, analysis, lacking=lacking)


def accuracy(sweep: str, results: Results, analysis: Analysis) -> Measurement:
    """1 − final test error at N*, for the smallest P ≥ ENOUGH_P, or else for the largest P."""
    loads = sorted({result.spec["n_train"] for result in results["runs"][sweep]})
    load = next((load for load in loads if load >= ENOUGH_P), loads[-1])
    chosen = {"runs": {sweep: at_patterns(results["runs"][sweep], load)}}
    return _measure(lambda curves: float(1 - curves[0].final[curves[0].at]), sweep, chosen, analysis, least=1)


def _measure(
    function: Callable[[Sequence[Curve]], float],
    sweep: str,
    results: Results,
    analysis: Analysis,
    factor: bool = False,
    lacking: str = LACKING,
    least: int = 3,
) -> Measurement:
    """The measurement of `function`, by a bootstrap over the replicas of each width. Each resample finds its own N*.

    `least`: the required number of widths N ≥ N*. `factor`: the value is ln of a factor in N. Its resolution is the
    mean step of the widths at N*.
    """
    every = sorted({result.spec["n_train"] for result in results["runs"][sweep]})
    loads = [load for load in every if _has_transition(at_patterns(results["runs"][sweep], load), least)]
    left_out = [str(load) for load in every if load not in loads]
    points = [point for load in loads for point in at_patterns(results["runs"][sweep], load)]
    strata = [_ends(point) for point in points]
    n_weights = [int(next(replicas([point]))["n_weights"]) for point in points]
    where = [np.flatnonzero([point.spec["n_train"] == load for point in points]) for load in loads]

    def curves(strata: Strata) -> list[Curve]:
        means = [_middle(runs) for runs in strata]
        found = []
        for indices in where:
            final, minimum, ln_steps, halted, fitted = np.array([means[index] for index in indices]).T
            counts = np.array([len(strata[index]) for index in indices])
            status, at = transition(np.round(fitted * counts), counts)
            if status == "found" and len(indices) - at >= least:
                sizes = np.array([n_weights[index] for index in indices], float)
                found.append(Curve(sizes, final, minimum, ln_steps, halted, at))
        return found

    def value(strata: Strata) -> float:
        there = curves(strata)
        return function(there) if there else math.nan

    step = 0.0
    if factor and (there := curves(strata)):
        step = float(np.mean([curve.spacing() for curve in there]))
    found = bootstrap(value, strata, analysis.n_bootstrap, analysis.seed, lacking, (step, step), logarithmic=factor)
    if not left_out:
        return found
    return replace(found, note=f"P = {', '.join(left_out)} left out: {LACKING_AT} {least} widths from there on.")


def _has_transition(points: Sequence["Result"], least: int) -> bool:
    """Whether the transition at one P lies within the widths, with at least `least` widths N ≥ N*."""
    of_points = [ends([point]) for point in points]
    n_fitted = np.array([sum(end.state == FITS for end in runs) for runs in of_points])
    status, at = transition(n_fitted, np.array([len(runs) for runs in of_points]))
    return status == "found" and len(points) - at >= least


def _middle(runs: Sequence[Sequence[float]]) -> np.ndarray:
    """Medians of the rows of `_ends` over replicas, and means for halted and fitted. One dead network moves a mean."""
    runs = np.asarray(runs, float)
    return np.concatenate([np.median(runs[:, :3], axis=0), runs[:, 3:].mean(axis=0)])


def _ends(point: "Result") -> list[tuple[float, ...]]:
    """One row per replica: final and least test error, ln of its steps, whether it reached N_Δ = 0, whether it fits."""
    rows = []
    for run, end in zip(replicas([point]), ends([point]), strict=True):
        record = run["record"]
        error, halted = np.asarray(record["test_error"]), float(end.n_delta == 0)
        rows.append((error[-1], error.min(), math.log(record["step"][-1] + 1), halted, float(end.state == FITS)))
    return rows


def _of_depth(prefix: str, sweep: str) -> dict[str, Statistic]:
    measures = {
        "cusp-position": partial(place, lambda curve: curve.excess(curve.final)),
        "cusp-height": bump,
        "cusp-decay": order,
        "early-stopping-erases": left_of_bump,
        "early-stopping-gap": partial(place, lambda curve: curve.final - curve.minimum),
        "halts-sooner": halting,
        "three-phases": three_phases,
    }
    needs = {"runs": (sweep,)}
    return {f"{prefix}{name}": Statistic(needs, partial(measure, sweep)) for name, measure in measures.items()}


STATISTICS = {
    **_of_depth("", "generalization_L5"),
    **_of_depth("depth-2-", "generalization_L2"),
    "accuracy-at-jamming": Statistic({"runs": ("generalization_L5",)}, partial(accuracy, "generalization_L5")),
}
