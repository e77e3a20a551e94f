"""Numbers of a table that are none: only some columns may lack one."""

from collections.abc import Iterator, Mapping

import numpy as np

from . import AnalysisError

MAY_LACK = {
    # no transition among the networks trained, or none that bounds it from above
    *("n_star", "n_below", "n_high", "ratio", "guide_ratio"),
    # an error over one replica
    *("final_error", "minimum_error", "standard_error"),
    # no run near jamming, or no value in the range of a fit
    *("cusp_fraction", "cusp_fraction_deviation", "bound_ratio", "exponent", "exponent_error"),
}
"""Columns and attributes in which nan or inf says that there is no such number."""


def check_finite(figure: str, tree: Mapping) -> None:
    """Raises AnalysisError that names the first column which holds nan or inf and should not."""
    for place, value in _leaves(tree):
        numbers = np.asarray(value)
        if place.split("/")[-1] not in MAY_LACK and numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
            raise AnalysisError(
                f"table '{figure}': '{place}' holds nan or inf, where only a number has a meaning; "
                "train the points it is made of again."
            )


def _leaves(tree: Mapping, place: str = "") -> Iterator[tuple[str, object]]:
    for name, value in tree.items():
        inner = f"{place}/{name}" if place else name
        if isinstance(value, Mapping):
            yield from _leaves(value, inner)
        else:
            yield inner, value
