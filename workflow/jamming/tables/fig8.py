"""[G] Fig. 8: distributions of overlaps and gaps near jamming, ReLU (a, b) and tanh (c, d)."""

from ..analysis import Analysis, Results
from ..analysis.gaps import distributions
from ..analysis.sweeps import RELU, TANH, present

NEEDS = {"gaps": (*RELU, *TANH)}
IN_PART = True


def tabulate(results: Results, analysis: Analysis) -> dict:
    """The groups `relu/{positive,negative}/L*` (a, b), `tanh/{positive,negative}/L3` (c, d); see `analysis.gaps`."""
    gaps = results["gaps"]
    return {
        network: {side: distributions(gaps, present(sweeps, gaps), side, analysis) for side in ("positive", "negative")}
        for network, sweeps in (("relu", RELU), ("tanh", TANH))
    }
