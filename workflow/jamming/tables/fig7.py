"""[G] Fig. 7: spectra of H_p, H_0 and H of the runs inside the rectangle of Fig. 6(b), ReLU (a–d) and tanh (e–g)."""

from ..analysis import Analysis, Results
from ..analysis.spectra import averaged, measured_near_jamming, positive_part, rescaled
from ..analysis.sweeps import RELU, TANH, present

NEEDS = {"spectra": (*RELU, *TANH)}
IN_PART = True


def tabulate(results: Results, analysis: Analysis) -> dict:
    """The groups `hp_positive` (a), `relu/{hp,h0,h}/L*` (b–d), `tanh/{hp,h0,h}/L3` (e–g); see `analysis.spectra`."""
    spectra = results["spectra"]
    relu, tanh = (measured_near_jamming(spectra, present(sweeps, spectra), analysis) for sweeps in (RELU, TANH))
    # (a) shows the depth with the most runs. It shows one depth, so that its curves differ by their loss alone.
    richest = max(relu, key=lambda group: len(relu[group]), default="L3")
    return {
        "hp_positive": {**positive_part(relu.get(richest, [])), "depth": int(richest.removeprefix("L"))},
        "relu": _panels(relu, analysis.max_loss),
        "tanh": _panels(tanh, analysis.max_loss),
    }


def _panels(groups: dict[str, list[dict]], max_loss: float) -> dict:
    return {
        "max_loss": max_loss,
        "hp": rescaled(groups),
        "h0": averaged(groups, "h0"),
        "h": averaged(groups, "h"),
    }
