"""A measured number with its interval: by bootstrap over runs, as a binomial fraction, or as a Poisson rate.

A measurement keeps the ingredients of its interval, not the interval itself. So it can predict the interval of more
runs of the same kind, and the number of runs that a verdict needs.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

LEVELS = (0.68, 0.95)

Strata = Sequence[Sequence]
"""Runs in groups that were fixed beforehand, such as the runs of one P. Only runs of one group can be exchanged."""


@dataclass(frozen=True)
class Measurement:
    """A value and the ingredients of its interval. `value` is None if nothing could be measured; `lacking` says why.

    `model` is one of three. "bootstrap": `error` is the standard error over runs, and `degrees` its degrees of freedom;
    without an error there is no interval. "binomial": the fraction `value` of `exposure` trials. "poisson": `value`
    times `exposure` events were counted.

    `resolution`: how far the value may lie lower and higher for a reason that more runs do not remove, such as the
    spacing of the trained widths. It is added to the ends of the interval. `logarithmic`: error and resolution are
    those of ln `value`, as suits ratios. `note`: a sentence that says what was left out. `parts`: the same number
    measured separately, for example on each depth. A verdict uses all parts.
    """

    value: float | None
    n_runs: int
    model: str = "bootstrap"
    error: float | None = None
    degrees: float = 0
    exposure: float = 0
    resolution: tuple[float, float] = (0.0, 0.0)
    logarithmic: bool = False
    lacking: str = ""
    note: str = ""
    parts: Mapping[str, "Measurement"] = field(default_factory=dict)

    def interval(self, level: float, n_runs: int | None = None) -> tuple[float, float] | None:
        """The central interval of this confidence, or None. If `n_runs` is given, the interval expected of them."""
        if self.value is None:
            return None
        more = 1.0 if n_runs is None else n_runs / self.n_runs
        if self.model == "binomial":
            low, high = _binomial(self.value * self.exposure * more, self.exposure * more, level)
        elif self.model == "poisson":
            low, high = (end / (self.exposure * more) for end in _poisson(self.value * self.exposure * more, level))
        elif self.error is None:
            return None
        else:
            centre = math.log(self.value) if self.logarithmic else self.value
            half = _student(level, self.degrees * more) * self.error / math.sqrt(more)
            low, high = centre - half, centre + half
        low, high = float(low - self.resolution[0]), float(high + self.resolution[1])
        return (math.exp(low), math.exp(high)) if self.logarithmic else (low, high)


def nothing(lacking: str, n_runs: int = 0) -> Measurement:
    """A measurement without a value. `lacking` completes the sentence "there is no …"."""
    return Measurement(None, n_runs, lacking=lacking)


def bootstrap(
    statistic: Callable[[Strata], float],
    strata: Strata,
    n_resamples: int,
    seed: int,
    lacking: str,
    resolution: tuple[float, float] = (0.0, 0.0),
    logarithmic: bool = False,
) -> Measurement:
    """Measure `statistic(strata)`. The standard error comes from resampling the runs within each stratum.

    `statistic` takes strata and returns a number, or nan if it has none. `lacking` names what is then missing.
    `logarithmic`: `statistic` returns the logarithm of the measured number.
    """
    n_runs = sum(len(stratum) for stratum in strata)
    value = statistic(strata) if n_runs else math.nan
    drawn = []
    if math.isfinite(value) and all(len(stratum) > 1 for stratum in strata):
        times = times_drawn([len(stratum) for stratum in strata], n_resamples, seed)
        for index in range(n_resamples):
            resample = [
                [run for run, count in zip(stratum, counts[index], strict=True) for _ in range(count)]
                for stratum, counts in zip(strata, times, strict=True)
            ]
            drawn.append(statistic(resample))
    found = from_resamples(value, np.array(drawn), [len(stratum) for stratum in strata], lacking, resolution)
    return (
        replace(found, value=math.exp(found.value), logarithmic=True)
        if logarithmic and found.value is not None
        else found
    )


def mean(values: Sequence[float], n_resamples: int, seed: int, lacking: str, positive: bool = False) -> Measurement:
    """The mean of one number of each run.

    `positive`: the interval is computed for the logarithm of the mean. Positive numbers are often skewed, and this
    interval then covers as often as it states (docs/statistics.md).
    """
    positive = positive and min(values, default=0) > 0

    def of(strata: Strata) -> float:
        return math.log(np.mean(strata[0])) if positive else float(np.mean(strata[0]))

    return bootstrap(of, [list(values)], n_resamples, seed, lacking, logarithmic=positive)


def of_each(measure: Callable[[Sequence[str]], Measurement], names: Mapping[str, str]) -> Measurement:
    """The measurement on all sweeps or lines together. Its parts are the measurements on each of them.

    `names`: sweep → name of its part.
    """
    found = measure(tuple(names))
    return replace(found, parts={group: measure((name,)) for name, group in names.items()})


def difference_of(one: Measurement, other: Measurement) -> Measurement:
    """One number minus another that was measured on other runs.

    Errors add in quadrature. The degrees of freedom follow Welch & Satterthwaite.
    """
    if one.value is None or other.value is None:
        return one if one.value is None else other
    value, n_runs = one.value - other.value, one.n_runs + other.n_runs
    resolution = (one.resolution[0] + other.resolution[1], one.resolution[1] + other.resolution[0])
    if one.error is None or other.error is None:
        return Measurement(value, n_runs, resolution=resolution)
    variances = one.error**2, other.error**2
    total = sum(variances)
    each = sum(v**2 / m.degrees for v, m in zip(variances, (one, other), strict=True))
    degrees = total**2 / each if each > 0 else one.degrees + other.degrees
    return Measurement(value, n_runs, error=math.sqrt(total), degrees=degrees, resolution=resolution)


def kendall(one: Sequence[float], other: Sequence[float]) -> float:
    """Kendall's τ of two sequences (K,), with ties counted half. It is 0 if one of them is constant."""
    from scipy.stats import kendalltau

    tau = float(kendalltau(one, other).statistic)
    return tau if math.isfinite(tau) else 0.0


