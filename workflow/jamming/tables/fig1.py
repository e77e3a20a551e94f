"""[G] Fig. 1: the two phases in the plane of P and N, over the measured line of random data, L = 3, hinge loss."""

from ..analysis import Analysis, Results
from ..analysis.n_star import REFERENCE, line

NEEDS = {"lines": (REFERENCE,)}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """The group `line`; see `analysis.n_star.line`."""
    return {"line": line(results["lines"][REFERENCE])}
