"""[G] Fig. 4: the two losses as functions of y f. This table reads no result."""

import numpy as np

from .. import losses
from ..analysis import Analysis, Results

MARGIN = 0.5
"""ε of [G]."""

NEEDS: dict[str, tuple[str, ...]] = {}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """The columns yf, cross_entropy = log(1 + e^{−yf}), hinge = max(0, ε − yf)²/2, and the attribute margin = ε."""
    aligned = np.linspace(-1.5, 2, 351)
    overlap = losses.overlaps(aligned, 1.0, MARGIN)
    return {
        "margin": MARGIN,
        "yf": aligned,
        "cross_entropy": np.logaddexp(0, -aligned),
        "hinge": np.maximum(overlap, 0) ** 2 / 2,
    }
