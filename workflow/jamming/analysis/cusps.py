"""Densities of the pre-activations of each layer and the peak at the ReLU cusp ([G] App. C)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from . import AnalysisError
from .power_law import mean_and_deviation
from .sweeps import near_jamming

if TYPE_CHECKING:
    from ..storage.store import Result


def layer_densities(results: Sequence["Result"], max_loss: float) -> dict:
    """Densities of the pre-activations, averaged over the runs near jamming: one group per layer ("layer_1", …).

    Each layer has `edges` (B+1,), and `train` (B,) and `fresh` (B,) without the peak at 0. Its attributes
    train_mass_at_zero and fresh_mass_at_zero are the weights of that peak. Attributes of the tree: n_runs, n_layers,
    max_loss, threshold (a smaller |a| counts as 0), cusp_fraction N_c/N and its deviation over runs.
    Raises AnalysisError if runs differ in bins or in the threshold.
    """
    replicas = near_jamming(results, max_loss)
    if not replicas:
        return {"n_runs": 0, "max_loss": max_loss}
    edges, threshold = results[0].tree["edges"], float(results[0].tree["threshold"])
    if not all(np.array_equal(r.tree["edges"], edges) and r.tree["threshold"] == threshold for r in results):
        raise AnalysisError("the pre-activations of runs have different bins or thresholds; measure all of them again.")
    cusps, cusps_deviation = mean_and_deviation([[replica["n_cusp"] / replica["n_weights"]] for replica in replicas])
    train, fresh = (_average(replicas, side, "density") for side in ("train", "fresh"))
    train_mass, fresh_mass = (_average(replicas, side, "mass_at_zero") for side in ("train", "fresh"))
    n_layers = len(train)
    layers = {
        f"layer_{layer + 1}": {
            "edges": edges,
            "train": train[layer],
            "fresh": fresh[layer],
            "train_mass_at_zero": float(train_mass[layer]),
            "fresh_mass_at_zero": float(fresh_mass[layer]),
        }
        for layer in range(n_layers)
    }
    return {
        **layers,
        "n_runs": len(replicas),
        "n_layers": n_layers,
        "max_loss": max_loss,
        "threshold": threshold,
        "cusp_fraction": float(cusps[0]),
        "cusp_fraction_deviation": float(cusps_deviation[0]),
    }


def _average(replicas: Sequence[dict], side: str, name: str) -> np.ndarray:
    return np.mean([replica[side][name] for replica in replicas], axis=0)
