"""[S] Fig. B2: the test error of MNIST through the transition, L = 2 (A) and L = 5 (B).

A network whose output is 0 counts as wrong on half of the patterns.
"""

from collections.abc import Mapping

from matplotlib.figure import Figure

from ..panels.style import DOUBLE_COLUMN, label_panel
from ..panels.table import Table
from ..panels.test_error import draw_errors


def draw(table: Mapping) -> Figure:
    """Draw the test error at the end of training and its minimum over time against N, one panel for each depth."""
    table = Table("generalization/figB2", table)
    figure = Figure((0.75 * DOUBLE_COLUMN, 2.9))
    for axes, depth, label in zip(figure.subplots(1, 2), ("L2", "L5"), "AB", strict=True):
        draw_errors(axes, table.group(depth))
        label_panel(axes, label)
    return figure
