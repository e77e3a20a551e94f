"""The numbers of one sweep on random data, for itself: where it jams and how. To set sizes or protocols side by side.

The claims judge all depths together and at one preset; the statistics are theirs.
"""

from functools import partial

from ..analysis import Analysis, Results
from ..analysis.spectra import negative_share
from ..analysis.statistics import Measurement
from . import Statistic, measure
from .cusps import cusp_fraction
from .exponents import exponent
from .jump import height
from .position import location, location_by_count
from .spectra import mean_of, negative_fraction_h


def statistics(sweep: str) -> dict[str, Statistic]:
    """What is measured on a sweep, by the symbol of its table."""
    near = (sweep,)
    return {
        "P/N* (𝓛 > 10⁻⁶)": Statistic({"runs": (sweep,)}, partial(location, sweep)),
        "P/N* (N_Δ > 0.1 N)": Statistic({"runs": (sweep,)}, partial(location_by_count, sweep)),
        "N_Δ/N at the jump": Statistic({"runs": (sweep,)}, partial(height, (sweep,))),
        "θ": Statistic({"gaps": (sweep,)}, partial(exponent, "positive", 1.0, (sweep,))),
        "γ": Statistic({"gaps": (sweep,)}, partial(exponent, "negative", -1.0, (sweep,))),
        "C_0": Statistic({"spectra": (sweep,)}, partial(mean_of, near, negative_share)),
        "negative eigenvalues of H": Statistic({"spectra": (sweep,)}, partial(mean_of, near, negative_fraction_h)),
        "N_c/N": Statistic({"preactivations": (sweep,)}, partial(cusp_fraction, sweep)),
    }


KINDS = ("runs", "gaps", "spectra", "preactivations")
"""The kinds of results that `statistics` read."""


def summarise(sweep: str, results: Results, analysis: Analysis) -> dict[str, Measurement]:
    """Each statistic of `statistics`, measured with an interval where there are runs enough for one."""
    return {
        name: measure(f"{sweep}/{name}", statistic, results, analysis) for name, statistic in statistics(sweep).items()
    }
