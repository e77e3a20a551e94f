"""Tables of the transition lines: means, ranges and bounds against hand counts; times; the theory line; refusals."""

import copy
import json
import math

import numpy as np
import pytest

from helpers import synthetic, synthetic_lines
from helpers.synthetic_lines import CROSS_ENTROPY, HINGE, STEPS, replica_tree
from jamming import tables
from jamming.analysis import Analysis, AnalysisError
from jamming.analysis import n_star as line_tables
from jamming.criteria import End
from jamming.spec import LinePoint
from jamming.storage import store
from jamming.storage.store import Result
from jamming.training.widths import NEVER, Attempt

ANALYSIS = Analysis(max_loss=synthetic.MAX_LOSS, n_bootstrap=50, seed=1, drawn_network={})
NAMES = ["fig1", "fig5", "fig10", "generalization/fig3", "generalization/figB1"]


@pytest.fixture(scope="module")
def results():
    return synthetic.make_results()


def attempt(n_weights, fitted_at):
    return Attempt(n_weights, n_weights, 0, 0.0 if fitted_at != NEVER else 1e-3, 0.0, STEPS, fitted_at)


def result(replicas, n_train=100, protocol=HINGE, shortest=0, dim=0, depth=3):
    """A result from {N: fitted_at} for each replica."""
    point = LinePoint(
        "line_x", "random", depth, "relu", dim, protocol, n_train, len(replicas), "float64", 0, 1, 8, shortest
    )
    tree = {
        f"replica_{number:02d}": replica_tree([attempt(*one) for one in sorted(replica.items(), reverse=True)])
        for number, replica in enumerate(replicas)
    }
    return Result("line", json.loads(point.to_json()), {}, tree)


def row(replicas, time=np.inf):
    table = line_tables.line([result(replicas)], time)
    return {name: value[0] if np.ndim(value) else value for name, value in table.items()}


FOUND_40, FOUND_90 = {60: 5, 40: 9, 30: NEVER}, {100: 5, 90: 9, 60: NEVER}
NEVER_100, ALWAYS_10 = {100: NEVER, 80: NEVER}, {20: 4, 10: 8}


def test_replicas_that_found_one_are_averaged_in_the_logarithm():
    values = row([FOUND_40, FOUND_90])
    error = (math.log(90) - math.log(40)) / math.sqrt(2) / math.sqrt(2)
    spacing = (math.log(40 / 30) + math.log(90 / 60)) / 2
    assert (values["status"], values["n_found"], values["n_replicas"]) == ("found", 2, 2)
    assert values["n_star"] == pytest.approx(math.sqrt(40 * 90))
    assert values["n_high"] == pytest.approx(60 * math.exp(error))
    assert values["n_low"] == pytest.approx(60 * math.exp(-math.sqrt(error**2 + spacing**2)))


def test_one_replica_is_as_uncertain_as_its_ladder():
    values = row([FOUND_40])
    assert [values[name] for name in ("n_low", "n_star", "n_high")] == pytest.approx([30, 40, 40])


def test_searches_without_a_transition_give_bounds():
    never = row([NEVER_100, {400: NEVER}])
    assert never["status"] == "lower_bound" and never["n_high"] == np.inf and never["n_found"] == 0
    assert never["n_star"] == never["n_low"] == pytest.approx(200)
    always = row([ALWAYS_10, {40: 1}])
    assert always["status"] == "upper_bound" and always["n_low"] == 0 and always["n_found"] == 0
    assert always["n_star"] == always["n_high"] == pytest.approx(20)


def test_a_minority_without_a_transition_stretches_the_range():
    values = row([FOUND_40, FOUND_40, NEVER_100, ALWAYS_10])
    assert (values["status"], values["n_found"], values["n_replicas"]) == ("found", 2, 4)
    assert (values["n_low"], values["n_high"]) == (10, 100)
    assert values["n_star"] == pytest.approx(40)


