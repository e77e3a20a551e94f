"""Intervals of measured numbers: known values, what a bootstrap over few runs must give, and coverage by simulation."""

import math

import numpy as np
import pytest

from jamming.analysis.statistics import Measurement, bootstrap, fraction, from_resamples, nothing, rate, times_drawn


def mean(strata):
    return float(np.mean([np.mean(stratum) for stratum in strata]))


def of(strata, n_resamples=400, seed=1, **more):
    return bootstrap(mean, strata, n_resamples, seed, "number", **more)


def binomial_bounds(share, n_trials, sigmas=3.5):
    """The bounds of a simulated share, which chance crosses less than once in 2000 tests."""
    error = sigmas * math.sqrt(share * (1 - share) / n_trials)
    return share - error, share + error


def test_error_of_a_mean_is_the_standard_error():
    values = np.random.default_rng(1).standard_normal(12).tolist()
    measured = of([values], n_resamples=20_000)
    assert measured.value == pytest.approx(np.mean(values))
    assert measured.error == pytest.approx(np.std(values, ddof=1) / math.sqrt(12), rel=0.02)
    assert (measured.n_runs, measured.degrees) == (12, 11)


def test_two_runs_have_the_whole_error():
    """As many draws as runs would give |a − b|/√8, which is too small by √2."""
    assert of([[0.0, 1.0]], n_resamples=20_000).error == pytest.approx(0.5, rel=0.02)


def test_runs_are_resampled_within_their_stratum():
    """Differences between strata were chosen, so they are no error."""
    assert of([[1.0, 1.0], [5.0, 5.0], [9.0, 9.0]]).error == 0
    assert of([[1.0, 1.0], [5.0, 5.0], [9.0, 9.0]]).degrees == 3
    assert of([[1.0, 5.0, 9.0]]).error > 1


def test_interval_of_few_runs_is_student_s():
    low, high = Measurement(2.0, 2, error=0.1, degrees=1).interval(0.95)
    assert high - 2 == pytest.approx(0.1 * 12.706, rel=1e-4) and 2 - low == pytest.approx(high - 2)
    low, high = Measurement(2.0, 1000, error=0.1, degrees=999).interval(0.68)
    assert high - 2 == pytest.approx(0.1 * 0.9945, rel=2e-3)


def test_more_runs_narrow_the_interval_but_not_the_resolution():
    measured = Measurement(2.0, 10, error=0.1, degrees=9, resolution=(0.05, 0.2))
    low, high = measured.interval(0.95, n_runs=10**8)
    assert (low, high) == (pytest.approx(1.95, abs=1e-4), pytest.approx(2.2, abs=1e-4))
    as_is, fourfold = ((measured.interval(0.95, n)[1] - 2.2) for n in (10, 40))
    assert as_is / fourfold == pytest.approx(2 * 2.262 / 2.028, rel=1e-3)


def test_a_ratio_is_off_by_factors():
    logarithms = [[math.log(2.0), math.log(8.0)]]
    measured = bootstrap(mean, logarithms, 4000, 1, "ratio", (0.0, math.log(3)), logarithmic=True)
    assert measured.value == pytest.approx(4) and measured.error == pytest.approx(math.log(2), rel=0.05)
    low, high = measured.interval(0.68)
    assert low * high == pytest.approx(4 * 4 * 3)
    assert 4 / low == pytest.approx(math.exp(1.819 * measured.error), rel=1e-3)


@pytest.mark.parametrize("strata", [[[1.0]], [[1.0, 2.0], [3.0]]])
def test_one_run_at_a_point_has_a_value_but_no_interval(strata):
    measured = of(strata)
    assert measured.value is not None and measured.error is None and measured.interval(0.95) is None


def test_what_cannot_be_measured_says_what_is_lacking():
    assert of([[]]) == nothing("number")
    measured = bootstrap(lambda strata: math.nan, [[1, 2, 3]], 10, 1, "transition")
    assert (measured.value, measured.n_runs, measured.lacking) == (None, 3, "transition")
    assert measured.interval(0.95) is None


def test_a_statistic_that_most_resamples_lack_has_no_interval():
    assert from_resamples(1.0, np.array([1.0, np.nan, np.nan, np.nan]), [4], "x").error is None
    assert from_resamples(1.0, np.array([1.0, 2.0, 3.0, np.nan]), [4], "x").error == pytest.approx(1)


def test_resamples_are_seeded_and_one_short():
    (first,), (again,), (other,) = (times_drawn([5], 30, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)
    assert set(first.sum(axis=1)) == {4}


def test_known_binomial_and_poisson_intervals():
    assert fraction(0, 35, "run").interval(0.95) == (0, pytest.approx(0.1000, abs=2e-4))
    assert fraction(5, 10, "run").interval(0.95) == (pytest.approx(0.1871, abs=1e-4), pytest.approx(0.8129, abs=1e-4))
    assert fraction(10, 10, "run").interval(0.95)[1] == 1
    assert rate([11], [1], "run").interval(0.95) == (pytest.approx(5.491, abs=1e-3), pytest.approx(19.682, abs=1e-3))
    assert rate([0], [2], "run").interval(0.95) == (0, pytest.approx(3.689 / 2, abs=1e-3))
    assert rate([], [], "run").value is fraction(0, 0, "run").value is None


def test_counts_that_scatter_more_than_poisson_are_worth_less():
    even, uneven = rate([10, 10, 10, 10], [1] * 4, "run"), rate([0, 0, 0, 40], [1] * 4, "run")
    assert even.value == uneven.value == 10
    assert even.exposure == 4
    # χ² = (3·100 + 900)/10 = 120 over 3 degrees, whose t is 3.182 for the 1.960 of many
    assert uneven.exposure == pytest.approx(4 / 40 / (3.1824 / 1.95996) ** 2, rel=1e-4)


@pytest.mark.parametrize(("n_strata", "n_runs"), [(1, 3), (1, 12), (4, 2)])
def test_bootstrap_intervals_cover(n_strata, n_runs):
    """Of repeated experiments with normal noise, 68 and 95 of 100 cover the planted mean, also with very few runs."""
    generator, n_trials = np.random.default_rng(3), 700
    hits = {0.68: 0, 0.95: 0}
    for trial in range(n_trials):
        measured = of(generator.normal(5.0, 1.0, (n_strata, n_runs)), n_resamples=100, seed=trial)
        for level in hits:
            low, high = measured.interval(level)
            hits[level] += low <= 5 <= high
    for level, n_hits in hits.items():
        low, high = binomial_bounds(level, n_trials)
        # The error of 100 resamples is itself uncertain by 7 %, which blurs the coverage by about one per cent.
        assert low - 0.01 < n_hits / n_trials < high + 0.01


def test_binomial_and_poisson_intervals_cover():
    """They cover at least as often as stated, for every planted number, and not much more often for many events."""
    generator, n_trials = np.random.default_rng(4), 2000
    for level in (0.68, 0.95):
        for share, n_runs in ((0.04, 30), (0.5, 40)):
            hits = generator.binomial(n_runs, share, n_trials)
            low, high = np.array([fraction(n, n_runs, "run").interval(level) for n in hits]).T
            assert np.mean((low <= share) & (share <= high)) > binomial_bounds(level, n_trials)[0]
        for expected in (1.5, 50):
            hits = generator.poisson(expected, n_trials)
            low, high = np.array([rate([n], [1], "run").interval(level) for n in hits]).T
            covered = np.mean((low <= expected) & (expected <= high))
            assert binomial_bounds(level, n_trials)[0] < covered < level + (0.06 if expected > 10 else 1)
