"""CPU time of each part of a finished run, from Snakemake's benchmarks."""

import csv
from collections.abc import Sequence
from pathlib import Path

from .generated import between_marks

PARTS = (
    ("networks of one size, [G] Figs. 6–9, 11, 12", ("train",), False),
    ("test error, [S] Figs. 4, B2", ("train",), True),
    ("searches for N*(P), [G] Figs. 5, 10", ("lines",), None),
    ("observables, tables, figures", (), None),
)
"""The name of each part, the folders of its benchmarks, and whether their sweeps measure the test error (None: any)."""


def core_seconds(benchmarks: Path) -> list[tuple[str, int, float]]:
    """(name, number of jobs, seconds) of each part, from the column `cpu_time` of the files `KIND/…/*.tsv`.

    A job that ends before Snakemake's first sample has "NA" there; then its time by the clock counts.
    """
    sums = [[name, 0, 0.0] for name, _, _ in PARTS]
    for path in sorted(benchmarks.rglob("*.tsv")):
        kind, *rest = path.relative_to(benchmarks).parts
        part = next(number for number, of in enumerate(PARTS) if _belongs(kind, rest[0] if rest else "", of))
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        seconds = sum(float(row["s"] if row["cpu_time"] == "NA" else row["cpu_time"]) for row in rows)
        sums[part][1] += 1
        sums[part][2] += seconds
    return [(name, jobs, seconds) for name, jobs, seconds in sums]


def readme_with_times(text: str, parts: Sequence[tuple[str, int, float]]) -> str:
    """A README's text with a new table of times between its marks. Raises ValueError if the marks are missing."""
    rows = ["| part of `quick` | jobs | minutes of one core |", "|---|---|---|"]
    every = [*parts, ("all", sum(jobs for _, jobs, _ in parts), sum(seconds for *_, seconds in parts))]
    rows += [f"| {name} | {jobs} | {seconds / 60:.0f} |" for name, jobs, seconds in every]
    return between_marks(text, "times", rows)


def _belongs(kind: str, sweep: str, part: tuple[str, tuple[str, ...], bool | None]) -> bool:
    _, kinds, of_error = part
    return not kinds or (kind in kinds and of_error in (None, sweep.startswith("generalization")))
