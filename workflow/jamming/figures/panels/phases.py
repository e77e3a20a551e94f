"""Panel of the phase diagram in the plane of P and N."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .n_star import draw_line, read_points
from .style import SINGLE_COLUMN, empty_panel
from .table import Table

OVER, UNDER = "#dce9f7", "#f9e3d6"
LINE = "#222222"


def draw_phases(table: Table) -> Figure:
    """Draw [G] Fig. 1 = [S] Fig. 1: the measured line N*(P) between the over- and the under-parametrized phase.

    Before the first point and beyond the last one, the line is proportional to P.
    """
    group = table.group("line")
    points = read_points(group)
    figure = Figure((SINGLE_COLUMN, 2.7))
    axes = figure.add_subplot()
    axes.set(xlabel="$P$  (training examples)", ylabel="$N$  (degrees of freedom)")
    if not points.found.any():
        empty_panel(axes, "no transition found")
        return figure
    n_train, n_star = points.n_train[points.found], points.n_star[points.found]
    end = 1.12 * points.n_train.max()
    beyond = n_star[-1] / n_train[-1] * end
    x, y = np.concatenate([[0], n_train, [end]]), np.concatenate([[0], n_star, [beyond]])
    top = 1.75 * max(beyond, np.max(points.n_star))
    axes.fill_between(x, y, top, color=OVER, lw=0, zorder=0)
    axes.fill_between(x, 0, y, color=UNDER, lw=0, zorder=0)
    axes.plot(x, y, color=LINE, lw=1.2, zorder=1)
    draw_line(axes, points, {"color": LINE, "marker": "o", "ls": "none", "markersize": 3.4})
    axes.set(xlim=(0, end), ylim=(0, top))
    _name_phases(axes, beyond / top)
    depth, dim = group.attribute("depth"), group.attribute("dim")
    axes.set_title(f"random data, hinge loss, $L={depth}$, $d={dim or 'h'}$", pad=4)
    return figure


def _name_phases(axes: Axes, height: float) -> None:
    """Write the names of the phases on both sides of a line that reaches `height` at the right edge."""
    text = {"transform": axes.transAxes, "ha": "center", "va": "center", "linespacing": 1.4}
    axes.text(0.36, 0.5 * (1 + 0.36 * height), "over-parametrized\n$\\mathcal{L}=0$", **text, fontsize=9)
    axes.text(0.7, 0.7 * height * 0.42, "under-parametrized\n$\\mathcal{L}>0$", **text, fontsize=9)
    axes.annotate(
        "$N^*(P)$",
        xy=(0.86, 0.86 * height),
        xytext=(0.8, 0.86 * height + 0.17),
        xycoords="axes fraction",
        ha="center",
        fontsize=9,
        arrowprops={"arrowstyle": "-|>", "lw": 0.6, "color": LINE, "mutation_scale": 6, "shrinkA": 1, "shrinkB": 3},
    )
