"""Claims: every published number, measured on our results with an interval and judged. No torch.

One module per group of statistics (`inventory.claim_groups`). Each declares STATISTICS: for each claim, by the id it
has in config/claims.yaml, the results it reads and a function from them to a `Measurement`. A statistic knows no
tolerance and gives no verdict: that is `verdict`, from the interval, the tolerance and the sizes alone.
docs/statistics.md describes both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module

from ..analysis import Analysis, Results
from ..analysis.statistics import Measurement
from ..spec import seed_of

Needs = Mapping[str, tuple[str, ...]]


class ClaimError(ValueError):
    """A claim or a file of claims that makes no sense; one sentence says which, why, and how to mend it."""


@dataclass(frozen=True)
class Statistic:
    """How a claim is tested: what it reads, {"runs": (sweep, …)}, and the function that measures it."""

    needs: Needs
    measure: Callable[[Results, Analysis], Measurement]


def statistics(group: str) -> dict[str, Statistic]:
    """The statistics of a group by claim."""
    return import_module(f".{group}", __name__).STATISTICS


def needs(group: str) -> dict[str, tuple[str, ...]]:
    """The sweeps that the claims of a group read, by kind of result."""
    found: dict[str, dict[str, None]] = {}
    for statistic in statistics(group).values():
        for kind, sweeps in statistic.needs.items():
            found.setdefault(kind, {}).update(dict.fromkeys(sweeps))
    return {kind: tuple(sweeps) for kind, sweeps in found.items()}


def missing(statistic: Statistic, results: Results) -> list[str]:
    """The sweeps that a statistic needs and the results lack, because the config does not have them."""
    lacking = [name for kind, names in statistic.needs.items() for name in names if not results.get(kind, {}).get(name)]
    return sorted(set(lacking))


def measure(identifier: str, statistic: Statistic, results: Results, analysis: Analysis) -> Measurement:
    """One claim measured; each has its own random numbers, so that adding one changes no other."""
    return statistic.measure(results, replace(analysis, seed=seed_of(analysis.seed, "claim", identifier)))
