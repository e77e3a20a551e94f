"""[G] Fig. 10: location of the transition for MNIST, first 10 principal components."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from .panels.n_star import draw_comparison
from .panels.style import SINGLE_COLUMN
from .panels.table import Table


def draw(table: Mapping) -> Figure:
    """Draw N* against P for several depths, random data in black, and the bound N* = 4 P."""
    table = Table("fig10", table)
    figure = Figure((SINGLE_COLUMN, 2.9))
    mnist, random = table.group("mnist").groups(), table.group("random")
    draw_comparison(figure.add_subplot(), mnist, random, table.attribute("bound_ratio"))
    return figure
