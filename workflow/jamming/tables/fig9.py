"""[G] Fig. 9: MNIST, L = 5. The jump (a–c), gaps (d) and spectra (e–h) of the runs inside the rectangle of (b)."""

from ..analysis import Analysis, Results
from ..analysis.gaps import distributions
from ..analysis.jump import final_states
from ..analysis.spectra import averaged, measured_near_jamming, positive_part, rescaled
from ..analysis.sweeps import MNIST

NEEDS = {"runs": tuple(MNIST), "gaps": tuple(MNIST), "spectra": tuple(MNIST)}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """The groups `final/L5` (a–c), `negative/L5` (d), and `hp_positive`, `hp/L5`, `h0/L5`, `h/L5` (e–h)."""
    near = measured_near_jamming(results["spectra"], MNIST, analysis)
    ((sweep, group),) = MNIST.items()
    return {
        "max_loss": analysis.max_loss,
        "final": {group: final_states(results["runs"][sweep])},
        "negative": distributions(results["gaps"], MNIST, "negative", analysis),
        "hp_positive": {**positive_part(near[group]), "depth": int(group.removeprefix("L"))},
        "hp": rescaled(near),
        "h0": averaged(near, "h0"),
        "h": averaged(near, "h"),
    }
