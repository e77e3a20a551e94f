"""[G] Fig. 12: pre-activations of each layer, ReLU with L = 5 on random data, averaged over the runs near jamming."""

from ..analysis import Analysis, Results
from ..analysis.cusps import layer_densities

SWEEP = "relu_L5"
NEEDS = {"preactivations": (SWEEP,)}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """The groups `layer_1` … `layer_5`; see `analysis.cusps`."""
    return layer_densities(results["preactivations"][SWEEP], analysis.max_loss)
