"""[G] Fig. 8: overlaps and gaps near jamming; ReLU in (a, b), tanh in (c, d)."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from .panels.gaps import draw_distribution, note_runs
from .panels.style import DOUBLE_COLUMN, label_panel, not_run
from .panels.table import Table


def draw(table: Mapping) -> Figure:
    """P_+(z) left, z in units of the median overlap, and P_−(Δ) right, with θ and γ fitted over the shaded range."""
    table = Table("fig8", table)
    figure = Figure((DOUBLE_COLUMN, 4.7))
    panels = figure.subplots(2, 2)
    labels = iter("abcd")
    for row, network in zip(panels, ("relu", "tanh"), strict=True):
        for axes, side in zip(row, ("positive", "negative"), strict=True):
            name = "ReLU" if network == "relu" else "tanh"
            groups = table.group(f"{network}/{side}").groups(or_none=True)
            if groups:
                draw_distribution(axes, groups, side)
                note_runs(axes, groups)
            else:
                not_run(axes, name)
            label_panel(axes, f"({next(labels)})")
            axes.set_title(name, loc="right", pad=3)
    return figure
