"""[S] Fig. 3: the transition for random data (A, B) and MNIST (C, D).

A panel is drawn if the table has its group. `PANELS` holds a function for each panel. The page is as large as needed.
"""

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..panels.jump import draw_jump, draw_load, loss_axis
from ..panels.n_star import draw_architectures, draw_comparison
from ..panels.style import DOUBLE_COLUMN, label_panel
from ..panels.table import FigureError, Table


def draw(table: Mapping) -> Figure:
    """Draw N* against P for random data (A) and MNIST (C), and N_Δ/N against 𝓛 (inset: P/N) for the same (B, D)."""
    table = Table("generalization/fig3", table)
    letters = [letter for letter in PANELS if table.has(letter)]
    if not letters:
        raise FigureError(f"figure 'generalization/fig3': the table has none of the groups {', '.join(PANELS)}.")
    rows = (len(letters) + 1) // 2
    figure = Figure((DOUBLE_COLUMN, 2.7 * rows))
    places = figure.subplots(rows, min(2, len(letters)), squeeze=False).ravel()
    for axes, letter in zip(places, letters, strict=False):
        PANELS[letter](axes, table.group(letter))
        label_panel(axes, letter)
    for axes in places[len(letters) :]:
        axes.set_axis_off()
    return figure


def _draw_random_lines(axes: Axes, panel: Table) -> None:
    groups = [group for loss in ("hinge", "cross_entropy") for group in panel.group(loss).groups().values()]
    draw_architectures(axes, groups, panel.group("bound"))


def _draw_mnist_lines(axes: Axes, panel: Table) -> None:
    draw_comparison(axes, panel.group("mnist").groups(), panel.group("random"), panel.attribute("bound_ratio"))


def _draw_jump_with_inset(axes: Axes, panel: Table) -> None:
    groups = panel.groups()
    draw_jump(axes, groups, loss_axis(groups))
    axes.set_ylim(top=1.12 * axes.get_ylim()[1])
    axes.legend(loc="upper left", bbox_to_anchor=(0.14, 1), ncols=len(groups), columnspacing=1)
    inset = axes.inset_axes(_emptiest_place(axes))
    draw_load(inset, groups, labels=False)
    inset.tick_params(labelsize=6, pad=2)
    inset.xaxis.label.set_size(7)
    inset.yaxis.label.set_size(7)


def _emptiest_place(axes: Axes) -> tuple[float, float, float, float]:
    """The place (left, bottom, width, height) where an inset with its labels hides the fewest runs, at best right."""
    places = [(left, bottom, 0.4, 0.38) for bottom in (0.16, 0.24, 0.46) for left in (0.57, 0.42, 0.28)]
    to_axes = axes.transData + axes.transAxes.inverted()
    runs = np.concatenate([to_axes.transform(line.get_xydata()) for line in axes.lines if line.get_marker() != "None"])

    def n_hidden(place: tuple[float, float, float, float]) -> int:
        left, bottom, width, height = place
        low, high = (left - 0.09, bottom - 0.12), (left + width, bottom + height)
        return int(np.sum(np.all((runs > low) & (runs < high), axis=1)))

    return min(places, key=n_hidden)


PANELS: dict[str, Callable[[Axes, Table], None]] = {
    "A": _draw_random_lines,
    "B": _draw_jump_with_inset,
    "C": _draw_mnist_lines,
    "D": _draw_jump_with_inset,
}
