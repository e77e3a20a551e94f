"""[G] Fig. 10: N* against P for MNIST, compared with random data and with the bound N* = 4 P."""

from ..analysis import Analysis, Results
from ..analysis.n_star import MNIST, PROVEN_RATIO, REFERENCE, line, lines

NEEDS = {"lines": (*MNIST, REFERENCE)}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """The groups `mnist/L*` and `random` (see `analysis.n_star.line`), and the attribute bound_ratio."""
    return {
        "mnist": lines(results["lines"], MNIST),
        "random": line(results["lines"][REFERENCE]),
        "bound_ratio": PROVEN_RATIO,
    }
