"""Fig. 11 and A1: the table against slow counts, the drawing against the table, and refused input."""

import copy
import io

import numpy as np
import pytest

from helpers import synthetic
from jamming import figures
from jamming.analysis import AnalysisError
from jamming.figures import FigureError
from jamming.tables import fig11

NAMES = ("fig11",)


@pytest.fixture(scope="module")
def table():
    return fig11.tabulate(synthetic.effective_results(), None)


def test_table_has_a_row_per_network(table):
    assert (table["dim"], table["depth"], table["n_networks"]) == (10, 3, 12)
    for state in ("initial", "final"):
        group = table[state]
        rows = sorted(zip(group["n_params"], group["n_train"], group["n_eff"], strict=True))
        expected = []
        for width in (4, 8, 12):
            n_params = 10 * width + 2 * width**2 + width + 3 * width + 1
            for n_train in (100, 300):
                for replica in (0, 1):
                    twice = 2 if (state, replica) == ("initial", 0) else 1
                    expected.append((n_params, n_train, n_params - twice * 3 * width))
        assert rows == sorted(expected)
        np.testing.assert_array_equal(group["n_vectors"], 11 * group["n_train"])


def test_networks_of_different_depth_are_refused():
    results = synthetic.effective_results(widths=(4,))["effective"][fig11.SWEEP]
    mixed = results + synthetic.effective_results(widths=(4,), depth=2)["effective"][fig11.SWEEP]
    with pytest.raises(AnalysisError, match=r"differ in depth \(\[2, 3\]\)"):
        fig11.tabulate({"effective": {fig11.SWEEP: mixed}}, None)


@pytest.mark.parametrize("name", NAMES)
def test_every_network_is_drawn_twice_in_panel_and_inset(table, name):
    figure = figures.draw(name, table)
    (axes,) = figure.axes
    (inset,) = axes.child_axes
    for place, expected in (
        (axes, {state: table[state]["n_eff"] for state in ("initial", "final")}),
        (inset, {"initial": np.tile([2.0, 1.0], 6), "final": np.ones(12)}),
    ):
        for state, style in (("initial", "none"), ("final", "full")):
            marked = [line for line in place.lines if line.get_marker() == "o" and line.get_fillstyle() == style]
            drawn = np.concatenate([line.get_ydata() for line in marked])
            np.testing.assert_allclose(sorted(drawn), sorted(expected[state]))


def test_lines_are_all_parameters_and_those_without_the_hidden_neurons(table):
    (axes,) = figures.draw("fig11", table).axes
    dashed, solid = (line for line in axes.lines if line.get_marker() == "None")
    np.testing.assert_array_equal(*dashed.get_data())
    widths = (solid.get_xdata() - solid.get_ydata()) / 3
    np.testing.assert_array_equal(np.unique(widths), [4, 8, 12])
    words = [text.get_text() for legend in axes.findobj(type(axes.get_legend())) for text in legend.get_texts()]
    assert r"$N_{\mathrm{eff}}=\tilde N$" in words and "$P=100$" in words and "$P=300$" in words


def test_one_network_is_enough_and_many_loads_are_named_sparsely():
    for results in (
        synthetic.effective_results((4,), (50,), 1),
        synthetic.effective_results((4, 8), tuple(range(100, 1000, 100)), 1),
    ):
        figure = figures.draw("fig11", fig11.tabulate(results, None))
        figure.savefig(io.BytesIO(), dpi=30)
        named = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
        assert 1 <= len(named) <= 5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("column", ["n_params", "n_eff", "n_hidden", "n_train"])
@pytest.mark.parametrize("damage", ["missing", "empty", "short"])
def test_damaged_columns_are_refused_by_name(table, name, column, damage):
    damaged = copy.deepcopy(table)
    if damage == "missing":
        del damaged["final"][column]
    else:
        damaged["final"][column] = damaged["final"][column][: 0 if damage == "empty" else -1]
    with pytest.raises(FigureError, match=f"'{name}'.*'final/") as refusal:
        figures.draw(name, damaged)
    assert damage == "short" or f"final/{column}" in str(refusal.value)


def test_empty_tables_and_impossible_numbers_are_refused(table):
    with pytest.raises(FigureError, match="'fig11': the table has no group 'initial'"):
        figures.draw("fig11", {})
    for column, value in (("n_eff", 10**6), ("n_hidden", 0)):
        damaged = copy.deepcopy(table)
        damaged["initial"][column][0] = value
        with pytest.raises(FigureError, match="'fig11': group 'initial'"):
            figures.draw("fig11", damaged)
