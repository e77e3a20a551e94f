"""How a run ended: the criteria for fitted, stuck, unsettled and jammed runs, each threshold with its source. No torch.

Thresholds of 𝓛 are those at ε = 1/2. At another ε they are multiplied by 4ε² ([G] ref. 63).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import pairwise

import numpy as np

FITTED_LOSS = 1e-6
"""A network fits if 𝓛 is no larger than this. Its overlaps are then below a per cent of the margin. The losses at the
end of annealed trainings leave a gap around this value (docs/physics.md). Networks below the gap have patterns that
stopped on the margin when the rate fell. Networks above the gap are jammed."""

UNFITTED_FRACTION = 0.1
"""The papers' rule for the hinge loss: a network has failed if it ends with N_Δ > 0.1 N ([S] App. B). It is shown
beside our rule. After a falling rate it counts some networks that fit as failures, since N_Δ also counts patterns with
Δ = 10⁻¹²."""

JAMMED_FRACTION = 0.4
"""[S] App. B leaves out runs that end with N_Δ < 0.4 N, because they were stopped too early. We show this rule beside
ours and select no run by it: runs selected by N_Δ cannot test the distribution of N_Δ."""

LAST_PART, MOST_FALL = 0.2, 4.0
"""A run has settled if 𝓛 and the 𝓛 of its bulk fell by less than a factor MOST_FALL over LAST_PART of the training. The
typical overlap, √𝓛, then changed by less than a factor of 2. An overlap that changes faster depends on the length of
the training. |∇𝓛|/√𝓛 cannot decide this: on cusps the gradient jumps and does not vanish."""

OUTLIERS = 0.01
"""The bulk leaves out this fraction of the living overlaps, the largest ones. A few patterns far from the margin can
hold most of 𝓛. Then 𝓛 says little about the other patterns."""

SAME_OUTPUT = 1e-10
"""Two outputs that differ by no more than this come from patterns that a dead layer maps to one point."""

STATIONARY = 1e-4
"""A run with |∇𝓛|/√𝓛 below this is at a stationary point. There the ratio consists of rounding errors, below 10⁻⁶. If
patterns on cusps or on the margin hold a run, it is above 10⁻²."""

FITS, STUCK, JAMMED, UNSETTLED = "fits", "stuck", "jammed", "unsettled"
STATES = (FITS, STUCK, JAMMED, UNSETTLED)
"""The ways a run can end. A run is STUCK if all patterns fit except a few dead ones or outliers, which hold 𝓛."""


def fits(loss: float | np.ndarray, margin: float = 0.5) -> bool | np.ndarray:
    """Whether networks with this final 𝓛, at this ε, fit their patterns."""
    return loss <= FITTED_LOSS * (2 * margin) ** 2


def fits_by_count(n_delta: float | np.ndarray, n_weights: float | np.ndarray) -> bool | np.ndarray:
    """Whether networks fit by the rule of the papers, N_Δ ≤ 0.1 N."""
    return n_delta <= UNFITTED_FRACTION * n_weights


@dataclass(frozen=True)
class End:
    """The last state of a run.

    A pattern is dead if it shares its output with one of the other label (`dead_patterns`). All others are living.
    `n_dead`: number of dead patterns. `dead_loss`: their part of `loss`. `outlier_loss`: the part of the largest living
    overlaps (the fraction OUTLIERS of them). `overlap`: median Δ of the living unsatisfied patterns, nan without any.
    `bulk_loss`: 𝓛 if each of these patterns had this Δ. `fall`: the factor by which 𝓛 fell over LAST_PART. `bulk_fall`:
    the same without the dead and the outliers, whose part is taken as constant. `gradient`: |∇𝓛|/√𝓛, 0 if 𝓛 = 0.
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
        """How the run ended, one of STATES."""
        if fits(self.loss, self.margin):
            return FITS
        if self.fall >= MOST_FALL:
            return UNSETTLED
        if fits(self.bulk_loss, self.margin):
            return STUCK
        return JAMMED if self.bulk_fall < MOST_FALL else UNSETTLED

    def is_near_jamming(self, max_loss: float) -> bool:
        """Whether the run is jammed with 𝓛 < `max_loss` (at its own ε), like the rectangle of [G] Fig. 6(b)."""
        return self.state == JAMMED and self.living_loss < max_loss

    def to_tree(self) -> dict[str, float]:
        """The fields as attributes of a result."""
        return asdict(self)

    @classmethod
    def from_tree(cls, tree: Mapping) -> "End":
        """The End with these attributes; other entries of the group are ignored."""
        return cls(**{field.name: tree[field.name] for field in fields(cls)})


def end_of(run: Mapping, margin: float) -> End:
    """How a run ended, from `final` (delta, output; each (P,)) and `record` (step, loss, gradient_norm; each (T,))."""
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
    """Which patterns are dead, (P,), from Δ (P,) and f (P,). They share their output with one of the other label.

    The network maps such patterns to one point, because a layer has died for all of them. No change of the weights
    before that layer moves them, and a bias moves them together. So at most one of two can be fitted.
    """
    aligned = margin - delta
    positive = np.abs(aligned - output) <= np.abs(aligned + output)
    order = np.argsort(output, kind="stable")
    edges = np.flatnonzero(np.diff(output[order]) > SAME_OUTPUT) + 1
    dead = np.zeros(len(delta), bool)
    for start, end in pairwise([0, *edges.tolist(), len(delta)]):
        group = order[start:end]
        # If f = 0, Δ does not tell the label. But several outputs of exactly 0 come from a dead layer, too.
        both = np.ptp(positive[group].astype(int)) > 0 or abs(output[group[0]]) <= SAME_OUTPUT
        dead[group] = end - start > 1 and both
    return dead


def _before_last_part(record: Mapping) -> float:
    """𝓛 at the last record before the LAST_PART of the training."""
    steps = np.asarray(record["step"])
    return float(record["loss"][max(int(np.searchsorted(steps, (1 - LAST_PART) * steps[-1], side="right")) - 1, 0)])