def test_a_majority_without_a_transition_is_a_bound():
    assert row([FOUND_40, NEVER_100, NEVER_100])["status"] == "lower_bound"
    assert row([FOUND_40, ALWAYS_10, ALWAYS_10])["status"] == "upper_bound"
    assert row([FOUND_40, NEVER_100, NEVER_100])["n_found"] == 1


def test_rows_follow_p_and_name_the_line():
    table = line_tables.line([result([FOUND_90], 200), result([FOUND_40], 100)])
    assert list(table["n_train"]) == [100, 200] and list(table["n_star"]) == pytest.approx([40, 90])
    assert (table["depth"], table["dim"], table["loss"]) == (3, 0, "hinge")
    assert line_tables.line([result([FOUND_40], protocol=CROSS_ENTROPY, dim=25)])["loss"] == "cross-entropy"


def test_planted_lines_lie_in_the_range(results):
    table = tables.tabulate("fig5", results, ANALYSIS)["hinge"]
    for group in table.values():
        assert list(group["n_train"]) == list(synthetic_lines.RANDOM_P) and set(group["status"]) == {"found"}
        planted = synthetic_lines.RATIO * group["n_train"]
        assert np.all(planted * 0.85 < group["n_high"]) and np.all(planted * 1.15 > group["n_low"])


def test_attempts_are_judged_by_their_loss_and_by_the_rule_of_the_papers_beside_it():
    """A network whose patterns ended on the margin fits, though N_Δ counts half of them."""
    attempts = [
        Attempt(8, 100, 0, 0.0, 0.0, STEPS, STEPS),
        Attempt(7, 80, 40, 1e-12, 0.0, STEPS, NEVER),
        Attempt(6, 60, 30, 1e-3, 0.0, STEPS, NEVER),
    ]
    point = result([{100: 1}])
    point.tree["replica_00"] = replica_tree(attempts)
    rows = line_tables.line([point])
    assert (list(rows["status"]), list(rows["n_star"])) == (["found"], [pytest.approx(80)])
    assert (list(rows["status_by_count"]), list(rows["n_star_by_count"])) == (["found"], [pytest.approx(100)])
    point.tree["replica_00"] = replica_tree(attempts[:2])
    rows = line_tables.line([point])
    assert (list(rows["status"]), list(rows["n_star"])) == (["upper_bound"], [pytest.approx(80)]), "stopped too early"


def test_cross_entropy_asks_that_all_patterns_are_classified():
    attempts = [Attempt(8, 100, 0, 0.3, 0.0, STEPS, 10), Attempt(7, 80, 3, 1e-9, 3.0, STEPS, NEVER)]
    protocol = {"name": "cross_entropy_sgd", "margin": 0.5}
    assert line_tables.judged(attempts, protocol) == line_tables.judged(attempts, protocol, by_count=True) == attempts


def test_times_are_read_off_one_training():
    slow, quick = {100: 900, 60: 4000, 40: 15000, 30: NEVER}, {100: 2500, 60: 9000, 40: 15000, 30: NEVER}
    points = [result([slow], 100, CROSS_ENTROPY, 1000), result([quick], 200, CROSS_ENTROPY, 1000)]
    table = line_tables.in_time(points)
    assert [table[f"time_{n}"]["time"] for n in range(1, 6)] == [1000, 2000, 4000, 10000, 20000]
    assert [table[f"time_{n}"]["fraction"] for n in range(1, 6)] == [0.05, 0.1, 0.2, 0.5, 1]
    rows = [table[f"time_{n}"]["n_star"] for n in range(1, 6)]
    np.testing.assert_allclose(rows, [[100, 100], [100, 100], [60, 100], [60, 60], [40, 40]])
    assert list(table["time_1"]["status"]) == list(table["time_2"]["status"]) == ["found", "lower_bound"]
    assert list(table["time_5"]["status"]) == ["found", "found"]
    assert (table["n_times"], table["n_steps"]) == (5, STEPS) and "time_6" not in table
    assert table["guide_ratio"] == pytest.approx(40 / 200)


