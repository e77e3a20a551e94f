"""[G] Fig. 1: the two phases in the plane of P and N, over the measured line of random data, L = 3, hinge loss."""

from . import Analysis, Results
from .lines import REFERENCE, line

NEEDS = {"lines": (REFERENCE,)}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """`line`, see `tables.lines.line`."""
    return {"line": line(results["lines"][REFERENCE])}
