"""[S] Fig. B1: convergence of the line of cross-entropy with the learning time, as in [G] Fig. 5(a)."""

from ...analysis import Analysis, Results
from ...analysis.n_star import CUSPS, IN_TIME, bound, in_time

NEEDS = {"lines": (IN_TIME,), "preactivations": CUSPS}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """The groups `in_time/time_*` and `bound`; see `analysis.n_star`."""
    return {
        "in_time": in_time(results["lines"][IN_TIME]),
        "bound": bound(results["preactivations"], analysis),
    }
