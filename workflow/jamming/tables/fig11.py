"""[G] Fig. 11: effective number of parameters against their total number, MNIST, L = 3, before and after training."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..analysis import Analysis, AnalysisError, Results
from ..analysis.sweeps import replicas

if TYPE_CHECKING:
    from ..storage.store import Result

SWEEP = "mnist_L3"
NEEDS = {"effective": (SWEEP,)}


def tabulate(results: Results, analysis: Analysis) -> dict:
    """The groups `initial` and `final`: columns n_params, n_hidden, n_train, n_eff, n_vectors, one row per network.

    n_vectors = P·(d + 1) also bounds N_eff. The attributes are dim, depth and n_networks.
    """
    networks = results["effective"][SWEEP]
    return {
        "dim": _common(networks, "dim"),
        "depth": _common(networks, "depth"),
        "n_networks": sum(1 for _ in replicas(networks)),
        **{state: _rows(networks, state) for state in ("initial", "final")},
    }


def _rows(results: Sequence["Result"], state: str) -> dict:
    chosen = list(replicas(results))
    rows = {name: [replica[name] for replica in chosen] for name in ("n_params", "n_hidden", "n_train")}
    rows |= {name: [replica[state][name] for replica in chosen] for name in ("n_eff", "n_vectors")}
    return {name: np.array(values, dtype=np.int64) for name, values in rows.items()}


def _common(results: Sequence["Result"], key: str) -> int:
    values = {result.spec["run"]["network"][key] for result in results}
    if len(values) > 1:
        raise AnalysisError(f"the runs of sweep '{SWEEP}' differ in {key} ({sorted(values)}); give one value.")
    return int(values.pop())
