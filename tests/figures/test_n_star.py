"""Figures of the transition lines: points, arrows, theory lines; refused tables, with the name of the fault."""

import copy
import io

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation

from helpers import synthetic, synthetic_lines
from jamming import figures, tables
from jamming.analysis import Analysis
from jamming.figures import FigureError
from jamming.figures.panels.style import DEPTH_COLOURS

ANALYSIS = Analysis(max_loss=synthetic.MAX_LOSS, n_bootstrap=50, seed=1, drawn_network={})
NAMES = ["fig1", "fig5", "fig10", "generalization/fig3", "generalization/figB1"]
PATHS = {
    "fig1": "line",
    "fig5": "hinge/L3",
    "fig10": "random",
    "generalization/fig3": "A/cross_entropy/L5_d50",
    "generalization/figB1": "in_time/time_2",
}


def make_tables(results, analysis=ANALYSIS):
    return {name: tables.tabulate(name, results, analysis) for name in NAMES}


@pytest.fixture(scope="module")
def all_tables():
    return make_tables(synthetic.make_results())


def group_at(table, path):
    for part in path.split("/"):
        table = table[part]
    return table


def panel(figure, label):
    return next(axes for axes in figure.axes if axes.get_title(loc="left").strip("()") == label)


def labelled(axes, label):
    (line,) = (line for line in axes.lines if line.get_label() == label)
    return line


def arrows(axes):
    return [text for text in axes.texts if isinstance(text, Annotation) and not text.get_text()]


def with_status(table, path, status, rows=slice(None)):
    """The table with some rows of a line changed to bounds."""
    changed = copy.deepcopy(table)
    group = group_at(changed, path)
    group["status"] = group["status"].astype("U12")
    group["status"][rows] = status
    group["n_found"][rows] = 0
    if status == "lower_bound":
        group["n_low"][rows], group["n_high"][rows] = group["n_star"][rows], np.inf
    else:
        group["n_low"][rows], group["n_high"][rows] = 0, group["n_star"][rows]
    return changed


def words(axes):
    return [text.get_text() for legend in axes.findobj(type(axes.get_legend())) for text in legend.get_texts()]


def test_points_are_those_of_the_table(all_tables):
    axes = panel(figures.draw("fig5", all_tables["fig5"]), "c")
    for depth in (2, 3, 5):
        line, group = labelled(axes, f"$L={depth}$, $d=h$"), all_tables["fig5"]["hinge"][f"L{depth}"]
        np.testing.assert_array_equal(line.get_data(), [group["n_train"], group["n_star"]])
        assert line.get_color() == DEPTH_COLOURS[f"L{depth}"]
    bars = [bar for part in axes.collections for bar in part.get_segments()]
    expected = all_tables["fig5"]["hinge"]["L5"]
    found = {(bar[0][0], bar[0][1], bar[1][1]) for bar in bars}
    assert set(zip(expected["n_train"], expected["n_low"], expected["n_high"], strict=True)) <= found


@pytest.mark.parametrize(("status", "sign"), [("lower_bound", 1), ("upper_bound", -1)])
def test_bounds_are_arrows_and_no_points(all_tables, status, sign):
    table = with_status(all_tables["fig5"], "hinge/L3", status, slice(1, 3))
    axes = panel(figures.draw("fig5", table), "c")
    group = table["hinge"]["L3"]
    kept = [0, 3, 4, 5]
    np.testing.assert_array_equal(
        labelled(axes, "$L=3$, $d=h$").get_data(), [group["n_train"][kept], group["n_star"][kept]]
    )
    drawn = arrows(axes)
    assert [arrow.xy for arrow in drawn] == list(zip(group["n_train"][1:3], group["n_star"][1:3], strict=True))
    assert all(np.sign(arrow.xyann[1]) == sign for arrow in drawn)
    assert not arrows(panel(figures.draw("fig5", all_tables["fig5"]), "c"))


@pytest.mark.parametrize("name", ["fig1", "fig5", "fig10", "generalization/figB1"])
@pytest.mark.parametrize("status", ["lower_bound", "upper_bound"])
def test_a_line_of_bounds_alone_can_be_drawn(all_tables, name, status):
    figure = figures.draw(name, with_status(all_tables[name], PATHS[name], status))
    figure.savefig(io.BytesIO(), dpi=30)
    if name == "fig1":
        assert any("no transition found" in text.get_text() for text in figure.axes[0].texts)


