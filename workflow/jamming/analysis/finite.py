"""A check that tables hold finite numbers. Only some columns may hold nan or inf."""

from collections.abc import Iterator, Mapping

import numpy as np

from . import AnalysisError

MAY_LACK = {
    # No network was trained at the transition, or none above it.
    *("n_star", "n_below", "n_high", "ratio", "guide_ratio"),
    # One replica gives no error.
    *("final_error", "minimum_error", "standard_error"),
    # No run is near jamming, or no value lies in the range of a fit.
    *("cusp_fraction", "cusp_fraction_deviation", "bound_ratio", "exponent", "exponent_error"),
}
"""Columns and attributes that may hold nan or inf. It means that the number does not exist."""


def check_finite(figure: str, tree: Mapping) -> None:
    """Raise AnalysisError if a column holds nan or inf and must not. The error names the first such column."""
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
