"""What counts as fitted, jammed and near jamming: every threshold of the project, each with its source. No torch."""

UNFITTED_FRACTION = 0.1
"""A network has failed to fit if it ends with N_Δ > 0.1 N: the rule of the papers for the hinge loss ([S] App. B)."""

JAMMED_FRACTION = 0.4
"""A run is jammed when it ends with N_Δ > 0.4 N; with fewer, yet not a few, it was stopped too early ([S] App. B).

[S] Eq. 11 gives N/4 as the least a stable minimum can have; what ends in between has a few patterns stuck far from the
margin, all others on their way to N_Δ = 0.
"""

FROZEN_LOSS = 1e-7
"""A run that ends with N_Δ > 0.4 N and a smaller 𝓛 (ε = 1/2) is no minimum either: the falling rate stopped it on its
way to 𝓛 = 0, while N_Δ was still falling. The overlaps left, Δ ~ √𝓛, are then of the size of the last steps."""


def is_jammed(n_delta: float, n_weights: int) -> bool:
    """Whether a run ended in the jammed phase: N_Δ > 0.4 N."""
    return bool(n_delta > JAMMED_FRACTION * n_weights)


def is_near_jamming(n_delta: float, n_weights: int, loss: float, max_loss: float) -> bool:
    """Whether a run is jammed with FROZEN_LOSS < 𝓛 < `max_loss`: inside the black rectangle of [G] Fig. 6(b)."""
    return is_jammed(n_delta, n_weights) and bool(FROZEN_LOSS < loss < max_loss)
