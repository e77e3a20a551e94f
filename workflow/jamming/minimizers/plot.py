"""The comparison as a figure: 𝓛 against evaluations of the gradient for each method."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

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
SMALLEST = 1e-12


def draw(rows: Sequence[Mapping], panels: Sequence[tuple[str, float]]) -> Figure:
    """A panel for each (problem, P/N); every seed is a line."""
    figure = Figure((7.0, 2.4 * ((len(panels) + 1) // 2) + 0.5), layout="constrained")
    grid = figure.subplots((len(panels) + 1) // 2, 2, squeeze=False)
    used = set()
    for axes, panel, letter in zip(grid.flat, panels, "abcdefgh", strict=False):
        used |= _draw_panel(axes, rows, *panel)
        axes.set_title(f"({letter})", loc="left", fontweight="bold")
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
    axes.set_ylim(SMALLEST, 1)
    size = here[0]["n_weights"] if here else 0
    axes.text(0.04, 0.06, f"$N={size}$, $P/N={ratio:g}$", transform=axes.transAxes, fontsize=7)
    return {row["asked"]["method"] for row in here}
