"""The page: the (P, N) plane with its controls at the left, and the measurements on the chosen run at the right."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path

import numpy as np
from bokeh.document import Document
from bokeh.embed import file_html
from bokeh.events import DocumentReady
from bokeh.layouts import column, row
from bokeh.models import (
    BooleanFilter,
    CDSView,
    ColorBar,
    ColumnDataSource,
    CustomJS,
    Div,
    FixedTicker,
    HoverTool,
    Label,
    LinearColorMapper,
    LogColorMapper,
    LogTicker,
    NumeralTickFormatter,
    Range1d,
    Select,
    TapTool,
)
from bokeh.models.layouts import LayoutDOM
from bokeh.palettes import Viridis256
from bokeh.plotting import figure
from bokeh.resources import INLINE

from .collect import MATRICES, Run, place

SCRIPTS = Path(__file__).parent
COLOURS = {"n_delta_over_n": "N_Δ/N", "loss": "𝓛"}
TITLES = {
    "n_delta_over_n": "Every run, coloured by N_Δ/N (darkest: 1 and more)",
    "loss": "Every run, coloured by 𝓛 (grey: 0, or below the scale)",
}
DATASETS = {"random": "random data", "mnist": "MNIST"}
HIGHEST = 1.0
"""N_Δ/N of the last colour. The transition lies below it, and far in the jammed phase N_Δ/N grows up to P/N."""
LOSS_DECADES = 7
"""The colours show at most this many decades of 𝓛. Lower values, and 𝓛 = 0, are grey."""
GREY, BLUE, RED, INK = "#c9ced6", "#1f4fbf", "#cf2a27", "#22272e"
SIDE_WIDTH, SIDE_HEIGHT = 390, 310


def render(runs: Sequence[Run], preset: str, commits: Sequence[str]) -> str:
    """The page as HTML, which includes all scripts."""
    plane = Plane(runs)
    details = Details(runs)
    script = (SCRIPTS / "select.js").read_text(encoding="utf-8")
    show = CustomJS(args=details.arguments(plane.source), code=script)
    plane.source.selected.js_on_change("indices", show)
    details.matrix.js_on_change("value", show)
    plane.source.selected.indices = [first_shown(runs)]
    head = Div(
        text=f"<h1>The jamming transition of neural networks: every run of preset {escape(preset)}</h1>"
        f"<p>{len(runs)} trained networks by their number of training patterns P and of weights N, from "
        f"{_sources(runs)}. Click on one to see how it learned and what was measured on it. "
        "Runs with the same P and N are drawn around their common point; 𝓛 is given for a margin ε = 1/2 "
        f"(cross-entropy: as it is). Code: commit {escape(_short(commits))}.</p>",
        styles={"width": "1340px", "font-family": "Helvetica, Arial, sans-serif", "color": INK},
        stylesheets=["h1 {font-size: 20px; margin: 4px 0} p {font-size: 13px; margin: 0 0 6px; line-height: 1.4}"],
    )
    side = column(row(details.learning, details.loss), row(details.gaps, details.spectrum))
    body = column(head, row(column(plane.controls(details.matrix), plane.figure, details.chosen), side))
    document = Document()
    document.add_root(body)
    document.js_on_event(DocumentReady, show)
    return file_html(document, INLINE, title=f"Jamming, preset {preset}: explorer")


def first_shown(runs: Sequence[Run]) -> int:
    """The index of the run that is chosen when the page opens: the first with a spectrum, or the first run."""
    return next((index for index, run in enumerate(runs) if run.spectra["hp"].y), 0)


class Plane:
    """The (P, N) plane: one source of points, a filter for the controls, and two ways to colour the points."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.source = ColumnDataSource(_columns(runs), name="runs")
        self.filter = BooleanFilter(booleans=[True] * len(runs), name="shown")
        losses = np.array([run.loss for run in runs])
        top = float(max(losses.max(), 1e-12))
        low = max(float(min(losses[losses > 0], default=top / 10)), top * 10.0**-LOSS_DECADES)
        self.mappers = {
            "n_delta_over_n": LinearColorMapper(palette=Viridis256[::-1], low=0.0, high=HIGHEST),
            "loss": LogColorMapper(palette=Viridis256[::-1], low=low, high=max(top, 10 * low), low_color=GREY),
        }
        self.figure = figure(
            width=560,
            height=560,
            x_axis_type="log",
            y_axis_type="log",
            x_axis_label="number of training patterns P",
            y_axis_label="number of weights N",
            title=TITLES["n_delta_over_n"],
            tools="pan,wheel_zoom,box_zoom,reset,save",
            active_scroll="wheel_zoom",
            name="plane",
        )
        _dress(self.figure)
        for axis, values in ((self.figure.xaxis, "n_train"), (self.figure.yaxis, "n_weights")):
            axis.ticker = FixedTicker(**_ticks([getattr(run, values) for run in runs]))
            axis.formatter = NumeralTickFormatter(format="0")
        self.points = self.figure.scatter(
            "x",
            "y",
            source=self.source,
            view=CDSView(filter=self.filter),
            marker="marker",
            size=8,
            fill_color={"field": "n_delta_over_n", "transform": self.mappers["n_delta_over_n"]},
            line_color="#00000055",
            line_width=0.5,
            nonselection_fill_alpha=1.0,
            nonselection_line_alpha=1.0,
            selection_line_color="#000000",
            selection_line_width=2.5,
            name="points",
        )
        self.bars = {
            "n_delta_over_n": ColorBar(color_mapper=self.mappers["n_delta_over_n"], title="N_Δ/N", width=12),
            "loss": ColorBar(color_mapper=self.mappers["loss"], title="𝓛", width=12, ticker=LogTicker(), visible=False),
        }
        for bar in self.bars.values():
            bar.update(title_text_font_style="normal", title_standoff=8, padding=6, background_fill_alpha=0)
            self.figure.add_layout(bar, "right")
        hover = HoverTool(renderers=[self.points], tooltips=_tooltip(), limit=4)
        self.figure.add_tools(hover, TapTool(renderers=[self.points]))

    def controls(self, matrix: Select) -> LayoutDOM:
        """The controls: dataset, depth, kind and colour of the points, and `matrix` for the spectrum at the right."""
        data = self.source.data
        dataset = Select(title="data", value="all", options=_options(data["dataset"], DATASETS), width=125)
        depth = Select(title="depth", value="all", options=_options(data["depth"]), width=95)
        kind = Select(title="runs", value="all", options=_options(data["kind"]), width=150)
        colour = Select(title="colour", value="n_delta_over_n", options=list(COLOURS.items()), width=95)
        for name, control in {"dataset": dataset, "depth": depth, "kind": kind, "colour": colour}.items():
            control.name = name
        shown = CustomJS(
            args={"source": self.source, "filter": self.filter, "dataset": dataset, "depth": depth, "kind": kind},
            code=(SCRIPTS / "filter.js").read_text(encoding="utf-8"),
        )
        for control in (dataset, depth, kind):
            control.js_on_change("value", shown)
        coloured = CustomJS(
            args={
                "points": self.points,
                "mappers": self.mappers,
                "bars": self.bars,
                "titles": TITLES,
                "title": self.figure.title,
            },
            code=(SCRIPTS / "colour.js").read_text(encoding="utf-8"),
        )
        colour.js_on_change("value", coloured)
        return row(dataset, depth, kind, colour, matrix)


