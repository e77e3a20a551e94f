"""The quadratic hinge loss and the number of misclassified patterns ([G] Eq. 9, [S] Eq. 4). No torch."""


def overlaps(outputs, labels, margin: float):
    """Δ_μ = ε − y_μ f(x_μ), shape (P,), for outputs (P,) and labels (P,). Δ > 0 where the pattern is unsatisfied."""
    return margin - labels * outputs


def quadratic_hinge(delta) -> float:
    """𝓛 = (1/P) Σ_{Δ>0} Δ²/2, from the Δ (P,) of `overlaps`."""
    return float((delta.clip(min=0) ** 2).sum()) / (2 * len(delta))


def count_misclassified(outputs, labels) -> float:
    """The number of patterns with y f < 0, plus half of those with f = 0, which a coin toss would classify."""
    aligned = labels * outputs
    return float((aligned < 0).sum()) + 0.5 * float((aligned == 0).sum())
