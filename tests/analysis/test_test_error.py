"""Tables of the test error: means against slow loops, planted transitions, choice of networks, refusals."""

import math

import numpy as np
import pytest

from helpers import synthetic_generalization
from helpers.made_runs import ended
from helpers.synthetic_generalization import from_replicas, planted_n_star, replica
from jamming import tables
from jamming.analysis import Analysis, AnalysisError
from jamming.analysis.test_error import curve, errors, evolution, transition
from jamming.spec import Network
from jamming.storage import store

ANALYSIS = Analysis(max_loss=1e-3, n_bootstrap=5, seed=1, drawn_network={})
NAMES = ("generalization/fig4", "generalization/figB2")


@pytest.fixture(scope="module")
def sweeps():
    return synthetic_generalization.make_sweeps()


def point(*replicas, n_train=100, width=4, depth=5):
    return from_replicas(depth, n_train, width, replicas)


def test_means_and_standard_errors_are_those_of_a_slow_loop(sweeps):
    table = errors(sweeps["generalization_L5"])
    for result in sweeps["generalization_L5"]:
        group = table[f"P{result.spec['n_train']:05d}"]
        (row,) = np.flatnonzero(group["width"] == result.spec["network"]["width"])
        last, least, fitted = [], [], 0
        for one in result.tree.values():
            values = [float(value) for value in one["record"]["test_error"]]
            last.append(values[-1])
            least.append(sorted(values)[0])
            fitted += one["record"]["n_delta"][-1] == 0
        for name, values in (("final", last), ("minimum", least)):
            mean = sum(values) / len(values)
            variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
            assert group[name][row] == pytest.approx(mean)
            assert group[f"{name}_error"][row] == pytest.approx(math.sqrt(variance / len(values)))
        assert (group["n_fitted"][row], group["n_replicas"][row]) == (fitted, len(last))
        assert group["n_weights"][row] == Network(10, int(group["width"][row]), 5, "relu").n_weights


@pytest.mark.parametrize("depth", [2, 5])
def test_planted_transitions_are_found_to_the_spacing_of_the_widths(sweeps, depth):
    table = errors(sweeps[f"generalization_L{depth}"][::-1])
    assert [name for name in table if name != "depth"] == ["P01000", "P02000", "P05000"]
    for group in table.values():
        if isinstance(group, dict):
            assert group["status"] == "found" and np.all(np.diff(group["n_weights"]) > 0)
            assert group["n_below"] < planted_n_star(group["n_train"]) <= group["n_star"]
            (at,) = np.flatnonzero(group["n_weights"] == group["n_star"])
            assert group["n_weights"][at - 1] == group["n_below"]


@pytest.mark.parametrize(
    ("n_fitted", "expected"),
    [
        ([0, 0, 3, 3], ("found", 2)),
        ([0, 1, 2, 3], ("found", 2)),
        ([3, 0, 3, 3], ("found", 2)),  # a lucky small network does not count
        ([0, 3, 1, 3], ("found", 3)),  # nor does one below a failure
        ([3, 3, 3, 0], ("never_fitted", 4)),
        ([0, 0, 0, 0], ("never_fitted", 4)),
        ([3, 2, 3, 3], ("always_fitted", 0)),
    ],
)
def test_transition_is_where_all_larger_widths_have_a_majority(n_fitted, expected):
    assert transition(np.array(n_fitted), np.full(4, 3)) == expected


def test_half_of_the_replicas_is_no_majority():
    assert transition(np.array([0, 1, 2]), np.full(3, 2)) == ("found", 2)


def test_networks_fit_by_their_loss_and_the_papers_rule_stands_beside():
    """All three have N_Δ > 0.1 N; the patterns of two are on the margin but for rounding."""
    delta = np.where(np.arange(100) < 60, 1e-9, -0.3)
    on_margin, off = (replica([0, 10], [0.5, 0.2], 60) | ended(d, 1.0) for d in (delta, 1e8 * delta))
    for one in (on_margin, off):
        one["record"]["test_error"] = np.array([0.5, 0.3, 0.2])
    group = errors([point(on_margin, off, on_margin, width=4)])["P00100"]
    assert group["n_fitted"].tolist() == [2] and group["fraction_fitted"][0] == pytest.approx(2 / 3)
    assert group["n_fitted_by_count"].tolist() == [0]


@pytest.mark.parametrize(("n_delta", "status"), [(0, "always_fitted"), (90, "never_fitted")])
def test_a_transition_outside_the_widths_is_none(n_delta, status):
    results = [point(replica([0, 10], [0.5, 0.2], n_delta), width=width) for width in (1, 2, 4)]
    group = errors(results)["P00100"]
    assert group["status"] == status and np.isnan([group["n_star"], group["n_below"]]).all()
    assert np.isnan(group["final_error"]).all() and np.isnan(group["minimum_error"]).all()


