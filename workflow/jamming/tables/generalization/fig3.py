"""[S] Fig. 3: the jump of N_Δ/N against 𝓛 and P/N, random data (B) and MNIST (D)."""

from .. import Analysis, Results
from ..sweeps import MNIST, RELU
from ..transition import final_states

MARGIN = 1.0
"""[S] defines Δ = 1 − y f; 𝓛 is given in that margin whatever the runs' own."""

NEEDS = {"runs": (*RELU, *MNIST)}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """One group per panel: `B/L*` and `D/L5`, see `tables.transition.final_states`."""
    runs = results["runs"]
    return {
        "B": {group: final_states(runs[sweep], MARGIN) for sweep, group in RELU.items()},
        "D": {group: final_states(runs[sweep], MARGIN) for sweep, group in MNIST.items()},
    }
