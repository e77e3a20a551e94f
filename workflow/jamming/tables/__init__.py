"""Tables: from the results of sweeps to exactly what a figure draws, nothing else.

One module per figure, named like it (`inventory.module_of`). Each declares `NEEDS`, the kinds and sweeps it reads, and
`tabulate(results, analysis) -> tree`, where `results[kind][sweep]` is the list of that sweep's results. One that
declares `IN_PART = True` makes do with some of them: of the others the lists are empty.
"""

from collections.abc import Collection
from importlib import import_module
from types import ModuleType

from ..analysis import Analysis, AnalysisError, Results


def needs(figure: str) -> dict[str, tuple[str, ...]]:
    """The sweeps a table reads, by kind of result: {"runs": (...), "spectra": (...)}."""
    return _module(figure).NEEDS


def can_be_made(figure: str, sweeps: Collection[str]) -> bool:
    """Whether a figure can be made from these sweeps: all that it needs, or one of them if it makes do with a part."""
    needed = {sweep for of_kind in needs(figure).values() for sweep in of_kind}
    found = needed.intersection(sweeps)
    return found == needed or bool(found and _in_part(figure))


def tabulate(figure: str, results: Results, analysis: Analysis) -> dict:
    """The table of a figure. Raises AnalysisError when sweeps it cannot do without were not given or are empty."""
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