def test_a_stopped_replica_keeps_its_last_error_in_the_mean():
    early = replica([0, 1, 3, 6], [0.5, 0.4, 0.3, 0.2], 0)
    late = replica([0, 1, 3, 10, 30], [0.5, 0.2, 0.1, 0.4, 0.6], 50)
    table = curve(point(early, late))
    assert table["step"].tolist() == [1, 3, 10, 30] and not table["stopped"]
    np.testing.assert_allclose(table["test_error"], [0.3, 0.2, 0.3, 0.4])
    np.testing.assert_allclose(table["standard_error"], [0.1, 0.1, 0.1, 0.2])
    both = curve(point(early, replica([0, 1, 3, 4], [0.5, 0.2, 0.1, 0.1], 0)))
    assert both["stopped"] and both["step"][-1] == 6
    assert both["test_error"][-1] == pytest.approx((0.2 + 0.1) / 2)


def test_between_recorded_steps_the_error_is_linear_in_the_logarithm():
    table = curve(point(replica([0, 1, 3, 7], [0.5, 0.4, 0.4, 0.4], 9), replica([0, 1, 7], [0.5, 0.6, 0.2], 9)))
    assert table["test_error"][1] == pytest.approx((0.4 + 0.4) / 2)  # 3 is halfway between 1 and 7 in ln(1 + t)


def test_a_network_that_had_nothing_to_learn_has_one_point():
    table = curve(point(replica([0], [0.25], 0)))
    assert table["step"].tolist() == [1] and table["test_error"].tolist() == [0.25] and table["stopped"]


def test_four_networks_stand_below_at_and_above_the_transition(sweeps):
    runs = sweeps["generalization_L5"]
    table = errors(runs)
    shown = evolution(runs, table)
    assert shown["n_train"] == 5000 and shown["n_curves"] == 4 and shown["depth"] == 5
    curves = [shown[f"curve_{number}"] for number in (1, 2, 3, 4)]
    ratios = [one["ratio"] for one in curves]
    every = table["P05000"]["n_weights"] / table["P05000"]["n_star"]
    assert ratios[0] == min(every, key=lambda ratio: abs(math.log(8 * ratio)))
    assert ratios[1] == every[every < 1].max() and ratios[2] == 1 and ratios[3] == every.max()
    assert [one["stopped"] for one in curves] == [False, False, True, True]
    for one in curves:
        (result,) = (r for r in runs if r.spec["n_train"] == 5000 and r.spec["network"]["width"] == one["width"])
        np.testing.assert_array_equal(one["test_error"], curve(result)["test_error"])


def test_networks_are_shown_at_the_largest_load_with_a_transition():
    runs = synthetic_generalization.make_sweeps((500, 1000, 90000))["generalization_L5"]
    table = errors(runs)
    assert table["P90000"]["status"] == "never_fitted"
    assert evolution(runs, table)["n_train"] == 1000


def test_without_a_transition_four_widths_are_spread_evenly():
    runs = synthetic_generalization.make_sweeps((60000, 90000), (1, 2, 3, 4, 5, 6, 7))["generalization_L2"]
    shown = evolution(runs, errors(runs))
    assert shown["n_train"] == 90000 and np.isnan(shown["n_star"])
    assert [shown[f"curve_{number}"]["width"] for number in (1, 2, 3, 4)] == [1, 3, 5, 7]
    assert all(np.isnan(shown[f"curve_{number}"]["ratio"]) for number in (1, 2, 3, 4))
    few = synthetic_generalization.make_sweeps((90000,), (1, 2))["generalization_L2"]
    assert evolution(few, errors(few))["n_curves"] == 2


@pytest.mark.parametrize("name", NAMES)
def test_tables_go_through_a_file_unchanged(sweeps, tmp_path, name):
    table = tables.tabulate(name, {"runs": sweeps}, ANALYSIS)
    store.write(tmp_path / "table.h5", "table", {}, table, {})
    read = store.read(tmp_path / "table.h5", "table").tree

    def compare(one, other):
        assert set(one) == set(other)
        for key, value in one.items():
            if isinstance(value, dict):
                compare(value, other[key])
            else:
                np.testing.assert_array_equal(value, other[key])

    compare(table, read)


@pytest.mark.parametrize("name", NAMES)
def test_results_may_be_without_states(sweeps, name):
    assert all("state" not in one for result in sweeps["generalization_L5"] for one in result.tree.values())
    assert set(tables.needs(name)) == {"runs"} and set(tables.needs(name)["runs"]) <= set(sweeps)


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ([point()], "P = 100, width 4 has no replica"),
        ([point(replica([0, 5], [0.5, np.nan], 3))], "P = 100, width 4 has no test error"),
        ([point(replica([0], [0.5], 3)), point(replica([0], [0.5], 3))], "more than one point at P = 100, width 4"),
        ([point(replica([0], [0.5], 3)), point(replica([0], [0.5], 3), depth=2, width=5)], "differ in depth"),
    ],
)
def test_results_that_make_no_table_are_refused_by_name(results, words):
    with pytest.raises(AnalysisError, match=words) as refusal:
        errors(results)
    assert "generalization_L5" in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_replica_without_steps_is_refused():
    result = point(replica([0, 5], [0.5, 0.4], 3))
    record = result.tree["replica_00"]["record"]
    record.update({name: values[:0] for name, values in record.items()})
    with pytest.raises(AnalysisError, match="without any recorded step"):
        errors([result])


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_sweep_is_refused_by_name(sweeps, name):
    sweep = tables.needs(name)["runs"][0]
    with pytest.raises(AnalysisError, match=sweep):
        tables.tabulate(name, {"runs": {**sweeps, sweep: []}}, ANALYSIS)