class Details:
    """The plots of the chosen run, and the data of all runs for them."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.curves = ColumnDataSource(_curves(runs), name="curves")
        axis = {"x_axis_type": "log", "x_axis_label": "step"}
        self.learning = _side("learning", "Learning curve", y_axis_label="N_Δ/N", **axis)
        self.loss = _side("loss_curve", "Learning curve", y_axis_label="𝓛 (ε = 1/2)", y_axis_type="log", **axis)
        self.gaps = _side(
            "gaps",
            "Distribution of Δ at the end",
            x_axis_type="log",
            y_axis_type="log",
            x_axis_label="Δ/√𝓛 (Δ > 0) or |Δ| (Δ < 0)",
            y_axis_label="density",
        )
        self.spectrum = _side(
            "spectrum", "Spectrum at the end", x_axis_label="eigenvalue λ", y_axis_label="density", y_axis_type="log"
        )
        self.spectrum.xaxis.ticker.desired_num_ticks = 3
        self.matrix = Select(title="spectrum", value="hp", options=list(MATRICES.items()), width=85, name="matrix")
        self.lines, self.notes = {}, {}
        for name, plot, colour, legend in (
            ("learning", self.learning, BLUE, ""),
            ("loss_curve", self.loss, BLUE, ""),
            ("positive", self.gaps, RED, "Δ > 0, unsatisfied"),
            ("negative", self.gaps, BLUE, "Δ < 0, satisfied"),
            ("spectrum", self.spectrum, BLUE, ""),
        ):
            source = ColumnDataSource({"x": [], "y": []}, name=f"shown_{name}")
            options = {"legend_label": legend} if legend else {}
            plot.line("x", "y", source=source, line_width=1.6, color=colour, **options)
            self.lines[name] = source
            if plot not in self.notes:
                self.notes[plot] = _note(plot)
        self.gaps.legend.update(location="bottom_left", label_text_font_size="11px", background_fill_alpha=0.7)
        self.chosen = Div(
            text="",
            render_as_text=True,  # names come from results, which may be from somebody else
            name="chosen",
            styles={"width": "600px", "font": "13px Helvetica, Arial, sans-serif", "color": INK},
        )

    def arguments(self, runs: ColumnDataSource) -> dict:
        """The objects that `select.js` reads and writes."""
        return {
            "runs": runs,
            "curves": self.curves,
            "lines": self.lines,
            "notes": {plot.name: label for plot, label in self.notes.items()},
            "figures": {plot.name: plot for plot in self.notes},
            "matrix": self.matrix,
            "matrices": MATRICES,
            "chosen": self.chosen,
        }


def _columns(runs: Sequence[Run]) -> dict[str, list]:
    x, y = place(runs)
    names = ("name", "what", "dataset", "depth", "n_train", "n_weights", "width", "n_delta_over_n", "loss", "ending")
    return {
        "x": x.tolist(),
        "y": y.tolist(),
        **{name: [getattr(run, name) for run in runs] for name in names},
        "p_over_n": [run.n_train / run.n_weights for run in runs],
        "kind": ["widths of searches" if "search" in run.name else "sweeps" for run in runs],
        "marker": ["triangle" if "search" in run.name else "circle" for run in runs],
    }


def _curves(runs: Sequence[Run]) -> dict[str, list]:
    """For each curve three columns, NAME_x, NAME_y (lists) and NAME_note, with one row per run."""
    columns = {}
    for name in ("learning", "loss_curve", "positive", "negative"):
        for part in ("x", "y", "note"):
            columns[f"{name}_{part}"] = [asdict(getattr(run, name))[part] for run in runs]
    for matrix in MATRICES:
        for part in ("x", "y", "note"):
            columns[f"{matrix}_{part}"] = [asdict(run.spectra[matrix])[part] for run in runs]
    return columns


def _side(name: str, title: str, **options: str) -> figure:
    plot = figure(
        width=SIDE_WIDTH, height=SIDE_HEIGHT, title=title, name=name, tools="pan,wheel_zoom,reset,save", **options
    )
    _dress(plot)
    plot.toolbar.autohide = True
    # `select.js` sets the limits for the chosen run. They stay the same if there is nothing to show.
    plot.x_range, plot.y_range = Range1d(1, 10), Range1d(1, 10)
    return plot


def _dress(plot: figure) -> None:
    plot.title.update(text_font_size="14px", text_color=INK)
    plot.axis.axis_label_text_font_style = "normal"
    plot.axis.axis_label_text_font_size = "13px"
    plot.axis.major_label_text_font_size = "11px"
    plot.grid.grid_line_color = "#eceff3"
    plot.toolbar.logo = None


def _note(plot: figure) -> Label:
    """A label for a remark in the middle of an empty plot."""
    label = Label(
        x=SIDE_WIDTH / 2 - 40,
        y=SIDE_HEIGHT / 2 - 45,
        x_units="screen",
        y_units="screen",
        text="",
        text_baseline="middle",
        text_align="center",
        text_color="#6b7480",
        text_font_size="12px",
    )
    plot.add_layout(label)
    return label


def _options(values: Sequence[str], names: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    return [("all", "all"), *((value, (names or {}).get(value, value)) for value in sorted(set(values)))]


def _ticks(values: Sequence[int]) -> dict[str, list[int]]:
    """The ticks of a logarithmic axis: 1, 2 and 5 in each decade, and small ticks at all digits."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    decades = [10**decade for decade in range(low, high + 1)]
    return {
        "ticks": [factor * decade for decade in decades for factor in (1, 2, 5)],
        "minor_ticks": [factor * decade for decade in decades for factor in range(1, 10)],
    }


def _tooltip() -> str:
    return (
        '<div style="font: 12px Helvetica, Arial, sans-serif"><b>@name</b><br>@dataset, @depth, @what<br>'
        "P = @n_train, N = @n_weights (h = @width), P/N = @p_over_n{0.00}<br>"
        "N<sub>Δ</sub>/N = @n_delta_over_n{0.000}, 𝓛 = @loss{0.00e+0}<br>@ending</div>"
    )


def _sources(runs: Sequence[Run]) -> str:
    searched = sum("search" in run.name for run in runs)
    return f"{len(runs) - searched} runs of sweeps (circles) and {searched} widths tried in searches of N* (triangles)"


def _short(commits: Sequence[str]) -> str:
    return ", ".join(commit[:12] for commit in commits)
