"""[S] Fig. A1: N_eff against Ñ, as in [G] Fig. 11."""

from ..fig11 import NEEDS, tabulate

__all__ = ["NEEDS", "tabulate"]
