"""Exponents of truncated power laws, with their error over runs."""

from collections.abc import Mapping, Sequence

import numpy as np

from .statistics import Measurement, from_resamples, nothing, times_drawn

_STEEPEST = 1e6  # |exponent + 1| · ln(high/low) beyond which a fit has no information left in float64
_BISECTIONS = 80


class StatisticsError(ValueError):
    """Raised if a statistic makes no sense for its input. One sentence says which value and what is allowed."""


def power_law_exponent(
    n_values: np.ndarray | float, sum_log: np.ndarray | float, low: float, high: float
) -> np.ndarray:
    """Maximum-likelihood exponent θ of p(z) = (1+θ) z^θ / (high^{1+θ} − low^{1+θ}) on [low, high].

    The count and Σ ln z are sufficient. With t = ln(z/low) in [0, T] the density is ∝ e^{(1+θ)t}. Its mean is
    T/(1 − e^{−x}) − T/x with x = (1+θ)T, and θ is the value for which this equals the mean of the measured t.

    `n_values` is the number of values in the range, and `sum_log` is their Σ ln z: scalars or arrays of one shape.
    Returns an array of that shape. It is nan if there is no value or if all values lie at one end.
    Raises StatisticsError unless 0 < low < high.
    """
    if not 0 < low < high < np.inf:
        raise StatisticsError(f"the range of a power law must satisfy 0 < low < high, not low = {low}, high = {high}.")
    n_values, sum_log = np.broadcast_arrays(np.asarray(n_values, float), np.asarray(sum_log, float))
    length = np.log(high / low)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (sum_log / n_values - np.log(low)) / length
        solvable = (mean > 1 / _STEEPEST) & (mean < 1 - 1 / _STEEPEST)
    steepness = np.full(mean.shape, np.nan)
    steepness[solvable] = _steepness_with_mean(mean[solvable])
    return steepness / length - 1


def fit_power_law(parts: Sequence[Mapping], n_bootstrap: int, seed: int, lacking: str) -> Measurement:
    """Exponent of p(z) ∝ z^exponent of all runs together. Its interval covers scatter of runs and choice of range.

    The bootstrap resamples runs, not values: the values of one run share network and data and are not independent. It
    is not known beforehand how far a law holds. So `range_effect` is the resolution of the measurement.

    `parts` is one side of the observable "gaps" of each run: `n_in_range`, `sum_log`, `range_low`, `range_high`,
    `edges` (B+1,), `counts` (B,). If the exponent has no value, `lacking` names what is missing.
    Raises StatisticsError if the runs differ in range.
    """
    if not parts:
        return nothing(lacking)
    ranges = {(float(part["range_low"]), float(part["range_high"])) for part in parts}
    if len(ranges) > 1:
        raise StatisticsError(f"runs differ in the range of the fit ({sorted(ranges)}); measure all of them again.")
    ((low, high),) = ranges
    n_values = np.array([part["n_in_range"] for part in parts], float)
    sum_log = np.array([part["sum_log"] for part in parts], float)
    value = float(power_law_exponent(n_values.sum(), sum_log.sum(), low, high))
    (times,) = times_drawn([len(parts)], n_bootstrap, seed)
    resampled = power_law_exponent(times @ n_values, times @ sum_log, low, high)
    counts = np.array([part["counts"] for part in parts])
    effect = range_effect(counts, parts[0]["edges"], low, high, times)
    return from_resamples(value, resampled, [len(parts)], lacking, (effect, effect))


def range_effect(counts: np.ndarray, edges: np.ndarray, low: float, high: float, times: np.ndarray) -> float:
    """How much the exponent depends on its range: its largest change if a third of ln z is cut off at one end.

    The scatter of runs causes part of such a change, and the error contains it already. So twice its standard deviation
    over the resamples `times` (n, R) is subtracted. The effect is 0 for a power law, and if a third holds no value.
    It is computed from histograms `counts` (R, B) with `edges` (B+1,). Their bins are narrow, and each stands for its
    geometric centre.
    """
    middle, third = np.log(edges[:-1] * edges[1:]) / 2, (high / low) ** (1 / 3)
    drawn = np.concatenate([np.ones((1, len(counts))), times]) @ counts

    def exponents(start: float, end: float) -> np.ndarray:
        """The exponent of all runs, then those of the resamples, (1 + n,)."""
        first, last = (int(np.argmin(np.abs(np.log(edges / place)))) for place in (start, end))
        if last <= first:
            return np.full(len(drawn), np.nan)
        inside = slice(first, last)
        return power_law_exponent(
            drawn[:, inside].sum(axis=1), drawn[:, inside] @ middle[inside], edges[first], edges[last]
        )

    whole, effects = exponents(low, high), [0.0]
    for ends in ((low * third, high), (low, high / third)):
        change = exponents(*ends) - whole
        resampled = change[1:][np.isfinite(change[1:])]
        if np.isfinite(change[0]) and len(resampled) > 1:
            effects.append(float(abs(change[0]) - 2 * np.std(resampled, ddof=1)))
    return max(effects)


def mean_and_deviation(curves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (B,) and standard deviation (B,) of `curves` (R, B) over runs. The deviation is 0 for a single run."""
    curves = np.asarray(curves, float)
    deviation = np.std(curves, axis=0, ddof=1) if len(curves) > 1 else np.zeros(curves.shape[1])
    return curves.mean(axis=0), deviation


def _steepness_with_mean(mean: np.ndarray) -> np.ndarray:
    """The x for which the density ∝ e^{xt} on [0, 1] has the given mean. The mean grows with x, so bisection works."""
    below, above = np.full(mean.shape, -_STEEPEST), np.full(mean.shape, _STEEPEST)
    for _ in range(_BISECTIONS):
        middle = (below + above) / 2
        too_small = _mean_with_steepness(middle) < mean
        below, above = np.where(too_small, middle, below), np.where(too_small, above, middle)
    return (below + above) / 2


def _mean_with_steepness(steepness: np.ndarray) -> np.ndarray:
    """Mean of the density ∝ e^{xt} on [0, 1]: 1/(1 − e^{−x}) − 1/x."""
    size = np.abs(steepness)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = -1 / np.expm1(-size) - 1 / size
    # Below 10^-4 the two terms cancel in float64, and the series is exact to 10^-17.
    mean = np.where(size < 1e-4, 0.5 + size / 12, mean)
    return np.where(steepness < 0, 1 - mean, mean)
