"""Figures: panels, limits and remarks; equal bytes; refused tables, with the name of the fault."""

import copy
import io
import subprocess
import sys
from pathlib import Path

import matplotlib
import matplotlib.figure
import numpy as np
import pytest
from matplotlib.colors import same_color

from helpers import synthetic
from helpers.drawn import ANALYSIS, NETWORK, panel, words
from jamming import figures, inventory, tables
from jamming.analysis import Analysis
from jamming.figures import FigureError
from jamming.figures.panels.style import DEPTH_COLOURS, LossAxis, log_ticks, scientific, tick_label
from jamming.storage.files import StoreError

NAMES = [figure for figure in inventory.figures() if figure not in inventory.SAME_AS]
PANELS = {
    "fig1": "",
    "fig2": "abcdefgh",
    "fig3": "",
    "fig4": "",
    "fig5": "abc",
    "fig6": "abcd",
    "fig7": "abcdefg",
    "fig8": "abcd",
    "fig9": "abcdefgh",
    "fig10": "",
    "fig11": "",
    "fig12": "abcde",
    "generalization/fig3": "ABCD",
    "generalization/fig4": "ABC",
    "generalization/figB1": "",
    "generalization/figB2": "AB",
}


def make_tables(results, analysis=ANALYSIS):
    return {name: tables.tabulate(name, results, analysis) for name in NAMES}


@pytest.fixture(scope="module")
def all_tables():
    return make_tables(synthetic.make_results())


@pytest.mark.parametrize("name", NAMES)
def test_panels_are_labelled_in_order(all_tables, name):
    figure = figures.draw(name, all_tables[name])
    labels = [axes.get_title(loc="left").strip("()") for axes in figure.axes if axes.get_title(loc="left")]
    assert "".join(labels) == PANELS[name]


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_holds_data_and_names_its_axes(all_tables, name):
    figure = figures.draw(name, all_tables[name])
    for label in PANELS[name]:
        axes = panel(figure, label)
        sketch = name == "fig2" and label in "abcd"
        assert axes.has_data() and (axes.get_xlabel() or sketch)
        assert axes.get_ylabel() or sketch or name == "fig12"


@pytest.mark.parametrize("name", ["fig7", "generalization/fig3"])
def test_saved_bytes_repeat_whatever_the_users_settings(all_tables, tmp_path, name):
    metadata = {"title": "A figure", "description": "made up"}
    settings = {"one": {}, "two": {"font.size": 20, "lines.linewidth": 9, "axes.facecolor": "red"}}
    for turn, mine in settings.items():
        paths = [tmp_path / turn / f"figure.{suffix}" for suffix in ("pdf", "svg")]
        with matplotlib.rc_context(mine):
            figures.render(name, copy.deepcopy(all_tables[name]), paths, metadata)
            assert all(matplotlib.rcParams[key] == value for key, value in mine.items())
    for suffix in ("pdf", "svg"):
        first, second = ((tmp_path / turn / f"figure.{suffix}").read_bytes() for turn in ("one", "two"))
        assert first == second and len(first) > 5000
        assert b"Date" not in first and b"dc:date" not in first
        assert b"FlateDecode" not in first, "zlib differs between builds of Python, and so would the bytes"
    assert "made up" in (tmp_path / "one/figure.svg").read_text(encoding="utf-8")


def test_drawing_needs_neither_torch_nor_pyplot():
    code = (
        "import sys, importlib; from jamming import inventory as i\n"
        "for name in i.figures(): importlib.import_module('jamming.figures.' + i.module_of(name))\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'matplotlib.pyplot', 'h5py')))"
    )
    workflow = Path(figures.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=workflow, check=False).returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_few_small_runs_are_enough(name):
    results = synthetic.make_results(width=4, n_points=4, replicas=1)
    figures.draw(name, tables.tabulate(name, results, ANALYSIS)).savefig(io.BytesIO(), dpi=30)


@pytest.mark.parametrize("name", ["fig7", "fig8", "fig9", "fig12"])
def test_no_run_near_jamming_is_said(name):
    table = tables.tabulate(
        name, synthetic.make_results(width=4, n_points=3, replicas=1), Analysis(1e-12, 20, 1, NETWORK)
    )
    figure = figures.draw(name, table)
    said = [text for axes in figure.axes for text in words(axes) if "no jammed run" in text]
    assert said and all("10^{-12}" in text for text in said)


def test_all_runs_solved_and_none_solved():
    results = synthetic.make_results(width=4, n_points=4, replicas=1)
    for chosen in (slice(0, 1), slice(-1, None)):
        runs = {sweep: points[chosen] for sweep, points in results["runs"].items()}
        for name in ("fig6", "generalization/fig3"):
            figures.draw(name, tables.tabulate(name, {**results, "runs": runs}, ANALYSIS)).savefig(io.BytesIO(), dpi=30)


