"""Figures of the test error: curves equal their columns, transitions are marked, missing data is named or refused."""

import copy
import io

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import same_color
from matplotlib.legend import Legend

from helpers import synthetic_generalization
from jamming import figures, tables
from jamming.analysis import Analysis
from jamming.figures import FigureError

ANALYSIS = Analysis(max_loss=1e-3, n_bootstrap=5, seed=1, drawn_network={})
NAMES = ("generalization/fig4", "generalization/figB2")
LOADS = ("P01000", "P02000", "P05000")


def make_tables(*arguments):
    results = {"runs": synthetic_generalization.make_sweeps(*arguments)}
    return {name: tables.tabulate(name, results, ANALYSIS) for name in NAMES}


@pytest.fixture(scope="module")
def all_tables():
    return make_tables()


def panel(figure, label):
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == label)


def said(axes):
    return [text.get_text() for text in axes.texts]


def in_legends(axes):
    return [text.get_text() for legend in axes.findobj(Legend) for text in legend.get_texts()]


def curves(axes):
    """The solid lines with markers and the dashed lines, as drawn."""
    lines = [line for line in axes.lines if len(line.get_xdata()) > 2]
    return [line for line in lines if line.get_marker() in tuple("os^")], [line for line in lines if line.is_dashed()]


def dotted(axes):
    return {line.get_xdata()[0]: line for line in axes.lines if len(line.get_xdata()) == 2}


@pytest.mark.parametrize(
    ("name", "label", "path"),
    [(NAMES[0], "B", "errors"), (NAMES[1], "A", "L2"), (NAMES[1], "B", "L5")],
)
def test_final_and_minimum_errors_are_drawn_against_n(all_tables, name, label, path):
    table = all_tables[name][path]
    axes = panel(figures.draw(name, all_tables[name]), label)
    solid, dashed = curves(axes)
    for load, final, minimum in zip(LOADS, solid, dashed, strict=True):
        np.testing.assert_array_equal(final.get_data(), [table[load]["n_weights"], table[load]["final"]])
        np.testing.assert_array_equal(minimum.get_data(), [table[load]["n_weights"], table[load]["minimum"]])
        assert same_color(final.get_color(), minimum.get_color())
        assert same_color(dotted(axes)[table[load]["n_star"]].get_color(), final.get_color())
    assert [line.get_marker() for line in solid] == ["o", "s", "^"]  # told apart without colour
    assert axes.get_xscale() == "log" and len({str(line.get_color()) for line in solid}) == 3
    assert {"end of training", "minimum over time", "$N^*(P)$", "$P=5000$"} <= set(in_legends(axes))
    assert axes.get_title() == f"$L={table['depth']}$"


def test_bars_are_one_standard_error_and_the_shade_lies_between_the_curves(all_tables):
    table = all_tables[NAMES[0]]["errors"]["P01000"]
    axes = panel(figures.draw(NAMES[0], all_tables[NAMES[0]]), "B")
    bars = [collection for collection in axes.collections if isinstance(collection, LineCollection)]
    for bar, name in zip(bars[:2], ("final", "minimum"), strict=True):
        columns = zip(bar.get_segments(), table["n_weights"], table[name], table[f"{name}_error"], strict=True)
        for segment, n_weights, mean, error in columns:
            np.testing.assert_allclose(segment, [(n_weights, mean - error), (n_weights, mean + error)])
    shade = next(collection for collection in axes.collections if isinstance(collection, PolyCollection))
    corners = shade.get_paths()[0].vertices
    for n_weights, final, minimum in zip(table["n_weights"], table["final"], table["minimum"], strict=True):
        heights = corners[corners[:, 0] == n_weights, 1]
        assert (heights.min(), heights.max()) == pytest.approx((minimum, final))


