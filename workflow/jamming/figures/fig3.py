"""[G] Fig. 3: a fully-connected network with L hidden layers of h neurons."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from .panels.architecture import draw_architecture
from .panels.table import Table


def draw(table: Mapping) -> Figure:
    """Draw neurons as points and weights as lines. Biases are not shown."""
    return draw_architecture(Table("fig3", table))
