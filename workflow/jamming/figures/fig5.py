"""[G] Fig. 5: location of the transition for random data."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from .panels.n_star import draw_architectures, draw_in_time
from .panels.style import DOUBLE_COLUMN, label_panel
from .panels.table import Table


def draw(table: Mapping) -> Figure:
    """Draw N* against P: cross-entropy after several times (a), for several L and d (b); hinge loss (c)."""
    table = Table("fig5", table)
    bound = table.group("bound")
    figure = Figure((DOUBLE_COLUMN, 2.7))
    a, b, c = figure.subplots(1, 3)
    draw_in_time(a, table.group("in_time"), bound)
    draw_architectures(b, list(table.group("cross_entropy").groups().values()), bound)
    draw_architectures(c, list(table.group("hinge").groups().values()), bound)
    for axes, label in zip((a, b, c), "abc", strict=True):
        label_panel(axes, f"({label})")
    return figure
