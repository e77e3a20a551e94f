"""Draw the comparison: 𝓛 against evaluations of the gradient for each method."""

import io
from collections.abc import Mapping, Sequence

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..figures import STYLE
from ..figures.panels.style import DOUBLE_COLUMN, label_panel, note

LABELS = {
    "adam_1e4": "Adam, 10⁴ steps",
    "adam_1e5": "Adam, 10⁵ steps",
    "lbfgs_10": "L-BFGS, 10 pairs",
    "lbfgs_30": "30",
    "lbfgs_100": "100",
    "lbfgs_300": "300",
    "bfgs": "BFGS",
    "newton_cg": "truncated Newton",
    "adam_lbfgs_100": "Adam, then L-BFGS",
}
COLOURS = dict(
    zip(
        LABELS,
        ("#999999", "#000000", "#f2b134", "#e07b39", "#c8102e", "#7a1fa2", "#1f4fbf", "#1f8f8f", "#3fa34d"),
        strict=True,
    )
)
SMALLEST, FEWEST = 1e-12, 30
"""Where the axes begin: 𝓛, and evaluations."""


def png(rows: Sequence[Mapping], panels: Sequence[tuple[str, float]]) -> bytes:
    """The figure as the bytes of a PNG, in the project's style."""
    content = io.BytesIO()
    with matplotlib.style.context(STYLE, after_reset=True):
        draw(rows, panels).savefig(content, format="png", dpi=150, metadata={"Software": None})
    return content.getvalue()


def draw(rows: Sequence[Mapping], panels: Sequence[tuple[str, float]]) -> Figure:
    """The figure: one panel for each (problem, P/N), one line for each seed."""
    figure = Figure((DOUBLE_COLUMN, 2.1 * ((len(panels) + 1) // 2) + 0.4), layout="constrained")
    grid = figure.subplots((len(panels) + 1) // 2, 2, squeeze=False)
    used = set()
    for axes, panel, letter in zip(grid.flat, panels, "abcdefgh", strict=False):
        used |= _draw_panel(axes, rows, *panel)
        label_panel(axes, f"({letter})")
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    handles = [Line2D([], [], color=COLOURS[name], label=label) for name, label in LABELS.items() if name in used]
    figure.legend(handles=handles, loc="outside upper center", ncols=5, fontsize=7)
    return figure


def _draw_panel(axes: Axes, rows: Sequence[Mapping], problem: str, ratio: float) -> set[str]:
    here = [row for row in rows if (row["asked"]["problem"], row["asked"]["ratio"]) == (problem, ratio)]
    here = [row for row in here if row["asked"]["method"] in LABELS]
    for row in here:
        trace = np.array(row["trace"])
        axes.plot(trace[:, 0], trace[:, 2].clip(SMALLEST), color=COLOURS[row["asked"]["method"]], lw=0.8)
    axes.set(xscale="log", yscale="log", xlabel="evaluations of the gradient", ylabel=r"$\mathcal{L}$")
    axes.set_xlim(left=FEWEST)
    axes.set_ylim(SMALLEST, 1)
    size = here[0]["n_weights"] if here else 0
    note(axes, f"$N={size}$, $P/N={ratio:g}$", y=0.06)
    return {row["asked"]["method"] for row in here}
