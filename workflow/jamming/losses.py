"""The quadratic hinge loss and what is counted with it ([G] Eq. 9, [S] Eq. 4). No torch."""


def overlaps(outputs, labels, margin: float):
    """Δ_μ = ε − y_μ f(x_μ), shape (P,): positive where the pattern is unsatisfied."""
    return margin - labels * outputs


def quadratic_hinge(delta) -> float:
    """𝓛 = (1/P) Σ_{Δ>0} Δ²/2, from the overlaps (P,)."""
    return float((delta.clip(min=0) ** 2).sum()) / (2 * len(delta))


def count_misclassified(outputs, labels) -> float:
    """Patterns with y f < 0, plus half of those with f = 0: an output of zero is a coin toss, not an error."""
    aligned = labels * outputs
    return float((aligned < 0).sum()) + 0.5 * float((aligned == 0).sum())
