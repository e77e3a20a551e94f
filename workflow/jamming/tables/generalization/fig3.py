"""[S] Fig. 3: N* against P and the jump of N_Δ/N against 𝓛 and P/N, random data (A, B) and MNIST (C, D)."""

from ...analysis import Analysis, Results
from ...analysis.jump import final_states
from ...analysis.n_star import CROSS_ENTROPY, CUSPS, HINGE, bound, lines
from ...analysis.sweeps import MNIST, RELU
from .. import fig10

MARGIN = 1.0
"""[S] defines Δ = 1 − y f. 𝓛 is converted to this margin from the runs' own."""

NEEDS = {
    "runs": (*RELU, *MNIST),
    "lines": tuple(dict.fromkeys((*CROSS_ENTROPY, *HINGE, *fig10.NEEDS["lines"]))),
    "preactivations": CUSPS,
}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """One group for each panel.

    `A/{cross_entropy,hinge}/*` and `A/bound` are as in `tables.fig5`, and `C` as in `tables.fig10`. For `B/L*` and
    `D/L5` see `analysis.jump.final_states`.
    """
    runs = results["runs"]
    return {
        "A": {
            "cross_entropy": lines(results["lines"], CROSS_ENTROPY),
            "hinge": lines(results["lines"], HINGE),
            "bound": bound(results["preactivations"], analysis),
        },
        "C": fig10.tabulate(results, analysis),
        "B": {group: final_states(runs[sweep], MARGIN) for sweep, group in RELU.items()},
        "D": {group: final_states(runs[sweep], MARGIN) for sweep, group in MNIST.items()},
    }
