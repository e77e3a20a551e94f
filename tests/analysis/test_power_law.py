"""Exponents of truncated power laws against planted ones, and errors over runs."""

import numpy as np
import pytest

from helpers.synthetic import power_law
from jamming.analysis.power_law import StatisticsError, fit_power_law, mean_and_deviation, power_law_exponent
from jamming.observables.gaps import POSITIVE_EDGES

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


def part(values: np.ndarray, low: float = LOW, high: float = HIGH) -> dict:
    """One side of the observable "gaps" of a run with these values."""
    inside = values[(values >= low) & (values <= high)]
    return {
        "edges": POSITIVE_EDGES,
        "counts": np.histogram(values, POSITIVE_EDGES)[0],
        "range_low": low,
        "range_high": high,
        "n_in_range": len(inside),
        "sum_log": float(np.log(inside).sum()),
    }


def fit(runs: list[np.ndarray], n_bootstrap: int = 200, seed: int = 1):
    return fit_power_law([part(run) for run in runs], n_bootstrap, seed, "value")


@pytest.mark.parametrize("runs", [[], [np.array([]), np.array([10.0])]])
def test_nothing_in_range(runs):
    assert fit(runs).value is None and fit(runs).lacking == "value"


def test_one_run_has_an_exponent_but_no_error():
    found = fit([np.array([0.1, 0.3, 0.9])])
    assert np.isfinite(found.value) and found.interval(0.95) is None


def test_runs_of_different_ranges_are_refused():
    with pytest.raises(StatisticsError, match="differ in the range"):
        fit_power_law([part(np.array([0.1])), part(np.array([0.1]), high=0.5)], 10, 1, "value")


def test_bootstrap_is_reproducible_and_seeded():
    generator = np.random.default_rng(1)
    runs = [power_law(0.3, LOW, HIGH, 50, generator) for _ in range(4)]
    first, again, other = (fit(runs, seed=seed).error for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(("n_runs", "n_values"), [(3, 60), (5, 400), (20, 60)])
def test_intervals_cover_the_planted_exponent(n_runs, n_values):
    """In repeated experiments the planted value lies in the interval of 95 % at least 90 times in 100."""
    generator = np.random.default_rng(4)
    covered = []
    for trial in range(250):
        runs = [power_law(0.3, LOW, HIGH, n_values, generator) for _ in range(n_runs)]
        low, high = fit(runs, 100, seed=trial).interval(0.95)
        covered.append(low < 0.3 < high)
    assert np.mean(covered) >= 0.9


def test_error_is_that_of_runs_not_of_values():
    """Runs whose exponents differ give the error of their mean, however many values each holds."""
    generator = np.random.default_rng(5)
    exponents = np.linspace(-0.3, 0.9, 12)
    over_runs = fit([power_law(theta, LOW, HIGH, 20_000, generator) for theta in exponents], 500).error
    assert over_runs == pytest.approx(np.std(exponents, ddof=1) / np.sqrt(12), rel=0.3)


def test_the_range_is_in_the_interval():
    """The interval of a law that bends includes its change over the range; that of a straight law does not grow."""
    generator = np.random.default_rng(6)
    straight = [power_law(0.3, LOW, HIGH, 4000, generator) for _ in range(8)]
    bent = [np.concatenate([run, power_law(2.0, 0.2, HIGH, 2000, generator)]) for run in straight]
    effects = {name: fit(runs).resolution[0] for name, runs in (("straight", straight), ("bent", bent))}
    assert effects["straight"] < 0.05 < 0.2 < effects["bent"]


def test_mean_and_deviation():
    mean, deviation = mean_and_deviation([[1.0, 2.0], [3.0, 2.0]])
    assert mean == pytest.approx([2, 2]) and deviation == pytest.approx([np.sqrt(2), 0])
    assert mean_and_deviation([[1.0, 2.0]])[1] == pytest.approx([0, 0])