def test_without_a_shortest_time_there_is_the_end_alone():
    table = line_tables.in_time([result([NEVER_100], 100, CROSS_ENTROPY)])
    assert table["n_times"] == 1 and table["time_1"]["time"] == STEPS
    assert np.isnan(table["guide_ratio"])


def test_bound_pools_the_cusps_of_the_runs_near_jamming(results):
    fractions = [
        replica["n_cusp"] / replica["n_weights"]
        for sweep in ("relu_L2", "relu_L5")
        for one in results["preactivations"][sweep]
        for name, replica in one.tree.items()
        if name.startswith("replica_") and End.from_tree(replica).is_near_jamming(synthetic.MAX_LOSS)
    ]
    table = tables.tabulate("generalization/figB1", results, ANALYSIS)["bound"]
    assert table["n_runs"] == len(fractions) > 0
    assert table["cusp_fraction"] == pytest.approx(np.mean(fractions))
    assert table["ratio"] == pytest.approx(1 / (0.5 - np.mean(fractions)))


def test_bound_without_cusps_or_with_too_many(results):
    table = tables.tabulate("fig5", results, Analysis(1e-12, 50, 1, {}))["bound"]
    assert table["n_runs"] == 0 and np.isnan(table["ratio"]) and table["max_loss"] == 1e-12
    changed = copy.deepcopy(results["preactivations"])
    for sweep in ("relu_L2", "relu_L5"):
        for one in changed[sweep]:
            for name, replica in one.tree.items():
                if name.startswith("replica_"):
                    replica["n_cusp"] = replica["n_weights"]
    assert line_tables.bound(changed, ANALYSIS)["ratio"] == np.inf


def test_panels_of_both_papers_agree(results):
    ours, theirs = (tables.tabulate(name, results, ANALYSIS) for name in ("fig5", "generalization/fig3"))
    for part in ("cross_entropy", "hinge", "bound"):
        np.testing.assert_equal(theirs["A"][part], ours[part])
    np.testing.assert_equal(theirs["C"], tables.tabulate("fig10", results, ANALYSIS))
    np.testing.assert_equal(
        tables.tabulate("generalization/figB1", results, ANALYSIS), {k: ours[k] for k in ("in_time", "bound")}
    )
    reference = tables.tabulate("fig1", results, ANALYSIS)["line"]
    np.testing.assert_equal(reference, ours["hinge"]["L3"])
    np.testing.assert_equal(reference, theirs["C"]["random"])


@pytest.mark.parametrize("name", NAMES)
def test_tables_can_be_stored_and_read_back(results, tmp_path, name):
    tree = tables.tabulate(name, results, ANALYSIS)
    store.write(tmp_path / "table.h5", "table", {}, tree, {})
    np.testing.assert_equal(store.read(tmp_path / "table.h5", "table").tree, tree)


def test_points_that_differ_are_refused_by_name():
    first, longer = result([FOUND_40]), result([FOUND_90], 200)
    longer.spec["protocol"] = {**longer.spec["protocol"], "steps": 7}
    with pytest.raises(AnalysisError, match=r"line 'line_x' differ in steps \(\[7, 20000\]\)"):
        line_tables.in_time([first, longer])
    for key, other in (("depth", result([FOUND_90], depth=5)), ("dim", result([FOUND_90], dim=25))):
        with pytest.raises(AnalysisError, match=f"differ in {key}"):
            line_tables.line([first, other])


def test_empty_results_are_refused_by_name():
    with pytest.raises(AnalysisError, match="line 'line_x' has no replica at P = 100"):
        line_tables.line([result([])])
    empty = result([FOUND_40])
    columns = empty.tree["replica_00"]["attempts"]
    empty.tree["replica_00"]["attempts"] = {name: column[:0] for name, column in columns.items()}
    with pytest.raises(AnalysisError, match="replica of line 'line_x', P = 100, has no attempts"):
        line_tables.line([empty])
    with pytest.raises(AnalysisError, match="'fig1' needs lines of sweep 'line_hinge_L3'"):
        tables.tabulate("fig1", {"lines": {"line_hinge_L3": []}}, ANALYSIS)
