"""Pre-activations on the cusp of the ReLU near jamming, N_c/N ([G] App. C)."""

from collections.abc import Iterable
from functools import partial

from ..analysis import Analysis, Results
from ..analysis.statistics import Measurement, mean
from ..analysis.sweeps import near_jamming
from . import Statistic

RANDOM = ("relu_L2", "relu_L5")

LACKING = "run near jamming whose pre-activations were measured"


def cusp_fraction(sweep: str, results: Results, analysis: Analysis) -> Measurement:
    """Mean of N_c/N over the runs near jamming, as in [G] Fig. 12."""
    near = near_jamming(results["preactivations"][sweep], analysis.max_loss)
    values = [run["n_cusp"] / run["n_weights"] for run in near]
    return mean(values, analysis.n_bootstrap, analysis.seed, LACKING)


def fresh_share(sweeps: Iterable[str], results: Results, analysis: Analysis) -> Measurement:
    """The share of pre-activations at the cusp for fresh patterns over that for training patterns: mean over runs.

    If fresh patterns have no peak, only their smooth density below the threshold counts.
    """
    near = [run for sweep in sweeps for run in near_jamming(results["preactivations"][sweep], analysis.max_loss)]
    shares = [run["fresh"]["mass_at_zero"].mean() / run["train"]["mass_at_zero"].mean() for run in near]
    return mean(shares, analysis.n_bootstrap, analysis.seed, LACKING)


STATISTICS = {
    name: Statistic({"preactivations": (sweep,)}, partial(cusp_fraction, sweep))
    for name, sweep in (
        ("cusps-random-L5", "relu_L5"),
        ("cusps-random-L2", "relu_L2"),
        ("cusps-mnist", "mnist_L5"),
    )
} | {"cusps-fresh": Statistic({"preactivations": RANDOM}, partial(fresh_share, RANDOM))}
