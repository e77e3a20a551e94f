"""[G] Fig. 8: distributions of overlaps and gaps near jamming, ReLU (a, b) and tanh (c, d)."""

from . import Analysis, Results
from .gaps import distributions
from .sweeps import RELU, TANH

NEEDS = {"gaps": (*RELU, *TANH)}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """`relu/{positive,negative}/L*` for (a, b), `tanh/{positive,negative}/L3` for (c, d); see `tables.gaps`."""
    return {
        network: {side: distributions(results["gaps"], sweeps, side, analysis) for side in ("positive", "negative")}
        for network, sweeps in (("relu", RELU), ("tanh", TANH))
    }
