"""Exponents of truncated power laws against planted ones, and errors that are those of runs."""

import numpy as np
import pytest

from helpers.synthetic import power_law
from jamming.analysis.power_law import StatisticsError, fit_power_law, mean_and_deviation, power_law_exponent
from jamming.criteria import is_jammed, is_near_jamming

LOW, HIGH = 1e-2, 1.0


def sufficient(values: np.ndarray) -> tuple[int, float]:
    return len(values), float(np.log(values).sum())


@pytest.mark.parametrize("exponent", [-2.3, -1.2, -0.2, 0.0, 0.3, 1.7])
def test_planted_exponent_is_found(exponent):
    values = power_law(exponent, LOW, HIGH, 200_000, np.random.default_rng(1))
    assert power_law_exponent(*sufficient(values), LOW, HIGH) == pytest.approx(exponent, abs=0.02)


def test_exponent_maximizes_the_likelihood():
    values = power_law(0.3, LOW, HIGH, 300, np.random.default_rng(2))

    def log_likelihood(theta):
        normalization = (HIGH ** (1 + theta) - LOW ** (1 + theta)) / (1 + theta)
        return theta * np.log(values).sum() - len(values) * np.log(normalization)

    grid = np.linspace(-0.9, 1.5, 24001)
    slow = grid[np.argmax([log_likelihood(theta) for theta in grid])]
    assert power_law_exponent(*sufficient(values), LOW, HIGH) == pytest.approx(slow, abs=2e-4)


def test_exponent_does_not_depend_on_the_unit():
    values = power_law(-0.2, LOW, HIGH, 500, np.random.default_rng(3))
    here = power_law_exponent(*sufficient(values), LOW, HIGH)
    elsewhere = power_law_exponent(*sufficient(1e4 * values), 1e4 * LOW, 1e4 * HIGH)
    assert elsewhere == pytest.approx(float(here), rel=1e-9)


def test_log_uniform_values_have_exponent_minus_one():
    # Mean of ln z in the middle of the range: x = 0, where 1/(1 − e^{−x}) − 1/x must be taken as its limit.
    assert power_law_exponent(10, 10 * np.log(np.sqrt(LOW * HIGH)), LOW, HIGH) == pytest.approx(-1, abs=1e-12)


def test_arrays_are_fitted_elementwise():
    together = power_law_exponent(np.array([3, 0, 5]), np.log([0.1**3, 1, 0.5**5]), LOW, HIGH)
    assert together[0] == power_law_exponent(3, 3 * np.log(0.1), LOW, HIGH)
    assert together[2] == pytest.approx(float(power_law_exponent(5, 5 * np.log(0.5), LOW, HIGH)))
    assert np.isnan(together[1])


@pytest.mark.parametrize("value", [LOW, HIGH])
def test_values_all_at_one_end_have_no_exponent(value):
    assert np.isnan(power_law_exponent(4, 4 * np.log(value), LOW, HIGH))


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.1), (0.0, 1.0), (1.0, 1.0), (0.1, np.inf)])
def test_impossible_range_is_refused(low, high):
    with pytest.raises(StatisticsError, match="0 < low < high"):
        power_law_exponent(3, -2.0, low, high)


def test_nothing_in_range():
    fit = fit_power_law(np.zeros(3), np.zeros(3), LOW, HIGH, 100, seed=1)
    assert np.isnan(fit.exponent) and np.isnan(fit.error)
    assert (fit.n_values, fit.n_runs) == (0, 3)


def test_no_run():
    fit = fit_power_law([], [], LOW, HIGH, 100, seed=1)
    assert np.isnan(fit.exponent) and fit.n_runs == 0


def test_one_run_has_an_exponent_but_no_error():
    fit = fit_power_law([50], [50 * np.log(0.3)], LOW, HIGH, 100, seed=1)
    assert np.isfinite(fit.exponent) and np.isnan(fit.error)


def test_bad_bootstrap_and_shapes_are_refused():
    with pytest.raises(StatisticsError, match="n_bootstrap is 1"):
        fit_power_law([5, 5], [-1, -1], LOW, HIGH, 1, seed=1)
    with pytest.raises(StatisticsError, match="one number per run"):
        fit_power_law([5, 5], [-1], LOW, HIGH, 10, seed=1)


def test_bootstrap_is_reproducible_and_seeded():
    counts, sums = np.array([40, 50, 60]), np.array([-60.0, -52.0, -90.0])
    first, again, other = (fit_power_law(counts, sums, LOW, HIGH, 50, seed).error for seed in (1, 1, 2))
    assert first == again != other


def test_bootstrap_error_covers_the_planted_exponent():
    """In repeated experiments the planted value lies within one standard error about 68 times in 100."""
    generator = np.random.default_rng(4)
    covered = []
    for trial in range(300):
        runs = [power_law(0.3, LOW, HIGH, 60, generator) for _ in range(20)]
        counts, sums = np.array([sufficient(run) for run in runs]).T
        fit = fit_power_law(counts, sums, LOW, HIGH, 200, seed=trial)
        covered.append(abs(fit.exponent - 0.3) < fit.error)
    assert 0.57 < np.mean(covered) < 0.76


def test_error_is_that_of_runs_not_of_values():
    """Runs whose exponents differ give the error of their mean, however many values each holds."""
    generator = np.random.default_rng(5)
    exponents = np.linspace(-0.3, 0.9, 12)
    counts, sums = np.array([sufficient(power_law(theta, LOW, HIGH, 20_000, generator)) for theta in exponents]).T
    over_runs = fit_power_law(counts, sums, LOW, HIGH, 500, seed=1).error
    assert over_runs == pytest.approx(np.std(exponents, ddof=1) / np.sqrt(12), rel=0.3)


def test_jammed_and_near_jamming():
    assert is_jammed(41, 100) and not is_jammed(40, 100)
    assert is_near_jamming(75, 100, 1e-4, 1e-3)
    assert not is_near_jamming(75, 100, 1e-3, 1e-3)
    assert not is_near_jamming(2, 100, 1e-4, 1e-3)
    assert not is_near_jamming(75, 100, 1e-9, 1e-3)


def test_mean_and_deviation():
    mean, deviation = mean_and_deviation([[1.0, 2.0], [3.0, 2.0]])
    assert mean == pytest.approx([2, 2]) and deviation == pytest.approx([np.sqrt(2), 0])
    assert mean_and_deviation([[1.0, 2.0]])[1] == pytest.approx([0, 0])
