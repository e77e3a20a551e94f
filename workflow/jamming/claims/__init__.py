"""Claims: every published number, measured on our results with an interval, and judged. No torch.

Each group of claims has a module (`inventory.claim_groups`) with a dict STATISTICS. It maps the id of a claim in
config/claims.yaml to the results that the claim reads and to a function from these results to a `Measurement`. A
statistic knows no tolerance. `verdict` judges it by interval, tolerance and sizes alone. docs/statistics.md describes
both steps.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module

from ..analysis import Analysis, Results
from ..analysis.statistics import Measurement
from ..spec import seed_of

Needs = Mapping[str, tuple[str, ...]]


class ClaimError(ValueError):
    """A claim or a file of claims is wrong. The message is one sentence: which, why, and how to correct it."""


@dataclass(frozen=True)
class Statistic:
    """The test of a claim: the results it reads, {"runs": (sweep, …)}, and the function that measures it."""

    needs: Needs
    measure: Callable[[Results, Analysis], Measurement]


def statistics(group: str) -> dict[str, Statistic]:
    """The statistics of a group, by claim."""
    return import_module(f".{group}", __name__).STATISTICS


def needs(group: str) -> dict[str, tuple[str, ...]]:
    """The sweeps that the claims of a group read, by kind of result."""
    found: dict[str, dict[str, None]] = {}
    for statistic in statistics(group).values():
        for kind, sweeps in statistic.needs.items():
            found.setdefault(kind, {}).update(dict.fromkeys(sweeps))
    return {kind: tuple(sweeps) for kind, sweeps in found.items()}


def missing(statistic: Statistic, results: Results) -> list[str]:
    """The sweeps that a statistic needs and that the results lack, because the config does not have them."""
    lacking = [name for kind, names in statistic.needs.items() for name in names if not results.get(kind, {}).get(name)]
    return sorted(set(lacking))


def measure(identifier: str, statistic: Statistic, results: Results, analysis: Analysis) -> Measurement:
    """The measurement of one claim. Each claim has its own random numbers, so a new claim changes no other."""
    return statistic.measure(results, replace(analysis, seed=seed_of(analysis.seed, "claim", identifier)))
