"""N_eff compared with the Ñ − L h parameters that the scale symmetries of ReLU leave ([G] App. A, Fig. 11)."""

from functools import partial

from ..analysis import Analysis, Results
from ..analysis.statistics import Measurement, mean
from ..tables import fig11
from . import Statistic

LACKING = "network with P·(d + 1) ≥ Ñ, so that its patterns can tell all parameters apart"


def share(state: str, results: Results, analysis: Analysis) -> Measurement:
    """Mean of N_eff/(Ñ − L h) over networks, before ("initial") or after ("final") training."""
    rows = fig11.tabulate(results, analysis)[state]
    told = rows["n_vectors"] >= rows["n_params"]
    shares = (rows["n_eff"] / (rows["n_params"] - rows["n_hidden"]))[told]
    return mean(shares.tolist(), analysis.n_bootstrap, analysis.seed, LACKING)


STATISTICS = {f"n-eff-{state}": Statistic(dict(fig11.NEEDS), partial(share, state)) for state in ("initial", "final")}
