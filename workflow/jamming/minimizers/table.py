"""Tables in Markdown: evaluations and processor time of each method, and P/N* against the number of evaluations."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

Rows = Sequence[Mapping]

COUNTED_TO = 1e-7
"""Evaluations are counted until 𝓛 is below this. From there every method reaches zero."""


def fitted_at(row: Mapping) -> float:
    """The number of evaluations until 𝓛 < 10⁻⁷, or NaN for never. It is known to a tenth, the spacing of records."""
    trace = np.array(row["trace"])
    below = trace[:, 2] < COUNTED_TO
    return float(trace[below, 0][0]) if below.any() else np.nan


def markdown(rows: Rows) -> list[str]:
    """The lines of the table, one for each problem, P/N and method.

    A line lists the evaluations of the seeds that fit, and the final 𝓛 of the others.
    """
    ratios = sorted({(row["asked"]["problem"], row["asked"]["ratio"]) for row in rows})
    lines = ["| network | P/N | method | seeds that fit | evaluations to 𝓛 < 10⁻⁷ | 𝓛 of the others | seconds |"]
    lines.append("|---|---|---|---|---|---|---|")
    for problem, ratio in ratios:
        here = [row for row in rows if (row["asked"]["problem"], row["asked"]["ratio"]) == (problem, ratio)]
        for method in dict.fromkeys(row["asked"]["method"] for row in here):
            of_method = [row for row in here if row["asked"]["method"] == method]
            times = [fitted_at(row) for row in of_method]
            fitted = ", ".join(f"{time:.0f}" for time in sorted(times) if not np.isnan(time))
            others = [row["loss"] for row, time in zip(of_method, times, strict=True) if np.isnan(time)]
            budget = of_method[0]["asked"]["evaluations"]
            left = ", ".join(scientific(loss) for loss in sorted(others)) + (f" ({budget})" if others else "")
            seconds = np.mean([row["seconds"] for row in of_method])
            counts = f"{len(of_method) - len(others)} of {len(of_method)}"
            name = f"`{problem}`, N = {here[0]['n_weights']}"
            lines.append(f"| {name} | {ratio:g} | `{method}` | {counts} | {fitted} | {left} | {seconds:.1f} |")
    return lines


def transition(rows: Rows, problem: str, efforts: Sequence[int]) -> list[str]:
    """The lines of the table of P/N* for each method, one column per number of evaluations in `efforts`.

    P/N* is the integral over P/N of the fraction that fits. The fraction is interpolated between the ratios that were
    run. It is taken as 1 below them and as 0 above them.
    """
    lines = ["| method | " + " | ".join(f"{effort} evaluations" for effort in efforts) + " |"]
    lines.append("|---|" + "---|" * len(efforts))
    of_method = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["asked"]["problem"] == problem:
            of_method[row["asked"]["method"]][row["asked"]["ratio"]].append(row)
    for method, by_ratio in of_method.items():
        if len(by_ratio) >= 4:
            cells = [_position(by_ratio, effort) for effort in efforts]
            lines.append(f"| `{method}` | " + " | ".join(cells) + " |")
    return lines


def fractions(by_ratio: Mapping[float, Rows], effort: float) -> tuple[np.ndarray, np.ndarray]:
    """P/N in increasing order, and the fraction that fits within `effort` evaluations."""
    ratios = np.array(sorted(by_ratio))
    return ratios, np.array([np.mean([fitted_at(row) <= effort for row in by_ratio[ratio]]) for ratio in ratios])


def _position(by_ratio: Mapping[float, Rows], effort: int) -> str:
    if effort > min(row["asked"]["evaluations"] for rows in by_ratio.values() for row in rows):
        return "–"
    ratios, fraction = fractions(by_ratio, effort)
    if fraction[0] < 0.5:
        return f"< {ratios[0]:g}"
    if fraction[-1] > 0.5:
        return f"> {ratios[-1]:g}"
    return f"{ratios[0] + np.trapezoid(fraction, ratios):.2f}"


def scientific(value: float) -> str:
    """A number in scientific notation: 0.0012 → 1.2·10⁻³."""
    factor, exponent = f"{value:.1e}".split("e")
    return f"{factor}·10" + str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