def test_too_few_values_have_no_guide_line(all_tables):
    table = copy.deepcopy(all_tables["fig8"])
    for group in table["tanh"]["positive"].values():
        group.update(exponent=np.nan, exponent_error=np.nan, n_in_range=0)
    figure = figures.draw("fig8", table)
    assert any("too few values" in text for text in words(panel(figure, "c")))
    assert not any(line.get_linestyle() == "--" for line in panel(figure, "c").lines)
    assert any(line.get_linestyle() == "--" for line in panel(figure, "d").lines)


def test_exponents_stand_in_the_legend_with_their_signs(all_tables):
    table = copy.deepcopy(all_tables["fig8"])
    table["relu"]["positive"]["L3"].update(exponent=0.31, exponent_error=0.02)
    table["relu"]["negative"]["L3"].update(exponent=-0.21, exponent_error=0.04)
    table["tanh"]["negative"]["L3"].update(exponent=-0.16, exponent_error=np.nan)
    figure = figures.draw("fig8", table)
    assert r"$L=3$: $\theta$ $= 0.31 \pm 0.02$" in words(panel(figure, "a"))
    assert r"$L=3$: $\gamma$ $= 0.21 \pm 0.04$" in words(panel(figure, "b"))
    assert r"$L=3$: $\gamma$ $= 0.16$ (one run)" in words(panel(figure, "d"))


def test_guide_line_is_the_fitted_law(all_tables):
    figure = figures.draw("fig8", all_tables["fig8"])
    group = all_tables["fig8"]["tanh"]["negative"]["L3"]
    (line,) = (line for line in panel(figure, "d").lines if line.get_linestyle() == "--")
    (low, high), (first, last) = line.get_data()
    slope = np.log(last / first) / np.log(high / low)
    assert (low, high) == (group["range_low"], group["range_high"])
    assert slope == pytest.approx(group["exponent"])
    grid = np.geomspace(low, high, 20001)
    law = first * (grid / low) ** slope
    assert np.sum((law[1:] + law[:-1]) / 2 * np.diff(grid)) == pytest.approx(group["fraction_in_range"], rel=1e-4)


def test_rectangle_holds_the_runs_near_jamming_and_no_other(all_tables):
    (box,) = panel(figures.draw("fig6", all_tables["fig6"]), "b").patches[-1:]
    low, high = box.get_y(), box.get_y() + box.get_height()
    assert box.get_x() + box.get_width() == pytest.approx(synthetic.MAX_LOSS)
    for group in all_tables["fig6"]["relu"].values():
        for loss, height in zip(group["loss"], group["n_delta_over_n"], strict=True):
            inside = box.get_x() < loss < synthetic.MAX_LOSS and low < height < high
            assert inside == (1e-6 < loss < synthetic.MAX_LOSS)


def test_runs_without_loss_lie_in_the_strip_with_their_number(all_tables):
    axes = panel(figures.draw("fig6", all_tables["fig6"]), "b")
    n_zero = sum(int((group["loss"] == 0).sum()) for group in all_tables["fig6"]["relu"].values())
    assert any(text.startswith(f"{n_zero} runs") for text in words(axes))
    drawn = np.concatenate([line.get_xdata() for line in axes.lines if line.get_marker() != "None"])
    assert drawn.min() > axes.get_xlim()[0] and drawn.max() < axes.get_xlim()[1]
    assert len(drawn) == sum(len(group["loss"]) for group in all_tables["fig6"]["relu"].values())


def test_runs_stopped_with_a_tiny_loss_do_not_stretch_the_axis():
    axis = LossAxis(np.array([0.0, 1e-18, 1e-4, 1e-2]), np.array([True, True, False, False]))
    assert 1e-5 < axis.floor < 1e-4 and axis.n_below == 2 and not axis.all_zero
    placed = axis.place(np.array([0.0, 1e-18, 1e-4]))
    assert placed[0] == placed[1] == axis.zero and placed[2] == 1e-4


@pytest.mark.parametrize(("low", "high"), [(1e-3, 1.0), (2e-3, 9e-3), (0.4, 3.0), (1e-9, 1e3), (3.1, 3.9)])
def test_few_ticks_inside_the_limits(low, high):
    axes = matplotlib.figure.Figure().add_subplot(xscale="log", xlim=(low, high))
    log_ticks(axes.xaxis, low, high, most=5)
    ticks = axes.xaxis.get_major_locator()()
    assert len(ticks) <= 5 and all(low <= tick <= high for tick in ticks)
    assert high / low < 1.5 or len(ticks) > 0


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-3, "10⁻³"), (2e-4, "2×10⁻⁴"), (-0.1, "−10⁻¹"), (9.99e-4, "10⁻³"), (20.0, "2×10¹"), (1.0, "10⁰"), (0.0, "0")],
)
def test_ticks_are_plain_numbers(value, text):
    assert tick_label(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1e-3, "$10^{-3}$"), (2.5e-4, r"$2.5\times10^{-4}$"), (9.99e-4, "$10^{-3}$")]
)
def test_remarks_have_numbers_as_mathematics(value, text):
    assert scientific(value) == text


