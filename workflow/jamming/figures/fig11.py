"""[G] Fig. 11: the effective number of parameters, MNIST, L = 3."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from .panels.effective import draw_effective
from .panels.table import Table


def draw(table: Mapping) -> Figure:
    """Draw N_eff against Ñ at initialization and after training."""
    return draw_effective(Table("fig11", table))