def test_short_times_diverge_and_long_ones_do_not(all_tables):
    table = all_tables["generalization/figB1"]
    first = table["in_time"]["time_1"]
    n_found = int((first["status"] == "found").sum())
    assert list(first["status"]) == ["found"] * n_found + ["lower_bound"] * 2  # what was planted
    (axes,) = figures.draw("generalization/figB1", table).axes
    colour = labelled(axes, "$t/20$").get_color()
    (curve,) = (line for line in axes.lines if len(line.get_xdata()) == 60)
    x, y = curve.get_data()
    assert curve.get_color() == colour and curve.get_linestyle() == "--"
    assert (x[0], y[0]) == pytest.approx((first["n_train"][n_found - 1], first["n_star"][n_found - 1]))
    assert x[-1] == pytest.approx(first["n_train"][n_found]) and y[-1] > 0.5 * axes.get_ylim()[1] ** 0.9
    assert np.all(np.diff(x) > -1e-9) and np.all(np.diff(y) > 0) and y[-1] < axes.get_ylim()[1]
    # The curve is the arrow of the first bound; the one after it has its own.
    assert [arrow.xy for arrow in arrows(axes)] == [(first["n_train"][-1], first["n_star"][-1])]
    start, end = (np.diff(np.log(y))[i] / np.diff(np.log(x))[i] for i in (0, -1))
    assert start == pytest.approx(1, abs=0.2) and end > 10


def test_a_line_that_finds_a_transition_again_does_not_diverge(all_tables):
    table = with_status(all_tables["generalization/figB1"], "in_time/time_5", "lower_bound", slice(2, 3))
    count = {}
    for name, one in (("before", all_tables["generalization/figB1"]), ("after", table)):
        (axes,) = figures.draw("generalization/figB1", one).axes
        count[name] = sum(len(line.get_xdata()) == 60 for line in axes.lines)
    assert count["before"] == count["after"] == 1


def test_theory_lines_have_their_ratios(all_tables):
    table = all_tables["fig5"]
    figure = figures.draw("fig5", table)
    expected = 1 / (0.5 - table["bound"]["cusp_fraction"])
    for label in "abc":
        (line,) = (line for line in panel(figure, label).lines if "N_c/N" in line.get_label())
        x, y = line.get_data()
        np.testing.assert_allclose(y / x, expected)
    x, y = labelled(panel(figure, "a"), "slope 1").get_data()
    longest = table["in_time"]["time_5"]
    np.testing.assert_allclose(y / x, longest["n_star"][-1] / longest["n_train"][-1])
    (axes,) = figures.draw("fig10", all_tables["fig10"]).axes
    x, y = labelled(axes, r"$N^*=4\,P$").get_data()
    np.testing.assert_allclose(y, 4 * x)


def test_missing_theory_is_said():
    analysis = Analysis(1e-12, 20, 1, {})
    table = tables.tabulate("fig5", synthetic.make_results(width=4, n_points=3, replicas=1), analysis)
    figure = figures.draw("fig5", table)
    for label in "abc":
        assert any("not measured" in text and "10^{-12}" in text for text in words(panel(figure, label)))
    table["bound"].update(n_runs=3, cusp_fraction=0.6, cusp_fraction_deviation=0.0, ratio=np.inf)
    assert any("no bound" in text for text in words(panel(figures.draw("fig5", table), "c")))


def test_every_point_lies_inside_its_panel_and_off_the_legends(all_tables):
    for name, label in (("fig5", "a"), ("fig5", "b"), ("fig5", "c"), ("generalization/fig3", "A")):
        figure = figures.draw(name, all_tables[name])
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.get_layout_engine().execute(figure)
        axes = panel(figure, label)
        boxes = [legend.get_window_extent(renderer) for legend in axes.findobj(type(axes.get_legend()))]
        assert len(boxes) == 2
        frame = axes.get_window_extent(renderer)
        for line in axes.lines:
            if line.get_marker() in ("None", "", None):
                continue
            for x, y in axes.transData.transform(line.get_xydata()):
                assert frame.contains(x, y), (name, label, line.get_label())
                assert not any(box.contains(x, y) for box in boxes), (name, label, line.get_label())


