"""[G] Fig. 12: density of the pre-activations of each layer, L = 5, random data."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from .panels.cusps import draw_layers
from .panels.table import Table


def draw(table: Mapping) -> Figure:
    """Draw one panel per layer: training set in black, fresh data in blue, and the mass of the peak at 0 as text."""
    return draw_layers(Table("fig12", table))
