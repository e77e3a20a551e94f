"""A table in Markdown that shows the summaries of several sweeps side by side."""

from collections.abc import Mapping, Sequence

from .collection import from_json
from .listing import header, interval, number, row

SIZES = {
    "depth": "depth",
    "width": "width",
    "N": "N",
    "steps": "steps",
    "by L-BFGS": "of these by L-BFGS",
    "runs": "runs",
}
"""The rows above the statistics: sizes of the runs, and the headings of these rows."""


def markdown(summaries: Sequence[Mapping]) -> list[str]:
    """The lines of the table: one column per summary, the sizes, then one row per statistic with its 95 % interval."""
    # Summaries that another version of the code made may have other statistics.
    names = list(dict.fromkeys(name for summary in summaries for name in summary["statistics"]))
    # Summaries without this entry were made before there was L-BFGS.
    rows = [
        [heading, *(f"{summary['sizes'].get(size, 0):,}".replace(",", " ") for summary in summaries)]
        for size, heading in SIZES.items()
    ]
    rows += [[name, *(_measured(summary["statistics"].get(name)) for summary in summaries)] for name in names]
    columns = ["", *(f"{summary['preset']}, `{summary['sweep']}`" for summary in summaries)]
    return [*header(columns), *map(row, rows)]


def _measured(values: Mapping | None) -> str:
    """A number with its interval, or "–" if there is none."""
    if values is None:
        return "–"
    measured = from_json(values)
    ends = measured.interval(0.95)
    if measured.value is None:
        return "–"
    return number(measured.value) + (f" ({interval(ends)})" if ends else "")
