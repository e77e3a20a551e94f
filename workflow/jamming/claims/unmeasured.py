"""Claims without runs in any preset. Each names the sweeps that it would need, so that it is listed as not testable."""

from ..analysis import Analysis, Results
from ..analysis.statistics import Measurement, nothing
from . import Needs, Statistic


def measure(results: Results, analysis: Analysis) -> Measurement:
    """A measurement without a value, since there are no results to measure."""
    return nothing("statistic for these sweeps yet")


NEEDS: dict[str, Needs] = {
    "n-eff-random": {"effective": ("random_L3",)},
    "sgd-against-adam": {"runs": ("relu_L3_sgd",)},
    "hp-symmetric-at-start": {"spectra": ("relu_L3_start",)},
    "cifar-hinge": {"runs": ("cifar10_hinge",)},
}

STATISTICS = {identifier: Statistic(needs, measure) for identifier, needs in NEEDS.items()}
