"""[S] Fig. B2: the test error of MNIST against N, as in [S] Fig. 4B, for L = 2 and L = 5."""

from ...analysis import Analysis, Results
from ...analysis.test_error import errors

SWEEPS = {"generalization_L2": "L2", "generalization_L5": "L5"}
NEEDS = {"runs": tuple(SWEEPS)}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """The groups `L2/P*` and `L5/P*`; see `analysis.test_error.errors`."""
    return {group: errors(results["runs"][sweep]) for sweep, group in SWEEPS.items()}
