"""[S] Fig. 1: the two phases, as in [G] Fig. 1."""

from ..fig1 import NEEDS, tabulate

__all__ = ["NEEDS", "tabulate"]
