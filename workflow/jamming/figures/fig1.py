"""[G] Fig. 1: N, degrees of freedom, against P, training examples."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from .panels.phases import draw_phases
from .panels.table import Table


def draw(table: Mapping) -> Figure:
    """Draw the two phases and the measured line between them."""
    return draw_phases(Table("fig1", table))
