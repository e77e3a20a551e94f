"""Overlaps and gaps: by hand on a few values, and planted power laws."""

import json
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import brentq

from helpers.made_runs import ended, point_for, run_of, through_a_file
from jamming.__main__ import main
from jamming.observables import ObservableError, gaps
from jamming.spec import Network
from jamming.storage import store


def replica(delta):
    delta = np.array(delta)
    return {"converged": not np.any(delta > 0), **ended(delta)}


def most_likely_exponent(found):
    """θ at which the derivative of the log-likelihood of a truncated power law vanishes."""
    low, high, n, total = (found[key] for key in ("range_low", "range_high", "n_in_range", "sum_log"))

    def derivative(theta):
        k = 1 + theta
        powers = high**k * np.log(high) - low**k * np.log(low)
        return n / k + total - n * powers / (high**k - low**k)

    return brentq(derivative, -0.9, 3)


def test_overlaps_are_in_units_of_the_square_root_of_the_loss():
    delta = np.array([3.0, -1.0, 1.0, -0.25, 0.0])
    # 𝓛 = (9 + 1) / 2 / 5 = 1: the loss counts all five patterns
    np.testing.assert_allclose(gaps.overlaps_by_loss(delta), [3, 1], rtol=1e-15)
    np.testing.assert_allclose(gaps.overlaps_by_loss(7e-9 * delta), [3, 1], rtol=1e-14)
    np.testing.assert_array_equal(gaps.gaps(delta), [1, 0.25])


def test_one_pattern_far_from_the_margin_does_not_move_the_unit():
    delta = np.array([3.0, -1.0, 1.0, 2.0])
    np.testing.assert_allclose(gaps.overlaps(delta), [1.5, 0.5, 1.0])
    np.testing.assert_allclose(gaps.overlaps(np.array([300.0, -1.0, 1.0, 2.0]))[1:], [0.5, 1.0])


def test_dead_patterns_are_left_out():
    """The first two share their output and have opposite labels: one is unsatisfied, whatever the parameters."""
    point = point_for(Network(2, 3, 1, "relu"), n_train=4)
    output = np.array([0.3, 0.3, 0.4, -0.7])
    delta = 0.5 - np.array([1, -1, 1, -1]) * output
    found = gaps.measure(run_of(point, [{"converged": False, **ended(delta, output=output)}]))["replica_00"]
    assert (found["n_dead"], found["n_delta"]) == (2, 3)
    assert found["positive"]["counts"].sum() == 1 and found["positive_by_loss"]["counts"].sum() == 3


def test_nothing_overlaps_in_a_converged_run():
    for of in (gaps.overlaps, gaps.overlaps_by_loss):
        assert of(np.array([-1.0, -2.0, 0.0])).size == 0


def test_distribution_counts_each_value_in_its_bin():
    values = 10 ** np.random.default_rng(0).uniform(-9, 3, 500)
    found = gaps.distribution(values, gaps.NEGATIVE_EDGES, (1e-2, 1.0))
    edges = gaps.NEGATIVE_EDGES
    slow = [sum(low <= value < high for value in values) for low, high in pairwise(edges)]
    np.testing.assert_array_equal(found["counts"], slow)
    assert 0 < found["counts"].sum() < 500
    inside = [value for value in values if 1e-2 <= value <= 1]
    assert found["n_in_range"] == len(inside)
    assert found["sum_log"] == pytest.approx(sum(np.log(inside)))


def test_bins_are_ten_in_a_decade():
    for edges in (gaps.POSITIVE_EDGES, gaps.NEGATIVE_EDGES):
        np.testing.assert_allclose(edges[10:] / edges[:-10], 10)
    np.testing.assert_allclose([*gaps.POSITIVE_EDGES[[0, -1]], *gaps.NEGATIVE_EDGES[[0, -1]]], [1e-6, 1e2, 1e-8, 1e2])