def test_networks_that_learned_nothing_do_not_flatten_the_cusp(all_tables):
    """They leave the panel, whose height is set by the networks that learned something."""
    table = copy.deepcopy(all_tables[NAMES[0]])
    group = table["errors"]["P01000"]
    group["final"][0], group["minimum"][0] = 0.5, 0.49
    axes = panel(figures.draw(NAMES[0], table), "B")
    low, high = axes.get_ylim()
    loads = [table["errors"][load] for load in LOADS]
    learned = [load["final"][load["minimum"] <= 0.25] for load in loads]
    assert low < min(load["minimum"].min() for load in loads) and high < 1.2 * np.concatenate(learned).max() < 0.5
    for load in loads:
        load["final"][:], load["minimum"][:] = 0.5, 0.49
    assert panel(figures.draw(NAMES[0], table), "B").get_ylim()[1] > 0.5


def test_rescaled_curves_have_their_transition_at_one(all_tables):
    table = all_tables[NAMES[0]]["errors"]
    axes = panel(figures.draw(NAMES[0], all_tables[NAMES[0]]), "C")
    solid, dashed = curves(axes)
    for load, final, minimum in zip(LOADS, solid, dashed, strict=True):
        group = table[load]
        for line, name in ((final, "final"), (minimum, "minimum")):
            np.testing.assert_allclose(line.get_data(), [group["n_weights"] / group["n_star"], group[name]])
    assert list(dotted(axes)) == [1]
    left = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert left.x0 == pytest.approx(min(table[load]["n_below"] / table[load]["n_star"] for load in LOADS))
    assert left.x1 == pytest.approx(1)


def test_a_load_without_transition_is_left_out_and_named():
    table = make_tables((1000, 2000, 90000))[NAMES[0]]
    figure = figures.draw(NAMES[0], table)
    assert len(curves(panel(figure, "B"))[0]) == 3 and len(curves(panel(figure, "C"))[0]) == 2
    assert "$P=90000$" in in_legends(panel(figure, "B")) and "$P=90000$" not in in_legends(panel(figure, "C"))
    assert any("no transition found" in text and "90000" in text for text in said(panel(figure, "C")))
    before = figures.draw(NAMES[0], make_tables((1000, 2000, 5000))[NAMES[0]])
    assert not said(panel(before, "C")) and not said(panel(before, "B"))
    # Colours stay those of panel B although a curve is missing.
    for b, c in zip(curves(panel(figure, "B"))[0][:2], curves(panel(figure, "C"))[0], strict=True):
        assert same_color(b.get_color(), c.get_color())


@pytest.mark.parametrize("arguments", [((60000, 90000), (2, 4, 6, 10), 2, 300), ((2, 3), (4, 6), 1, 300)])
def test_no_transition_at_all_is_said(arguments):
    every = make_tables(*arguments)
    figure = figures.draw(NAMES[0], every[NAMES[0]])
    for label in "BC":
        assert any("no transition found" in text for text in said(panel(figure, label)))
    assert all("N^*" not in text for label in "AB" for text in in_legends(panel(figure, label)))
    assert any(text.startswith("$N=") for text in in_legends(panel(figure, "A")))
    for name in NAMES:
        figures.draw(name, every[name]).savefig(io.BytesIO(), dpi=30)


@pytest.mark.parametrize(
    "arguments",
    [((100, 200), (2, 4, 6, 10), 2, 300), ((100,), (2, 6, 10, 16), 1, 300), ((100,), (5,), 1, 2), ((2,), (5,), 2, 2)],
)
@pytest.mark.parametrize("name", NAMES)
def test_tiny_sweeps_can_be_drawn(arguments, name):
    figures.draw(name, make_tables(*arguments)[name]).savefig(io.BytesIO(), dpi=30)


def test_evolution_is_drawn_and_stopped_curves_end_in_a_dot(all_tables):
    table = all_tables[NAMES[0]]["evolution"]
    axes = panel(figures.draw(NAMES[0], all_tables[NAMES[0]]), "A")
    lines = [line for line in axes.lines if line.get_marker() == "None"]
    dots = [tuple(np.ravel(line.get_data())) for line in axes.lines if line.get_marker() == "o"]
    expected = [table[f"curve_{number}"] for number in (1, 2, 3, 4)]
    for line, group in zip(lines, expected, strict=True):
        np.testing.assert_array_equal(line.get_data(), [group["step"], group["test_error"]])
        assert line.get_label() == f"$N/N^*={group['ratio']:.2g}$"
    ends = [(group["step"][-1], group["test_error"][-1]) for group in expected if group["stopped"]]
    assert dots == ends and len(ends) == 2
    assert any("stopped" in text for text in in_legends(axes)) and "5000" in axes.get_title()
    table = copy.deepcopy(all_tables[NAMES[0]])
    for group in table["evolution"].values():
        if isinstance(group, dict):
            group["stopped"] = False
    assert not any("stopped" in text for text in in_legends(panel(figures.draw(NAMES[0], table), "A")))