def times_drawn(sizes: Sequence[int], n_resamples: int, seed: int) -> list[np.ndarray]:
    """How often each run is drawn in each resample: one array (n_resamples, size) for each stratum.

    A resample holds one run fewer than its stratum. Then the variance of a mean over resamples is s²/n, without bias.
    Resamples as large as the stratum would give s²(n − 1)/n², which is half of it for two runs (Rao & Wu 1988).
    """
    generator = np.random.default_rng(seed)
    return [generator.multinomial(size - 1, np.full(size, 1 / size), size=n_resamples) for size in sizes]


def from_resamples(
    value: float,
    resampled: np.ndarray,
    sizes: Sequence[int],
    lacking: str,
    resolution: tuple[float, float] = (0.0, 0.0),
) -> Measurement:
    """A measurement from its value and the values (B,) of resamples of strata of these sizes.

    It has no interval if a stratum has a single run, or if most resamples have no value.
    """
    n_runs = int(sum(sizes))
    if not math.isfinite(value):
        return nothing(lacking, n_runs)
    finite = resampled[np.isfinite(resampled)]
    if min(sizes) < 2 or len(finite) < max(2, len(resampled) / 2):
        return Measurement(float(value), n_runs, resolution=resolution)
    error = float(np.std(finite, ddof=1))
    return Measurement(float(value), n_runs, error=error, degrees=n_runs - len(sizes), resolution=resolution)


def fraction(n_hits: int, n_runs: int, lacking: str) -> Measurement:
    """The fraction of hits among runs, with a binomial interval."""
    if n_runs == 0:
        return nothing(lacking)
    return Measurement(n_hits / n_runs, n_runs, "binomial", exposure=float(n_runs))


def rate(counts: Sequence[int], exposures: Sequence[float], lacking: str) -> Measurement:
    """Events per unit of exposure, from the count and the exposure of each run.

    If counts scatter between runs more than Poisson's law allows, exposure and events are divided by χ²/degrees. A few
    runs give an uncertain scatter. So the divisor also holds (t/t_∞)², with Student's t at 95 % for these degrees of
    freedom and t_∞ for many runs.
    """
    counts, exposures = np.asarray(counts, float), np.asarray(exposures, float)
    if len(counts) == 0:
        return nothing(lacking)
    value, dispersion = counts.sum() / exposures.sum(), 1.0
    if len(counts) > 1 and value > 0:
        expected = value * exposures
        degrees = len(counts) - 1
        dispersion = float(np.sum((counts - expected) ** 2 / expected)) / degrees
        dispersion = dispersion * (_student(0.95, degrees) / _student(0.95, math.inf)) ** 2 if dispersion > 1 else 1.0
    return Measurement(float(value), len(counts), "poisson", exposure=float(exposures.sum()) / dispersion)


def _student(level: float, degrees: float) -> float:
    # scipy is imported inside functions, here and below, since the workflow imports the claims each time it is parsed.
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + level) / 2))


def _binomial(n_hits: float, n_trials: float, level: float) -> tuple[float, float]:
    """The interval of Clopper & Pearson. It covers at least `level` for every fraction."""
    from scipy.special import betaincinv

    tail, n_misses = (1 - level) / 2, n_trials - n_hits
    low = betaincinv(n_hits, n_misses + 1, tail) if n_hits > 0 else 0.0
    high = betaincinv(n_hits + 1, n_misses, 1 - tail) if n_misses > 0 else 1.0
    return low, high


def _poisson(n_events: float, level: float) -> tuple[float, float]:
    """The interval of Garwood. It covers at least `level` for every rate."""
    from scipy.special import gammaincinv

    tail = (1 - level) / 2
    low = gammaincinv(n_events, tail) if n_events > 0 else 0.0
    return low, gammaincinv(n_events + 1, 1 - tail)
