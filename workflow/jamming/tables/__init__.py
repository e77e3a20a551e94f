"""Tables: from the results of sweeps to exactly the numbers that a figure draws.

Each figure has one module with the figure's name (`inventory.module_of`). The module declares `NEEDS`, the kinds and
sweeps that it reads, and `tabulate(results, analysis) -> tree`. `results[kind][sweep]` is the list of results of a
sweep. A module with `IN_PART = True` accepts that some sweeps are missing: their lists are empty.
"""

from collections.abc import Collection
from importlib import import_module
from types import ModuleType

from ..analysis import Analysis, AnalysisError, Results


def needs(figure: str) -> dict[str, tuple[str, ...]]:
    """The sweeps a table reads, by kind of result: {"runs": (...), "spectra": (...)}."""
    return _module(figure).NEEDS


def can_be_made(figure: str, sweeps: Collection[str]) -> bool:
    """Whether a figure can be made from these sweeps: from all that it needs, or from one if it has `IN_PART`."""
    needed = {sweep for of_kind in needs(figure).values() for sweep in of_kind}
    found = needed.intersection(sweeps)
    return found == needed or bool(found and _in_part(figure))


def tabulate(figure: str, results: Results, analysis: Analysis) -> dict:
    """The table of a figure. Raises AnalysisError if a sweep that it needs is missing or empty."""
    found = {
        kind: {sweep: results.get(kind, {}).get(sweep, ()) for sweep in sweeps}
        for kind, sweeps in needs(figure).items()
    }
    lacking = [(kind, sweep) for kind, sweeps in found.items() for sweep, given in sweeps.items() if not given]
    if lacking and (not _in_part(figure) or len(lacking) == sum(map(len, found.values()))):
        kind, sweep = lacking[0]
        raise AnalysisError(f"table '{figure}' needs {kind} of sweep '{sweep}', and none was given; run that sweep.")
    return _module(figure).tabulate(found, analysis)


def _module(figure: str) -> ModuleType:
    return import_module(f".{figure.replace('/', '.')}", __name__)


def _in_part(figure: str) -> bool:
    return getattr(_module(figure), "IN_PART", False)
