"""Pre-activations on the cusp of the ReLU near jamming, N_c/N ([G] App. C)."""

from functools import partial

import numpy as np

from ..analysis import Analysis, Results
from ..analysis.statistics import Measurement, bootstrap
from ..analysis.sweeps import near_jamming
from . import Statistic

LACKING = "run near jamming whose pre-activations were measured"


def cusp_fraction(sweep: str, results: Results, analysis: Analysis) -> Measurement:
    """Mean of N_c/N over the runs near jamming, as in [G] Fig. 12."""
    near = near_jamming(results["preactivations"][sweep], analysis.max_loss)
    values = [run["n_cusp"] / run["n_weights"] for run in near]
    return bootstrap(lambda strata: float(np.mean(strata[0])), [values], analysis.n_bootstrap, analysis.seed, LACKING)


STATISTICS = {
    name: Statistic({"preactivations": (sweep,)}, partial(cusp_fraction, sweep))
    for name, sweep in (
        ("cusps-random-L5", "relu_L5"),
        ("cusps-random-L2", "relu_L2"),
        ("cusps-mnist", "mnist_L5"),
    )
}
