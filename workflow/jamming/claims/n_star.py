"""The lines N*(P): their bound, dependence on depth, dimension and loss, and growth with P ([G] Fig. 5 and 10)."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np

from ..analysis import Analysis, Results
from ..analysis.n_star import CROSS_ENTROPY, HINGE, IN_TIME, MNIST, REFERENCE, combined, outcomes
from ..analysis.statistics import Measurement, Strata, bootstrap, of_each
from . import Statistic

LAST_DECADE = 10.0
"""Lines are compared, and their exponents fitted, if P is at least the largest P divided by this. At small P the ladder
of widths is coarse, and N* is far from its asymptote."""

COMMON_LACKING = "P at which all these lines have a transition"
SLOPE_LACKING = "line with a transition at three P of the last decade"


@dataclass(frozen=True)
class Line:
    """A line in logarithms: ln P (K,) and ln N* (K,). ln N* is nan if the search found only a bound."""

    ln_p: np.ndarray
    ln_n: np.ndarray

    def at(self, ln_p: np.ndarray) -> np.ndarray:
        """ln N* at these ln P, interpolated linearly between measured points and nan outside of them."""
        known = np.isfinite(self.ln_n)
        if not known.any():
            return np.full(np.shape(ln_p), np.nan)
        return np.interp(ln_p, self.ln_p[known], self.ln_n[known], left=np.nan, right=np.nan)

    def last(self) -> np.ndarray:
        """Which points (K,) have a transition and lie in the last decade of P."""
        return np.isfinite(self.ln_n) & (self.ln_p >= self.ln_p[-1] - math.log(LAST_DECADE) - 1e-9)

    def exponent(self) -> float:
        """d ln N*/d ln P by least squares over the last decade of P, or nan with fewer than three points there."""
        used = self.last()
        return float(np.polyfit(self.ln_p[used], self.ln_n[used], 1)[0]) if used.sum() >= 3 else np.nan

    def width(self) -> float:
        """√Σ(x − x̄)² of x = ln P in the last decade. The exponent has the error s/width if each ln N* has s."""
        used = self.ln_p[self.last()]
        return float(np.sqrt(len(used) * np.var(used)))


def largest_ratio(names: Sequence[str], results: Results, analysis: Analysis) -> Measurement:
    """The largest N*/P among the points of some lines. If nothing fitted, N* is the largest network tried."""
    searched = Searched(names, results)

    def value(strata: Strata) -> float:
        ratios = [combined(found)["n_star"] / load for found, load in zip(strata, searched.loads, strict=True)]
        return float(np.max(ratios))

    # N* lies between the width that worked and the next smaller one.
    below = value(searched.strata) * -math.expm1(-searched.spacing())
    return bootstrap(value, searched.strata, analysis.n_bootstrap, analysis.seed, "point", (below, 0.0))


def spread(groups: Sequence[Sequence[str]], results: Results, analysis: Analysis) -> Measurement:
    """The largest ratio of N* between two lines of one group: mean over the last decade of P, 1 if they agree.

    This is an equivalence test: the interval of the ratio must lie within the tolerance.
    """

    def value(lines: Mapping[str, Line]) -> float:
        pairs = [pair for group in groups for pair in combinations(group, 2)]
        return float(np.max([abs(_mean_difference(lines[one], lines[other])) for one, other in pairs]))

    return _measure(value, _names(groups), results, analysis, COMMON_LACKING, _of_ratio, logarithmic=True)


def below_random(names: Sequence[str], results: Results, analysis: Analysis) -> Measurement:
    """N* of MNIST divided by that of random data (`REFERENCE`) at the same P: geometric mean over P and depths."""

    def value(lines: Mapping[str, Line]) -> float:
        return float(np.mean([_mean_difference(lines[name], lines[REFERENCE]) for name in names]))

    return _measure(value, [*names, REFERENCE], results, analysis, COMMON_LACKING, _of_ratio, logarithmic=True)


def slower_than_random(names: Sequence[str], results: Results, analysis: Analysis) -> Measurement:
    """The exponent x of N* ∝ P^x of some lines minus that of random data (`REFERENCE`), over the last decade of P.

    Random data are the control: if searches are short or P is small, their N* is not ∝ P either.
    """

    def value(lines: Mapping[str, Line]) -> float:
        return float(np.mean([lines[name].exponent() for name in names]) - lines[REFERENCE].exponent())

    return _measure(value, [*names, REFERENCE], results, analysis, SLOPE_LACKING, _of_exponent)


def exponent(names: Sequence[str], results: Results, analysis: Analysis) -> Measurement:
    """The exponent x of N* ∝ P^x over the last decade of P, averaged over some lines."""

    def value(lines: Mapping[str, Line]) -> float:
        return float(np.mean([lines[name].exponent() for name in names]))

    return _measure(value, names, results, analysis, SLOPE_LACKING, _of_exponent)


class Searched:
    """The points of some lines: for each point a stratum of outcomes, its P, and the name of its line."""

    def __init__(self, names: Iterable[str], results: Results):
        points = [
            (name, result.spec["n_train"], outcomes(result))
            for name in names
            for result in sorted(results["lines"][name], key=lambda result: result.spec["n_train"])
        ]
        self.names, self.loads, self.strata = (list(column) for column in zip(*points, strict=True))

    def lines(self, strata: Strata) -> dict[str, Line]:
        """The lines that follow from these outcomes, by name."""
        columns: dict[str, list] = {}
        for name, load, found in zip(self.names, self.loads, strata, strict=True):
            point = combined(found)
            ln_n = math.log(point["n_star"]) if point["status"] == "found" else math.nan
            columns.setdefault(name, []).append((math.log(load), ln_n))
        return {name: Line(*np.array(rows).T) for name, rows in columns.items()}

    def spacing(self) -> float:
        """Mean of ln(n_star/n_below): the step of the ladder at the transitions found, or 0 without any."""
        found = [ends for replicas in self.strata for status, *ends in replicas if status == "found"]
        return float(np.mean([math.log(n_star / n_below) for n_star, n_below in found])) if found else 0.0


def _measure(
    function: Callable[[Mapping[str, Line]], float],
    names: Iterable[str],
    results: Results,
    analysis: Analysis,
    lacking: str,
    resolution: Callable[[Sequence[Line], float], float],
    logarithmic: bool = False,
) -> Measurement:
    """The measurement of `function`: a bootstrap over the replicas of each point, with the resolution of the ladder.

    N* is one of the widths tried, so it is off by up to their spacing g. That counts as an error of g/√12 in ln N* of
    each point. `resolution` converts this error into an error of the value.
    """
    searched = Searched(names, results)

    def value(strata: Strata) -> float:
        return function(searched.lines(strata))

    hidden = 0.0
    if math.isfinite(value(searched.strata)):
        grid = searched.spacing() / math.sqrt(12)
        hidden = resolution(list(searched.lines(searched.strata).values()), grid)
    strata, n_bootstrap = searched.strata, analysis.n_bootstrap
    return bootstrap(value, strata, n_bootstrap, analysis.seed, lacking, (hidden, hidden), logarithmic)


def _of_ratio(lines: Sequence[Line], grid: float) -> float:
    """The error of the mean ln ratio of two lines, for the number of points of the shorter line in the last decade."""
    n_points = min(int(line.last().sum()) for line in lines)
    return grid * math.sqrt(2 / max(n_points, 1))


def _of_exponent(lines: Sequence[Line], grid: float) -> float:
    """The error of the mean of the exponents of some lines."""
    return grid * math.sqrt(sum(line.width() ** -2 for line in lines)) / len(lines)


def _mean_difference(one: Line, other: Line) -> float:
    """Mean of ln N* of one line minus the other, over the last decade of P of the first within the second."""
    differences = (one.ln_n - other.at(one.ln_p))[one.last()]
    known = np.isfinite(differences)
    return float(differences[known].mean()) if known.any() else math.nan


def _names(groups: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(name for group in groups for name in group))


_PAIRS_OF_LOSSES = tuple((hinge, f"line_ce_{group}_d25") for hinge, group in HINGE.items())
_ONE_DIMENSION = tuple(name for name, group in CROSS_ENTROPY.items() if group.endswith("_d25"))
_TWO_DIMENSIONS = tuple(name for name, group in CROSS_ENTROPY.items() if group.startswith("L5_"))


def _each(
    measure: Callable[[Sequence[str], Results, Analysis], Measurement], lines: Mapping[str, str], *more: str
) -> Statistic:
    """A statistic of some lines together and of each line, which the verdict uses. It also reads the lines `more`."""

    def measured(results: Results, analysis: Analysis) -> Measurement:
        return of_each(lambda names: measure(names, results, analysis), lines)

    return _reading((*lines, *more), measured)


def _reading(names: Iterable[str], measure: Callable[[Results, Analysis], Measurement]) -> Statistic:
    return Statistic({"lines": tuple(dict.fromkeys(names))}, measure)


STATISTICS = {
    "bound-hinge": _reading(HINGE, partial(largest_ratio, tuple(HINGE))),
    "bound-cross-entropy": _reading(CROSS_ENTROPY, partial(largest_ratio, tuple(CROSS_ENTROPY))),
    "bound-mnist": _reading(MNIST, partial(largest_ratio, tuple(MNIST))),
    "depth-independent-hinge": _reading(HINGE, partial(spread, (tuple(HINGE),))),
    "depth-independent-cross-entropy": _reading(_ONE_DIMENSION, partial(spread, (_ONE_DIMENSION,))),
    "dimension-independent": _reading(_TWO_DIMENSIONS, partial(spread, (_TWO_DIMENSIONS,))),
    "loss-independent": _reading(_names(_PAIRS_OF_LOSSES), partial(spread, _PAIRS_OF_LOSSES)),
    "ce-slope": _reading((IN_TIME,), partial(exponent, (IN_TIME,))),
    "random-linear": _reading((REFERENCE,), partial(exponent, (REFERENCE,))),
    "mnist-below-random": _each(below_random, MNIST, REFERENCE),
    "mnist-sublinear": _each(slower_than_random, MNIST, REFERENCE),
    "mnist-depth-independent": _reading(MNIST, partial(spread, (tuple(MNIST),))),
}
