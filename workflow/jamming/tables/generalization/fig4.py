"""[S] Fig. 4: the test error of MNIST through the transition, L = 5: in time (A), against N (B) and N/N* (C)."""

from .. import Analysis, Results
from .errors import errors, evolution

SWEEP = "generalization_L5"
NEEDS = {"runs": (SWEEP,)}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """`evolution/curve_*` for A, `errors/P*` for B and C; see `tables.generalization.errors`."""
    runs = results["runs"][SWEEP]
    table = errors(runs)
    return {"evolution": evolution(runs, table), "errors": table}
