"""[S] Fig. B2: the test error of MNIST against N, as in [S] Fig. 4B, for L = 2 and L = 5."""

from .. import Analysis, Results
from .errors import errors

SWEEPS = {"generalization_L2": "L2", "generalization_L5": "L5"}
NEEDS = {"runs": tuple(SWEEPS)}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """`L2/P*` and `L5/P*`; see `tables.generalization.errors.errors`."""
    return {group: errors(results["runs"][sweep]) for sweep, group in SWEEPS.items()}
