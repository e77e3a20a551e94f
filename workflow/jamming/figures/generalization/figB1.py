"""[S] Fig. B1: convergence of the line of networks trained with cross-entropy on random data ([G] Fig. 5(a))."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from ..panels.n_star import draw_in_time
from ..panels.style import SINGLE_COLUMN
from ..panels.table import Table


def draw(table: Mapping) -> Figure:
    """Draw N* against P after several learning times."""
    table = Table("generalization/figB1", table)
    figure = Figure((SINGLE_COLUMN, 2.9))
    draw_in_time(figure.add_subplot(), table.group("in_time"), table.group("bound"))
    return figure
