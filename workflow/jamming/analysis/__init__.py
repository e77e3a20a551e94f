"""The analysis that tables, claims and pages share. It turns the results of sweeps into numbers with errors. No torch.

Each quantity of the papers has a module. `statistics` and `power_law` compute the errors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..storage.store import Result

Results = Mapping[str, Mapping[str, Sequence["Result"]]]


class AnalysisError(ValueError):
    """Raised if results cannot become a table. One sentence says which results, why, and what to run."""


@dataclass(frozen=True)
class Analysis:
    """The settings of the analysis, from the config.

    `max_loss`: a jammed run counts as near jamming if its 𝓛 is smaller (at the run's own margin ε).
    `n_bootstrap`, `seed`: the number of resamples of the bootstrap over runs, and its seed.
    `drawn_network`: dim, depth and width of the network whose architecture is drawn.
    """

    max_loss: float
    n_bootstrap: int
    seed: int
    drawn_network: Mapping[str, int]

    @classmethod
    def from_settings(cls, settings: Mapping) -> "Analysis":
        """The analysis with these settings; other keys are ignored. Raises AnalysisError if a setting is missing."""
        try:
            return cls(
                settings["max_loss"], settings["n_bootstrap"], settings["seed"], settings.get("drawn_network", {})
            )
        except KeyError as error:
            raise AnalysisError(f"the analysis has no {error}; give it in the config.") from error
