"""[G] Fig. 6: the jump of N_Δ/N for random data, ReLU with L = 2, 3, 5 (a–c) and tanh with L = 3 (d)."""

from ..analysis import Analysis, Results
from ..analysis.jump import evolution, final_states
from ..analysis.sweeps import RELU, TANH, present

NEEDS = {"runs": (*RELU, *TANH)}
IN_PART = True


def tabulate(results: Results, analysis: Analysis) -> dict:
    """The groups `evolution/L*` (a), `relu/L*` (b, c) and `tanh/L3` (d); see `analysis.jump`."""
    runs = results["runs"]
    relu, tanh = present(RELU, runs), present(TANH, runs)
    return {
        "max_loss": analysis.max_loss,
        "evolution": {group: evolution(runs[sweep]) for sweep, group in relu.items()},
        "relu": {group: final_states(runs[sweep]) for sweep, group in relu.items()},
        "tanh": {group: final_states(runs[sweep]) for sweep, group in tanh.items()},
    }
