"""[S] Fig. 4: the test error of MNIST through the transition, L = 5.

A network whose output is 0 counts as wrong on half of the patterns.
"""

from collections.abc import Mapping

from matplotlib.figure import Figure

from ..panels.style import DOUBLE_COLUMN, label_panel
from ..panels.table import Table
from ..panels.test_error import draw_errors, draw_evolution, draw_rescaled


def draw(table: Mapping) -> Figure:
    """Draw the test error in time for four networks (A), and its final and minimum value against N (B) and N/N* (C)."""
    table = Table("generalization/fig4", table)
    figure = Figure((DOUBLE_COLUMN, 2.9))
    a, b, c = figure.subplots(1, 3)
    draw_evolution(a, table.group("evolution"))
    draw_errors(b, table.group("errors"))
    draw_rescaled(c, table.group("errors"))
    for axes, label in zip((a, b, c), "ABC", strict=True):
        label_panel(axes, label)
    return figure
