"""What tables, claims and pages share: from the results of sweeps to numbers with their errors. No torch.

One module for each thing that the papers measure; `statistics` and `power_law` give the errors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..storage.store import Result

Results = Mapping[str, Mapping[str, Sequence["Result"]]]


class AnalysisError(ValueError):
    """Results that cannot become a table; one sentence says which, why, and what to run."""


@dataclass(frozen=True)
class Analysis:
    """The choices of the analysis, from the config.

    `drawn_network`: dim, depth and width of the network whose architecture is drawn;
    `max_loss`: runs count as near jamming below this 𝓛 (in the runs' own margin ε);
    `n_bootstrap`, `seed`: resamples of the bootstrap over runs, and its seed.
    """

    max_loss: float
    n_bootstrap: int
    seed: int
    drawn_network: Mapping[str, int]

    @classmethod
    def from_settings(cls, settings: Mapping) -> "Analysis":
        """From a mapping that holds all of them, maybe among others. Raises AnalysisError if one is missing."""
        try:
            return cls(
                settings["max_loss"], settings["n_bootstrap"], settings["seed"], settings.get("drawn_network", {})
            )
        except KeyError as error:
            raise AnalysisError(f"the analysis has no {error}; give it in the config.") from error
