"""Tables: from the results of sweeps to exactly what a figure draws, nothing else.

One module per figure, named like it. Each declares `NEEDS`, the kinds and sweeps it reads, and
`tabulate(results, analysis) -> tree`, where `results[kind][sweep]` is the list of that sweep's results. One that
declares `IN_PART = True` makes do with some of them: of the others the lists are empty.
"""

from collections.abc import Collection
from importlib import import_module

from ..analysis import Analysis, AnalysisError, Results

MODULES = {
    "fig1": "fig1",
    "fig2": "fig2",
    "fig3": "fig3",
    "fig4": "fig4",
    "fig5": "fig5",
    "fig6": "fig6",
    "fig7": "fig7",
    "fig8": "fig8",
    "fig9": "fig9",
    "fig10": "fig10",
    "fig11": "fig11",
    "fig12": "fig12",
    "generalization/fig1": "generalization.fig1",
    "generalization/fig2": "generalization.fig2",
    "generalization/fig3": "generalization.fig3",
    "generalization/fig4": "generalization.fig4",
    "generalization/figA1": "generalization.figA1",
    "generalization/figA2": "generalization.figA2",
    "generalization/figB1": "generalization.figB1",
    "generalization/figB2": "generalization.figB2",
}
"""Every figure by name, and the module that tabulates and the one that draws it (the same path in both packages)."""


def module_of(name: str) -> str:
    """Module path of a figure, relative to `tables` and to `figures`. Raises AnalysisError for an unknown name."""
    if name not in MODULES:
        raise AnalysisError(f"there is no figure '{name}'; the figures are {', '.join(MODULES)}.")
    return MODULES[name]


def needs(name: str) -> dict[str, tuple[str, ...]]:
    """The sweeps a table reads, by kind of result: {"runs": (...), "spectra": (...)}."""
    return import_module(f".{module_of(name)}", __name__).NEEDS


def can_be_made(name: str, sweeps: Collection[str]) -> bool:
    """Whether a figure can be made from these sweeps: all that it needs, or one of them if it makes do with a part."""
    needed = {sweep for of_kind in needs(name).values() for sweep in of_kind}
    found = needed.intersection(sweeps)
    return found == needed or bool(found and _in_part(name))


def tabulate(name: str, results: Results, analysis: Analysis) -> dict:
    """The table of a figure. Raises AnalysisError when sweeps it cannot do without were not given or are empty."""
    module = import_module(f".{module_of(name)}", __name__)
    found = {
        kind: {sweep: results.get(kind, {}).get(sweep, ()) for sweep in module.NEEDS[kind]} for kind in module.NEEDS
    }
    lacking = [(kind, sweep) for kind, sweeps in found.items() for sweep, given in sweeps.items() if not given]
    if lacking and (not _in_part(name) or len(lacking) == sum(map(len, found.values()))):
        kind, sweep = lacking[0]
        raise AnalysisError(f"table '{name}' needs {kind} of sweep '{sweep}', and none was given; run that sweep.")
    return module.tabulate(found, analysis)


def _in_part(name: str) -> bool:
    return getattr(import_module(f".{module_of(name)}", __name__), "IN_PART", False)