@pytest.mark.parametrize("name", NAMES)
def test_fonts_have_every_character(all_tables, tmp_path, caplog, recwarn, name):
    figures.render(name, all_tables[name], [tmp_path / "figure.png"])
    assert not caplog.records
    assert not list(recwarn)


def test_depths_have_the_same_colours_everywhere(all_tables):
    figure = figures.draw("generalization/fig3", all_tables["generalization/fig3"])
    lines = {line.get_label(): line.get_color() for line in panel(figure, "B").lines}
    assert {lines[f"$L={depth}$"] for depth in (2, 3, 5)} == {DEPTH_COLOURS[f"L{depth}"] for depth in (2, 3, 5)}
    (mnist,) = (line for line in panel(figure, "D").lines if line.get_label() == "$L=5$")
    assert mnist.get_color() == DEPTH_COLOURS["L5"]


def test_depths_of_spectra_are_told_apart_without_colour(all_tables):
    figure = figures.draw("fig7", all_tables["fig7"])
    for label in "bcd":
        styles = {}
        for line in panel(figure, label).lines:
            for name, colour in DEPTH_COLOURS.items():
                if same_color(line.get_color(), colour):
                    styles[name] = str(line._dash_pattern)
        assert len(styles) == len(set(styles.values())) > 1, label


def test_a_peak_at_zero_does_not_flatten_the_bulk_of_h(all_tables):
    """The eigenvalues away from 0 set the scale. An inset shows the peak, but only if it is higher."""
    for height in (0.0, 50.0):
        table = copy.deepcopy(all_tables["fig7"])
        for group in (group for group in table["relu"]["h"].values() if isinstance(group, dict)):
            edges = group["edges"]
            at_zero = np.abs(edges[:-1] + edges[1:]) / 2 < 10 * group["linear_width"]
            bulk = group["mean"][~at_zero].max()
            group["mean"], group["deviation"] = np.where(at_zero, height * bulk, group["mean"]), 0 * group["mean"]
        d = panel(figures.draw("fig7", table), "d")
        peak = max(group["mean"].max() for group in table["relu"]["h"].values() if isinstance(group, dict))
        assert bool(d.child_axes) == (height > 0)
        assert d.get_ylim()[1] < 0.5 * peak if height else d.get_ylim()[1] > peak
        assert not height or d.child_axes[0].get_ylim()[1] > peak


def test_generalization_insets_show_the_load(all_tables):
    figure = figures.draw("generalization/fig3", all_tables["generalization/fig3"])
    for letter in "BD":
        (inset,) = panel(figure, letter).child_axes
        assert inset.get_xlabel() == "$P/N$"


def test_masses_stand_in_the_panels(all_tables):
    figure = figures.draw("fig12", all_tables["fig12"])
    for number, label in enumerate("abcde", start=1):
        mass = all_tables["fig12"][f"layer_{number}"]["train_mass_at_zero"]
        assert f"${mass:.2g}$" in words(panel(figure, label))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("fig6", "relu/L3/loss"),
        ("fig6", "evolution/L2/step"),
        ("fig7", "relu/h0/L5/mean"),
        ("fig7", "hp_positive/edges"),
        ("fig8", "tanh/negative/L3/centre"),
        ("fig9", "hp/L5/density"),
        ("fig12", "layer_2/train"),
        ("generalization/fig3", "D/L5/n_delta_over_n"),
        ("fig12", "layer_5/fresh"),
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
        place[column] = {"empty": place[column][..., :0], "short": place[column][..., :-1], "scalar": 1.0}[damage]
    with pytest.raises(FigureError) as refusal:
        figures.draw(name, table)
    message = str(refusal.value)
    assert f"'{name}'" in message and message.endswith("again.") and "\n" not in message
    # Of two columns of different lengths either may be the wrong one; the sentence names the group and both lengths.
    assert "/".join(groups) in message and (damage == "short" or f"'{path}'" in message)


def test_missing_group_and_attribute_are_refused_by_name(all_tables):
    table = copy.deepcopy(all_tables["fig7"])
    del table["tanh"]["h0"]
    with pytest.raises(FigureError, match=r"'fig7': the table has no group 'tanh/h0'"):
        figures.draw("fig7", table)
    table = copy.deepcopy(all_tables["fig6"])
    del table["max_loss"]
    with pytest.raises(FigureError, match=r"'fig6': the table has no attribute 'max_loss'"):
        figures.draw("fig6", table)


def test_a_table_of_another_figure_is_refused(all_tables):
    for name in NAMES:
        other = "fig6" if name not in ("fig6",) else "fig8"
        with pytest.raises(FigureError, match=f"'{name}'"):
            figures.draw(name, all_tables[other])


def test_unknown_formats_and_places_are_refused(all_tables, tmp_path):
    with pytest.raises(FigureError, match=r"\.tiff"):
        figures.render("fig6", all_tables["fig6"], [tmp_path / "fig6.tiff"])
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write"):
        figures.render("generalization/fig3", all_tables["generalization/fig3"], [tmp_path / "file" / "fig3.svg"])
