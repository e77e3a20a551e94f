"""Summaries of several sweeps side by side, as a table in Markdown."""

from collections.abc import Mapping, Sequence

from .collection import from_json
from .listing import header, interval, number, row

SIZES = ("depth", "width", "N", "steps", "runs")
"""The rows above the statistics: what was run."""


def markdown(summaries: Sequence[Mapping]) -> list[str]:
    """The lines: one column for each summary; below the sizes one row for each statistic, with its interval of 95 %."""
    names = list(summaries[0]["statistics"])
    rows = [[size, *(f"{summary['sizes'][size]:,}".replace(",", " ") for summary in summaries)] for size in SIZES]
    rows += [[name, *(_measured(summary["statistics"][name]) for summary in summaries)] for name in names]
    columns = ["", *(f"{summary['preset']}, `{summary['sweep']}`" for summary in summaries)]
    return [*header(columns), *map(row, rows)]


def _measured(values: Mapping) -> str:
    """A number with its interval, "–" where there is none."""
    measured = from_json(values)
    ends = measured.interval(0.95)
    if measured.value is None:
        return "–"
    return number(measured.value) + (f" ({interval(ends)})" if ends else "")