@pytest.mark.parametrize("arguments", [(), ((1000, 2000, 90000),), ((100, 200), (2, 4, 6, 10), 2, 300)])
@pytest.mark.parametrize("name", NAMES)
def test_curves_lie_inside_their_panel_and_below_the_legends(arguments, name):
    figure = figures.draw(name, make_tables(*arguments)[name])
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.get_layout_engine().execute(figure)
    for axes in figure.axes:
        frame = axes.get_window_extent(renderer)
        boxes = [legend.get_window_extent(renderer) for legend in axes.findobj(Legend)]
        boxes += [text.get_window_extent(renderer) for text in axes.texts]
        assert all(box.y0 > frame.y1 for box in boxes[: len(axes.findobj(Legend))])
        assert not any(one.overlaps(other) for one in boxes for other in boxes if one is not other)
        for line in axes.lines:
            points = line.get_transform().transform(line.get_xydata())
            for x, y in points[line.get_xdata() >= 1] if axes.get_xlabel() == "step" else points:
                assert frame.x0 - 1 <= x <= frame.x1 + 1 and frame.y0 - 1 <= y <= frame.y1 + 1
                assert not any(box.contains(x, y) for box in boxes), (name, axes.get_title(loc="left"))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (NAMES[0], "evolution/curve_2/step"),
        (NAMES[0], "evolution/curve_4/test_error"),
        (NAMES[0], "errors/P02000/final"),
        (NAMES[0], "errors/P01000/minimum_error"),
        (NAMES[1], "L2/P05000/n_weights"),
        (NAMES[1], "L5/P01000/minimum"),
    ],
)
@pytest.mark.parametrize("damage", ["missing", "empty", "short", "scalar"])
def test_damaged_columns_are_refused_by_name(all_tables, name, path, damage):
    table = copy.deepcopy(all_tables[name])
    *groups, column = path.split("/")
    place = table
    for group in groups:
        place = place[group]
    if damage == "missing":
        del place[column]
    else:
        place[column] = {"empty": place[column][:0], "short": place[column][:-1], "scalar": 1.0}[damage]
    with pytest.raises(FigureError) as refusal:
        figures.draw(name, table)
    message = str(refusal.value)
    assert f"'{name}'" in message and "/".join(groups) in message and message.endswith("again.")
    assert damage == "short" or f"'{path}'" in message


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("errors/P01000/final", np.nan),
        ("errors/P01000/minimum", 1.5),
        ("errors/P02000/n_weights", 0),
        ("errors/P02000/n_star", -1.0),
        ("errors/P02000/n_below", 1e9),
        ("evolution/curve_1/step", 0),
        ("evolution/curve_1/test_error", np.nan),
    ],
)
def test_impossible_values_are_refused_by_name(all_tables, path, value):
    table = copy.deepcopy(all_tables[NAMES[0]])
    *groups, column = path.split("/")
    place = table
    for group in groups:
        place = place[group]
    if np.ndim(place[column]):
        place[column][1] = value
    else:
        place[column] = value
    with pytest.raises(FigureError, match=f"'{NAMES[0]}': '{path}' holds"):
        figures.draw(NAMES[0], table)


@pytest.mark.parametrize(
    ("name", "path"),
    [(NAMES[0], "evolution"), (NAMES[0], "errors"), (NAMES[1], "L2"), (NAMES[1], "L5")],
)
def test_missing_and_empty_groups_are_refused_by_name(all_tables, name, path):
    for change in ("missing", "empty"):
        table = dict(all_tables[name])
        if change == "missing":
            del table[path]
        else:
            table[path] = {}
        with pytest.raises(FigureError, match=f"'{name}': the table has no group .*'{path}'"):
            figures.draw(name, table)
