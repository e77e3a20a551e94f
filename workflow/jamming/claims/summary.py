"""A summary of one sweep on random data: the position of its transition, and its properties near jamming.

Summaries serve to compare sizes or protocols. Their statistics are those of the claims, which judge all depths of one
preset.
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
    """The statistics of a sweep, by the symbols shown in the table."""
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
    """The measurement of each statistic, with an interval if there are enough runs."""
    return {
        name: measure(f"{sweep}/{name}", statistic, results, analysis) for name, statistic in statistics(sweep).items()
    }
