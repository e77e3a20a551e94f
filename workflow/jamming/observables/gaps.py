"""Distributions of the overlaps Δ > 0 and of the gaps Δ < 0 at the end of training ([G] Sec. VI, Fig. 8 and 9d).

Overlaps are divided by their median. This makes runs at different distances from jamming comparable. The papers divide
by √𝓛, which a few patterns far from the margin can dominate; that distribution is kept, too. Gaps have the units of the
margin. Dead patterns are left out, since they exert no force on the parameters. Histograms have fixed logarithmic bins,
so that those of several replicas can be added.
"""

import numpy as np

from .. import losses
from ..criteria import dead_patterns
from ..storage import store
from . import ObservableError, point_of, replicas, summary

# Measuring a point takes less time than starting Python, so one job measures all points of a sweep.
OF_SWEEP = True
# The groups of a run that are not read.
UNREAD = ("state",)

# Ten bins in each decade. Values outside are not counted; n_delta and n_train − n_delta are the total numbers.
POSITIVE_EDGES = np.logspace(-6, 2, 81)
NEGATIVE_EDGES = np.logspace(-8, 2, 101)

# The default ranges of the power laws. Below them a finite learning rate smears out the distribution; above them, near
# the typical value, the distribution bends down.
POSITIVE_RANGE = (1e-2, 0.2)
NEGATIVE_RANGE = (1e-3, 0.5)


def overlaps(delta: np.ndarray) -> np.ndarray:
    """z = Δ/median Δ of the unsatisfied patterns, shape (N_Δ,), dimensionless; empty if every pattern is satisfied."""
    positive = delta[delta > 0]
    return positive / np.median(positive) if positive.size else positive


def overlaps_by_loss(delta: np.ndarray) -> np.ndarray:
    """z = Δ/√𝓛 of the unsatisfied patterns, shape (N_Δ,), as in [G] Fig. 8; empty if every pattern is satisfied."""
    positive = delta[delta > 0]
    return positive / np.sqrt(losses.quadratic_hinge(delta)) if positive.size else positive


def gaps(delta: np.ndarray) -> np.ndarray:
    """|Δ| of the satisfied patterns, shape (number of Δ < 0,), in the units of the margin."""
    return -delta[delta < 0]


def distribution(values: np.ndarray, edges: np.ndarray, fit_range: tuple[float, float]) -> dict:
    """Histogram of positive values, and the sufficient statistics of a power law on low ≤ value ≤ high.

    The likelihood of p(z) = (1 + θ) z^θ / (high^{1+θ} − low^{1+θ}) on [low, high] depends on the values through
    their number `n_in_range` and `sum_log` = Σ ln z alone; both add up over replicas.
    Raises ObservableError unless 0 < low < high.
    """
    low, high = fit_range
    if not 0 < low < high:
        raise ObservableError(f"The range of a power law is {low} to {high}; give two numbers with 0 < low < high.")
    inside = values[(values >= low) & (values <= high)]
    return {
        "edges": edges,
        "counts": np.histogram(values, edges)[0].astype(np.int64),
        "range_low": float(low),
        "range_high": float(high),
        "n_in_range": int(inside.size),
        "sum_log": float(np.sum(np.log(inside))),
    }


def measure(
    run: store.Result,
    theta_range: tuple[float, float] = POSITIVE_RANGE,
    gamma_range: tuple[float, float] = NEGATIVE_RANGE,
) -> dict:
    """The tree of a result of kind "gaps": overlaps and gaps of every replica at the end of training.

    `theta_range` bounds z, both in units of the median ("positive") and of √𝓛 ("positive_by_loss"). `gamma_range`
    bounds |Δ| in the units of the margin. Raises ObservableError for a range that does not increase.
    """
    point, tree = point_of(run), {}
    for name, replica in replicas(run):
        delta = replica["final"]["delta"]
        living = delta[~dead_patterns(delta, replica["final"]["output"], point.protocol.margin)]
        tree[name] = {
            **summary(point, replica),
            "positive": distribution(overlaps(living), POSITIVE_EDGES, theta_range),
            "positive_by_loss": distribution(overlaps_by_loss(delta), POSITIVE_EDGES, theta_range),
            "negative": distribution(gaps(living), NEGATIVE_EDGES, gamma_range),
        }
    return tree
