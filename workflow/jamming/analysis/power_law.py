"""Exponents of truncated power laws, with their error over runs."""

from dataclasses import dataclass

import numpy as np

_STEEPEST = 1e6  # |exponent + 1| · ln(high/low) beyond which a fit has no information left in float64
_BISECTIONS = 80


class StatisticsError(ValueError):
    """Input from which a statistic makes no sense; one sentence says which value and what is allowed."""


@dataclass(frozen=True)
class PowerLaw:
    """A fitted density p(z) ∝ z^exponent on [low, high].

    `error` is the standard deviation of `exponent` under resampling of runs. `exponent` is nan when no value lies in
    the range (or all at one of its ends); `error` is nan then, and also when there is one run only.
    """

    exponent: float
    error: float
    n_values: int
    n_runs: int
    low: float
    high: float


def power_law_exponent(
    n_values: np.ndarray | float, sum_log: np.ndarray | float, low: float, high: float
) -> np.ndarray:
    """Maximum-likelihood exponent θ of p(z) = (1+θ) z^θ / (high^{1+θ} − low^{1+θ}) on [low, high].

    The count and Σ ln z are sufficient: with t = ln(z/low) in [0, T] the density is ∝ e^{(1+θ)t}, so θ is the one
    value for which its mean, T/(1 − e^{−x}) − T/x with x = (1+θ)T, equals the mean of t found.

    Arguments: `n_values`, how many values lie in the range, and `sum_log`, Σ ln z over them: scalars or arrays of one
    shape. Returns an array of that shape; nan where there is no value or all of them lie at one end.
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


def fit_power_law(
    n_values: np.ndarray, sum_log: np.ndarray, low: float, high: float, n_bootstrap: int, seed: int
) -> PowerLaw:
    """Exponent of all runs pooled, with a bootstrap error over runs.

    Runs are resampled, not values: the values of one run share their network and data and are not independent.

    Arguments: `n_values` (R,) and `sum_log` (R,), count and Σ ln z of each run's values within [low, high].
    Raises StatisticsError for a bad range, shapes that differ, or fewer than two resamples.
    """
    n_values, sum_log = np.asarray(n_values, float), np.asarray(sum_log, float)
    if n_values.shape != sum_log.shape or n_values.ndim != 1:
        raise StatisticsError(
            f"counts {n_values.shape} and sums of logarithms {sum_log.shape} must be one number per run each."
        )
    if n_bootstrap < 2:
        raise StatisticsError(f"n_bootstrap is {n_bootstrap}; an error needs at least 2 resamples.")
    n_runs = len(n_values)
    exponent = float(power_law_exponent(n_values.sum(), sum_log.sum(), low, high))
    error = np.nan
    if n_runs > 1 and np.isfinite(exponent):
        times_drawn = np.random.default_rng(seed).multinomial(n_runs, np.full(n_runs, 1 / n_runs), size=n_bootstrap)
        resampled = power_law_exponent(times_drawn @ n_values, times_drawn @ sum_log, low, high)
        resampled = resampled[np.isfinite(resampled)]
        error = float(np.std(resampled, ddof=1)) if len(resampled) > 1 else np.nan
    return PowerLaw(exponent, error, int(n_values.sum()), n_runs, float(low), float(high))


def mean_and_deviation(curves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (B,) and standard deviation (B,) over runs of `curves` (R, B); the deviation is 0 for a single run."""
    curves = np.asarray(curves, float)
    deviation = np.std(curves, axis=0, ddof=1) if len(curves) > 1 else np.zeros(curves.shape[1])
    return curves.mean(axis=0), deviation


def _steepness_with_mean(mean: np.ndarray) -> np.ndarray:
    """The x for which the density ∝ e^{xt} on [0, 1] has the given mean; the mean grows with x, so bisect."""
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
