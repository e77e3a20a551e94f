"""[S] Fig. A2: the pre-activations of [G] Fig. 12. N_c and the densities of a do not depend on the margin's unit."""

from ..fig12 import NEEDS, tabulate

__all__ = ["NEEDS", "tabulate"]
