"""[G] Fig. 5: N* against P for random data: cross-entropy at several times (a), several L and d (b), hinge loss (c)."""

from ..analysis import Analysis, Results
from ..analysis.n_star import CROSS_ENTROPY, CUSPS, HINGE, IN_TIME, bound, in_time, lines

NEEDS = {"lines": tuple(dict.fromkeys((IN_TIME, *CROSS_ENTROPY, *HINGE))), "preactivations": CUSPS}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """Groups `in_time/time_*` (a), `cross_entropy/L*_d*` (b), `hinge/L*` (c) and `bound`; see `analysis.n_star`."""
    return {
        "in_time": in_time(results["lines"][IN_TIME]),
        "cross_entropy": lines(results["lines"], CROSS_ENTROPY),
        "hinge": lines(results["lines"], HINGE),
        "bound": bound(results["preactivations"], analysis),
    }
