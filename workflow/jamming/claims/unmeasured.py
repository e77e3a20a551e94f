"""Claims whose runs no preset makes: each names the sweeps it would take, so that it is listed and not forgotten."""

from ..analysis import Analysis, Results
from ..analysis.statistics import Measurement, nothing
from . import Needs, Statistic


def measure(results: Results, analysis: Analysis) -> Measurement:
    """Nothing: there is no statistic for results that nothing makes."""
    return nothing("statistic for these sweeps yet")


NEEDS: dict[str, Needs] = {
    "n-eff-random": {"effective": ("random_L3",)},
    "sgd-against-adam": {"runs": ("relu_L3_sgd",)},
    "hp-symmetric-at-start": {"spectra": ("relu_L3_start",)},
    "cifar-hinge": {"runs": ("cifar10_hinge",)},
}

STATISTICS = {identifier: Statistic(needs, measure) for identifier, needs in NEEDS.items()}
