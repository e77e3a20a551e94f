"""Densities of the pre-activations a^j, and the number of them on the cusp of ReLU ([G] App. C, Fig. 12).

At the end of training some pre-activations of training patterns are pinned at zero, where the gradient jumps. Their
number over all layers and training patterns is N_c. A pre-activation counts as zero if |a| < threshold. The number is
also kept for a wide range of thresholds, to show that N_c lies on a plateau. Fresh patterns have no such
pre-activations.
"""

import numpy as np

from .. import network as net
from ..storage import store
from . import final_params, point_of, replicas, split_of, summary

# Measuring a point takes less time than starting Python, so one job measures all points of a sweep.
OF_SWEEP = True

# Smaller than the spread of a by a factor 10⁴, and larger than the |a| that the last steps leave (see the plateau).
THRESHOLD = 1e-4
PLATEAU = np.logspace(-12, -1, 45)
EDGES = np.linspace(-20, 20, 161)

# Fresh patterns used for each training pattern, if there are so many. More of them make the fresh curve smoother.
FRESH_PER_TRAIN = 4


def density(pre: np.ndarray, edges: np.ndarray, threshold: float) -> np.ndarray:
    """Density (B,) of the pre-activations with |a| ≥ threshold, for `pre` of any shape and edges (B + 1,).

    It is normalised by the number of all pre-activations, including those at zero and outside the edges. It is nan if
    there are none.
    """
    counted, _ = np.histogram(pre[np.abs(pre) >= threshold], edges)
    return _share(counted, pre.size) / np.diff(edges)


def count_at_zero(pre: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Number of pre-activations with |a| < threshold, for each threshold: int64 (K,)."""
    return np.searchsorted(np.sort(np.abs(pre), axis=None), thresholds, side="left").astype(np.int64)


def describe(pre_activations: list[np.ndarray], edges: np.ndarray, threshold: float) -> dict:
    """For each of the L layers: density (L, B), mass at zero (L,), and counts for the K thresholds of PLATEAU (L, K).

    `n_at_zero` is the number at zero over all layers.
    """
    at_zero = np.array([count_at_zero(pre, np.array([threshold]))[0] for pre in pre_activations])
    return {
        "density": np.array([density(pre, edges, threshold) for pre in pre_activations]),
        "mass_at_zero": np.array(
            [_share(count, pre.size) for count, pre in zip(at_zero, pre_activations, strict=True)], dtype=np.float64
        ),
        "n_at_zero": int(at_zero.sum()),
        "count": np.array([count_at_zero(pre, PLATEAU) for pre in pre_activations]),
    }


def measure(
    run: store.Result, dataset: store.Result, cusp_threshold: float = THRESHOLD, *, edges: np.ndarray = EDGES
) -> dict:
    """The tree of a result of kind "preactivations": those of every replica at the end of training.

    Raises ObservableError if a replica was not trained on this dataset.
    """
    point = point_of(run)
    tree: dict = {"threshold": float(cusp_threshold), "edges": np.asarray(edges)}
    for name, replica in replicas(run):
        params, data = final_params(replica), split_of(run, name, dataset)
        fresh_inputs = data.test_inputs[: FRESH_PER_TRAIN * point.n_train]
        train, fresh = (
            describe(net.forward(params, inputs, point.network)[1], edges, cusp_threshold)
            for inputs in (data.train_inputs, fresh_inputs)
        )
        tree[name] = {
            **summary(point, replica),
            "n_cusp": train["n_at_zero"],
            "n_fresh": len(fresh_inputs),
            "train": {key: train[key] for key in ("density", "mass_at_zero")},
            "fresh": {key: fresh[key] for key in ("density", "mass_at_zero")},
            "plateau": {"threshold": PLATEAU, "train_count": train["count"], "fresh_count": fresh["count"]},
        }
    return tree


def _share(count, total: int):
    return count / total if total else count * np.nan
