"""How a run ended: what counts as fitted, as jammed and as settled. Every threshold stands here, with its source.

No torch. 𝓛 and its thresholds are those of ε = 1/2; at another ε a threshold is 4ε² times as large ([G] ref. 63).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import pairwise

import numpy as np

FITTED_LOSS = 1e-6
"""A network fits if 𝓛 is no larger. Its overlaps are then below a per cent of the margin. Losses at the end of annealed
trainings leave a gap around it, which docs/physics.md shows: below lie networks whose patterns stopped on the margin as
the rate fell, above lie jammed ones."""

UNFITTED_FRACTION = 0.1
"""The rule of the papers for the hinge loss: a network has failed if it ends with N_Δ > 0.1 N ([S] App. B). It is shown
beside ours. After a falling rate it takes networks that fit for failures: N_Δ counts patterns at Δ = 10⁻¹² as well."""

JAMMED_FRACTION = 0.4
"""[S] App. B leaves out runs that end with fewer than N_Δ = 0.4 N as stopped too early. Shown beside our rule; nothing
is selected by it, since what is selected by N_Δ cannot test how N_Δ is distributed."""

LAST_PART, MOST_FALL = 0.2, 4.0
"""A run has settled if 𝓛, and that of its bulk, fell by less than this factor over this last part of its training. The
typical overlap, √𝓛, then changed by less than a factor of 2; one that changes faster tells when the training ended, not
where it leads. |∇𝓛|/√𝓛 cannot tell that: on cusps the gradient jumps and does not vanish."""

OUTLIERS = 0.01
"""This fraction of the living overlaps, the largest, is no part of the bulk: a few patterns far from the margin can
hold most of 𝓛, which then says little of the others."""

SAME_OUTPUT = 1e-10
"""Outputs that are equal to so many digits come from patterns that the network maps to one point: a dead layer."""

STATIONARY = 1e-4
"""|∇𝓛|/√𝓛 below this is a stationary point. Where patterns on cusps or on the margin hold a run, it is above 10⁻²; at a
stationary point it is rounding, below 10⁻⁶."""

FITS, STUCK, JAMMED, UNSETTLED = "fits", "stuck", "jammed", "unsettled"
STATES = (FITS, STUCK, JAMMED, UNSETTLED)
"""How a run can end. STUCK: all patterns fit but for a few, dead ones or outliers, which hold 𝓛."""


def fits(loss: float | np.ndarray, margin: float = 0.5) -> bool | np.ndarray:
    """Whether networks that ended with `loss`, at this ε, fit their patterns."""
    return loss <= FITTED_LOSS * (2 * margin) ** 2


def fits_by_count(n_delta: float | np.ndarray, n_weights: float | np.ndarray) -> bool | np.ndarray:
    """The same by the rule of the papers, N_Δ ≤ 0.1 N."""
    return n_delta <= UNFITTED_FRACTION * n_weights


@dataclass(frozen=True)
class End:
    """The last state of a run.

    `n_dead` patterns are dead: they share their output with one of the other label. The others live; `dead_loss` and
    `outlier_loss` are the parts of `loss` that the dead hold, and the largest overlaps of the living (OUTLIERS of
    them). `overlap` is the median Δ of the living unsatisfied ones, nan if there is none, and `bulk_loss` the 𝓛 of as
    many with that Δ each. `fall` is the factor by which 𝓛 fell over LAST_PART, `bulk_fall` the same without dead and
    outliers, taking what they hold as constant. `gradient` is |∇𝓛|/√𝓛, 0 for 𝓛 = 0.
    """

    margin: float
    n_weights: int
    n_delta: int
    loss: float
    n_dead: int
    dead_loss: float
    outlier_loss: float
    overlap: float
    bulk_loss: float
    fall: float
    bulk_fall: float
    gradient: float

    @property
    def living_loss(self) -> float:
        """𝓛 without the dead patterns."""
        return max(self.loss - self.dead_loss, 0.0)

    @property
    def state(self) -> str:
        """One of STATES."""
        if fits(self.loss, self.margin):
            return FITS
        if self.fall >= MOST_FALL:
            return UNSETTLED
        if fits(self.bulk_loss, self.margin):
            return STUCK
        return JAMMED if self.bulk_fall < MOST_FALL else UNSETTLED

    def is_near_jamming(self, max_loss: float) -> bool:
        """Jammed with 𝓛 < `max_loss` (in the run's own ε): what the black rectangle of [G] Fig. 6(b) is for."""
        return self.state == JAMMED and self.living_loss < max_loss

    def to_tree(self) -> dict[str, float]:
        """As attributes of a result."""
        return asdict(self)

    @classmethod
    def from_tree(cls, tree: Mapping) -> "End":
        """From a group that holds those attributes, maybe among others."""
        return cls(**{field.name: tree[field.name] for field in fields(cls)})


def end_of(run: Mapping, margin: float) -> End:
    """How a run ended: from `final` (delta, output; each (P,)) and `record` (step, loss, gradient_norm; each (T,))."""
    delta, output = (np.asarray(run["final"][name], float) for name in ("delta", "output"))
    unsatisfied, dead = delta > 0, dead_patterns(delta, output, margin)
    energies = np.where(unsatisfied, delta, 0.0) ** 2 / (2 * len(delta))
    loss, dead_loss = float(energies.sum()), float(energies[dead].sum())
    living = np.sort(delta[unsatisfied & ~dead])
    n_outliers = max(1, round(OUTLIERS * len(living)))
    outlier_loss = float((living[-n_outliers:] ** 2).sum()) / (2 * len(delta))
    overlap = float(np.median(living)) if len(living) else np.nan
    before = _before_last_part(run["record"])
    held = dead_loss + outlier_loss
    return End(
        margin=float(margin),
        n_weights=int(run["n_weights"]),
        n_delta=int(unsatisfied.sum()),
        loss=loss,
        n_dead=int(dead.sum()),
        dead_loss=dead_loss,
        outlier_loss=outlier_loss,
        overlap=overlap,
        bulk_loss=len(living) * overlap**2 / (2 * len(delta)) if len(living) else 0.0,
        fall=before / loss if loss > 0 else 1.0,
        bulk_fall=max(before - held, 0.0) / (loss - held) if loss > held else 1.0,
        gradient=float(run["record"]["gradient_norm"][-1] / np.sqrt(loss)) if loss > 0 else 0.0,
    )


def dead_patterns(delta: np.ndarray, output: np.ndarray, margin: float) -> np.ndarray:
    """Which patterns (P,) share their output with one of the other label, from Δ (P,) and f (P,).

    The network maps them to one point, as where a layer has died for all of them. No change of the weights before
    that layer moves them, and a bias moves them together: one of two can be fitted, at most.
    """
    aligned = margin - delta
    positive = np.abs(aligned - output) <= np.abs(aligned + output)
    order = np.argsort(output, kind="stable")
    edges = np.flatnonzero(np.diff(output[order]) > SAME_OUTPUT) + 1
    dead = np.zeros(len(delta), bool)
    for start, end in pairwise([0, *edges.tolist(), len(delta)]):
        group = order[start:end]
        # Where f = 0 a label cannot be told from Δ; so many outputs of exactly 0 are those of a dead layer, too.
        both = np.ptp(positive[group].astype(int)) > 0 or abs(output[group[0]]) <= SAME_OUTPUT
        dead[group] = end - start > 1 and both
    return dead


def _before_last_part(record: Mapping) -> float:
    """𝓛 at the last record before LAST_PART of the training."""
    steps = np.asarray(record["step"])
    return float(record["loss"][max(int(np.searchsorted(steps, (1 - LAST_PART) * steps[-1], side="right")) - 1, 0)])
