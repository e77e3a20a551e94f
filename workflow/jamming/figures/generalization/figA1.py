"""[S] Fig. A1: the effective number of parameters, MNIST, L = 3 ([G] Fig. 11)."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from ..check import Table
from ..effective import draw_effective


def draw(table: Mapping) -> Figure:
    """N_eff against Ñ at initialization and after training."""
    return draw_effective(Table("generalization/figA1", table))
