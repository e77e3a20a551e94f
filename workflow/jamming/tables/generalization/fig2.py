"""[S] Fig. 2: the architecture, as in [G] Fig. 3."""

from ..fig3 import NEEDS, tabulate

__all__ = ["NEEDS", "tabulate"]