def test_both_losses_are_told_apart_in_one_panel(all_tables):
    axes = panel(figures.draw("generalization/fig3", all_tables["generalization/fig3"]), "A")
    hinge, entropy = labelled(axes, "hinge, $L=5$, $d=h$"), labelled(axes, "cross-entropy, $L=5$, $d=25$")
    assert hinge.get_color() == entropy.get_color() == DEPTH_COLOURS["L5"]
    assert (hinge.get_fillstyle(), entropy.get_fillstyle()) == ("full", "none")
    assert labelled(axes, "cross-entropy, $L=5$, $d=50$").is_dashed() and not hinge.is_dashed()


def test_phases_meet_at_the_measured_line(all_tables):
    (axes,) = figures.draw("fig1", all_tables["fig1"]).axes
    group = all_tables["fig1"]["line"]
    boundary = axes.lines[0].get_xydata()
    assert list(map(tuple, boundary[:-1])) == [(0, 0), *zip(group["n_train"], group["n_star"], strict=True)]
    over, under = axes.collections[:2]
    said = {text.get_text().split("\n")[0]: text.get_position() for text in axes.texts if "\n" in text.get_text()}
    for name, here, there in (("over-parametrized", over, under), ("under-parametrized", under, over)):
        place = axes.transData.inverted().transform(axes.transAxes.transform(said[name]))
        assert here.get_paths()[0].contains_point(place) and not there.get_paths()[0].contains_point(place)
    assert "degrees of freedom" in axes.get_ylabel() and "training examples" in axes.get_xlabel()


@pytest.mark.parametrize("name", ["fig1", "fig5", "fig10", "generalization/figB1"])
@pytest.mark.parametrize("loads", [(20,), (20, 40, 80)])
def test_a_few_points_of_one_replica_are_enough(name, loads):
    results = synthetic.make_results(width=4, n_points=3, replicas=1)
    results["lines"] = synthetic_lines.make_lines(loads, 1)
    figures.draw(name, tables.tabulate(name, results, ANALYSIS)).savefig(io.BytesIO(), dpi=30)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("column", ["n_train", "n_star", "n_low", "n_high", "status"])
@pytest.mark.parametrize("damage", ["missing", "empty", "short"])
def test_damaged_columns_are_refused_by_name(all_tables, name, column, damage):
    table = copy.deepcopy(all_tables[name])
    group = group_at(table, PATHS[name])
    if damage == "missing":
        del group[column]
    else:
        group[column] = group[column][: 0 if damage == "empty" else -1]
    with pytest.raises(FigureError, match=f"'{name}'") as refusal:
        figures.draw(name, table)
    assert PATHS[name] in str(refusal.value)
    assert damage == "short" or f"{PATHS[name]}/{column}" in str(refusal.value)


@pytest.mark.parametrize("name", NAMES)
def test_impossible_values_and_empty_tables_are_refused_by_name(all_tables, name):
    with pytest.raises(FigureError, match=f"'{name}'"):
        figures.draw(name, {})
    for column, value in (("n_star", np.nan), ("n_star", np.inf), ("n_low", 1e9), ("n_train", 0)):
        table = copy.deepcopy(all_tables[name])
        group_at(table, PATHS[name])[column][0] = value
        with pytest.raises(FigureError, match=f"'{name}': group '{PATHS[name]}' has no 0 < n_low"):
            figures.draw(name, table)
    table = copy.deepcopy(all_tables[name])
    group = group_at(table, PATHS[name])
    group["status"] = np.array(["perhaps"] * len(group["status"]))
    with pytest.raises(FigureError, match=f"'{name}': column '{PATHS[name]}/status' holds 'perhaps'"):
        figures.draw(name, table)


def test_a_depth_without_a_colour_is_refused(all_tables):
    table = copy.deepcopy(all_tables["fig10"])
    table["mnist"]["L3"]["depth"] = 9
    with pytest.raises(FigureError, match="'fig10': group 'mnist/L3' has a depth without a colour, L9"):
        figures.draw("fig10", table)