@pytest.mark.parametrize("exponent", [0.3, -0.2, 1.0])
def test_planted_power_laws_are_recovered(exponent):
    uniform = np.random.default_rng(1).uniform(size=40_000)
    low, high = 1e-3 ** (1 + exponent), 2.0 ** (1 + exponent)
    values = (low + uniform * (high - low)) ** (1 / (1 + exponent))
    found = gaps.distribution(values, gaps.POSITIVE_EDGES, (1e-2, 0.5))
    assert 500 < found["n_in_range"] < 40_000
    error = 1 / np.sqrt(found["n_in_range"])  # of the maximum, up to a factor near (1 + θ)
    assert abs(most_likely_exponent(found) - exponent) < 4 * (1 + exponent) * error
    density = found["counts"] / np.diff(found["edges"])
    middle = (found["edges"][:-1] > 1e-2) & (found["edges"][1:] < 1)
    slope = np.polyfit(np.log(found["edges"][1:][middle]), np.log(density[middle]), 1)[0]
    assert slope == pytest.approx(exponent, abs=0.15)


@pytest.mark.parametrize("wrong", [(0.0, 1.0), (1.0, 1.0), (2.0, 1.0)])
def test_impossible_ranges_are_refused(wrong):
    with pytest.raises(ObservableError, match="low < high"):
        gaps.distribution(np.ones(3), gaps.POSITIVE_EDGES, wrong)


def test_measure_gives_every_replica(tmp_path):
    point = point_for(Network(2, 3, 1, "relu"), n_train=4, replicas=2)
    run = run_of(point, [replica([0.1, -0.2, 0.3, -1.0]), replica([-0.1, -0.2, -0.3, -1.0])])
    tree = through_a_file(tmp_path / "gaps.h5", "gaps", gaps.measure(run))
    assert sorted(tree) == ["replica_00", "replica_01"]
    jammed, converged = tree["replica_00"], tree["replica_01"]
    assert (jammed["n_train"], jammed["n_weights"], jammed["n_delta"], jammed["converged"]) == (4, 9, 2, False)
    assert jammed["loss"] == pytest.approx((0.1**2 + 0.3**2) / 2 / 4)
    assert jammed["positive"]["counts"].sum() == 2
    assert jammed["negative"]["counts"].sum() == 2
    assert jammed["negative"]["n_in_range"] == 1  # 0.2 is in the range, 1.0 above it
    assert (converged["n_delta"], converged["loss"], converged["converged"]) == (0, 0.0, True)
    assert converged["positive"]["counts"].sum() == converged["positive"]["n_in_range"] == 0
    assert converged["positive"]["sum_log"] == 0.0
    assert converged["negative"]["counts"].sum() == 4


def test_a_run_without_replicas_is_refused():
    with pytest.raises(ObservableError, match="no replica"):
        gaps.measure(run_of(point_for(Network(2, 3, 1, "relu"), n_train=4), []))


def test_one_job_measures_a_sweep_and_writes_a_file_for_each_point(tmp_path, capsys):
    runs, outs = [[tmp_path / f"{name}{number}.h5" for number in range(2)] for name in ("run", "gaps")]
    for number, path in enumerate(runs):
        point = point_for(Network(2, 3, 1, "relu"), n_train=4 + number)
        run = run_of(point, [replica([0.1, -0.2, 0.3, *[-1.0] * (1 + number)])])
        store.write(path, "run", run.spec, run.tree, {})
    words = ["measure", "gaps", "--settings", json.dumps({"theta_range": [0.01, 0.5], "gamma_range": [0.001, 0.5]})]
    assert main([*words, "--run", *map(str, runs), "--out", *map(str, outs)]) == 0
    for run, out in zip(runs, outs, strict=True):
        found, expected = store.read(out, "gaps"), gaps.measure(store.read(run, "run"), (0.01, 0.5), (0.001, 0.5))
        np.testing.assert_equal(found.tree, expected)
        assert found.spec["run"] == store.read(run, "run").spec
        assert found.provenance["inputs"] == {"run": store.sha256_of(run)}, "of its own run alone"
    (tmp_path / "outs").write_text("\n".join(map(str, outs)), encoding="utf-8")
    assert main([*words, "--run", *map(str, runs), "--out", f"@{tmp_path / 'outs'}"]) == 0, "one path a line"
    assert main([*words, "--run", *map(str, runs), "--out", str(outs[0])]) == 1
    assert "there are 2 --run and 1 --out; give one for each." in capsys.readouterr().err
