"""The jump of N_Δ/N: final states and evolution of the runs of a sweep ([G] Sec. IV, [S] Sec. 3)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..criteria import fits_by_count
from . import AnalysisError
from .sweeps import ends, replicas

if TYPE_CHECKING:
    from ..storage.store import Result

FIRST_FRACTION = 3e5 / 1e7
"""[G] Fig. 6(a) shows times from 3·10^5 to 10^7 steps. Trainings of other lengths show the same fraction."""


def final_states(results: Sequence["Result"], margin: float | None = None) -> dict:
    """The final state of each run, one row per run.

    Columns, each (R,): n_train, p_over_n, loss, n_delta_over_n, misclassified; from `criteria.End` state, living_loss,
    n_dead, fall, bulk_fall and gradient; fits_by_count (1 if N_Δ ≤ 0.1 N, the rule of the papers). Attributes: n_runs,
    depth, n_weights, margin. If `margin` is given, 𝓛 is converted to it: Δ → αΔ, 𝓛 → α²𝓛 with α = margin/ε
    ([G] ref. 63).
    """
    own_margin = _common(results, "protocol", "margin")
    scale = 1.0 if margin is None else (margin / own_margin) ** 2
    rows = []
    for result in results:
        n_train, n_weights = result.spec["n_train"], _n_weights(result)
        for replica, end in zip(replicas([result]), ends([result]), strict=True):
            rows.append(
                {
                    "n_train": n_train,
                    "p_over_n": n_train / n_weights,
                    "loss": scale * end.loss,
                    "n_delta_over_n": end.n_delta / n_weights,
                    "misclassified": replica["record"]["misclassified"][-1],
                    "state": end.state,
                    "living_loss": scale * end.living_loss,
                    "fits_by_count": int(fits_by_count(end.n_delta, n_weights)),
                    **{name: getattr(end, name) for name in ("n_dead", "fall", "bulk_fall", "gradient")},
                }
            )
    return {
        **{name: np.array([row[name] for row in rows]) for name in rows[0]},
        "n_runs": len(rows),
        "depth": _common(results, "network", "depth"),
        "n_weights": _n_weights(results[0]),
        "margin": own_margin if margin is None else margin,
    }


def evolution(results: Sequence["Result"]) -> dict:
    """N_Δ/N against time, one row per run and recorded time. Early times are left out, as in [G] Fig. 6(a).

    Columns, each (R·T,): run (a number), p_over_n, step, n_delta_over_n. The last state of a run is always included.
    Attributes: n_runs, depth, first_step.
    """
    first_step = FIRST_FRACTION * _common(results, "protocol", "steps")
    columns = {"run": [], "p_over_n": [], "step": [], "n_delta_over_n": []}
    n_runs = 0
    for result in results:
        n_weights = _n_weights(result)
        for replica in replicas([result]):
            step, n_delta = replica["record"]["step"], replica["record"]["n_delta"]
            shown = step >= first_step
            shown[-1] = True
            columns["run"].append(np.full(shown.sum(), n_runs))
            columns["p_over_n"].append(np.full(shown.sum(), result.spec["n_train"] / n_weights))
            columns["step"].append(step[shown])
            columns["n_delta_over_n"].append(n_delta[shown] / n_weights)
            n_runs += 1
    tree = {name: np.concatenate(parts) for name, parts in columns.items()}
    return {**tree, "n_runs": n_runs, "depth": _common(results, "network", "depth"), "first_step": first_step}


def _n_weights(result: "Result") -> int:
    return int(next(replicas([result]))["n_weights"])


def _common(results: Sequence["Result"], part: str, key: str) -> int | float:
    """The value that all points of a sweep share. Raises AnalysisError if the points differ."""
    values = {result.spec[part][key] for result in results}
    if len(values) > 1:
        sweep = results[0].spec["sweep"]
        raise AnalysisError(f"the runs of sweep '{sweep}' differ in {part} {key} ({sorted(values)}); train them again.")
    return values.pop()
