"""[S] Fig. 4: the test error of MNIST through the transition, L = 5: in time (A), against N (B) and N/N* (C)."""

from ...analysis import Analysis, Results
from ...analysis.test_error import errors, evolution

SWEEP = "generalization_L5"
NEEDS = {"runs": (SWEEP,)}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """The groups `evolution/curve_*` (A) and `errors/P*` (B, C); see `analysis.test_error`."""
    runs = results["runs"][SWEEP]
    table = errors(runs)
    return {"evolution": evolution(runs, table), "errors": table}
