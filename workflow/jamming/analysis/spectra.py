"""Densities of eigenvalues of H_p, H_0 and H near jamming ([G] Sec. V).

A density is normalised by all Ñ eigenvalues of its matrix. If its peak at zero is left out, the area of the curve and
the weight of the peak add up to 1.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from . import Analysis, AnalysisError
from .power_law import mean_and_deviation
from .sweeps import near_jamming

if TYPE_CHECKING:
    from ..storage.store import Result

N_CURVES = 10
"""[G] Fig. 7(a) shows ten runs."""
MAX_DECADES = 8
"""Decades of |λ| shown below the largest one."""


def measured_near_jamming(
    results: Mapping[str, Sequence["Result"]], sweeps: Mapping[str, str], analysis: Analysis
) -> dict[str, list[dict]]:
    """Replicas near jamming with spectra, sorted by 𝓛, for each group name in `sweeps`.

    Some replicas near jamming have no spectrum, since the config limits how many are measured at each point.
    Raises AnalysisError if the spectra of a sweep were measured for a smaller `max_loss`.
    """
    chosen = {}
    for sweep, group in sweeps.items():
        max_loss = analysis.max_loss
        for result in results[sweep]:
            if result.tree["max_loss"] < max_loss:
                raise AnalysisError(
                    f"the spectra of sweep '{sweep}' were measured for 𝓛 < {result.tree['max_loss']:g} and the table "
                    f"is asked for 𝓛 < {max_loss:g}; measure them again with the max_loss of the tables."
                )
        chosen[group] = [replica for replica in near_jamming(results[sweep], max_loss) if replica["measured"]]
    return chosen


def positive_part(replicas: Sequence[dict]) -> dict:
    """The positive part of the spectrum of H_p in logarithmic bins, for up to ten runs spread over their losses.

    Columns: `edges` (B+1,), `density` (R, B) of λ, `loss` (R,) ascending. Attribute: n_runs.
    """
    if not replicas:
        return {"n_runs": 0}
    indices = np.unique(np.linspace(0, len(replicas) - 1, N_CURVES).round().astype(int))
    shown = [replicas[index] for index in indices]
    positive = [_positive_hp(replica) for replica in shown]
    together = np.concatenate(positive)
    n_bins = _n_bins(len(together) // len(positive))
    # The smallest positive eigenvalues are rare and spread over decades. Half a per cent of them is left out.
    high = together.max() * (1 + 1e-9)
    low = max(np.quantile(together, 0.005), high * 10.0**-MAX_DECADES)
    edges = np.geomspace(low, high, n_bins + 1)
    density = [_density(values, edges, replica["n_params"]) for values, replica in zip(positive, shown, strict=True)]
    loss = np.array([replica["loss"] for replica in shown])
    return {"edges": edges, "density": np.array(density), "loss": loss, "n_runs": len(shown)}


def rescaled(groups: Mapping[str, Sequence[dict]]) -> dict:
    """The spectrum of H_p in λ/Δ̃, both signs, without exact zeros. All groups share asinh bins.

    Δ̃ is the median overlap of the run (`criteria.End`). It is ∝ √𝓛 unless a few patterns carry 𝓛. Each group has
    `edges` (B+1,), `density` (R, B), `loss` (R,) ascending, and `mean` (B,) and `deviation` (B,) over runs. Attributes:
    n_runs, linear_width, unit, zero_weight (mean fraction of exact zeros), c0 (mean N_−/(N_− + N_+)).
    """
    values = {name: [_nonzero_hp(replica) / replica["overlap"] for replica in groups[name]] for name in groups}
    every = [part for parts in values.values() for part in parts]
    if not every:
        return {name: {"n_runs": 0} for name in groups}
    sizes = np.abs(np.concatenate(every))
    linear_width, limit = np.median(sizes), sizes.max() * (1 + 1e-9)
    edges = asinh_edges(-limit, limit, linear_width, _n_bins(min(len(part) for part in every)))
    return {name: _rescaled_group(groups[name], values[name], edges, linear_width) for name in groups}


def averaged(groups: Mapping[str, Sequence[dict]], matrix: str) -> dict:
    """Mean spectrum of H_0 without its kernel (`matrix` = "h0") or of H ("h"), as a density of u.

    u = asinh(λ/linear_width)/ln 10. So the density is per decade of |λ| if |λ| ≫ linear_width, and linear in λ if |λ|
    is smaller. Bins are equal in u. All groups share them, and so do H_0 and H. Areas are fractions of eigenvalues.
    Each group has `edges` (B+1,) of λ, and `mean` (B,) and `deviation` (B,) over runs. Attributes: n_runs,
    linear_width, and zero_weight (H_0: mean weight of the kernel) or negative_fraction (H: mean fraction of negative
    eigenvalues).
    """
    every = [replica for replicas in groups.values() for replica in replicas]
    if not every:
        return {name: {"n_runs": 0} for name in groups}
    linear_width = _linear_width(every)
    low = min(replica["eigenvalues"]["h"][0] for replica in every) * (1 + 1e-9)
    high = max(replica["eigenvalues"][name][-1] for replica in every for name in ("h", "h0")) * (1 + 1e-9)
    n_bins = _n_bins(sum(len(replica["eigenvalues"]["h"]) for replica in every))
    edges = asinh_edges(min(low, -linear_width), high, linear_width, n_bins)
    return {name: _averaged_group(replicas, matrix, edges, linear_width) for name, replicas in groups.items()}


def asinh_edges(low: float, high: float, linear_width: float, n_bins: int) -> np.ndarray:
    """Edges (n_bins+1,) of bins equal in asinh(λ/linear_width). They are linear around zero and logarithmic beyond."""
    return linear_width * np.sinh(np.linspace(*np.arcsinh(np.array([low, high]) / linear_width), n_bins + 1))


def _rescaled_group(
    replicas: Sequence[dict], values: Sequence[np.ndarray], edges: np.ndarray, linear_width: float
) -> dict:
    if not replicas:
        return {"n_runs": 0}
    density = np.array(
        [_density(part, edges, replica["n_params"]) for part, replica in zip(values, replicas, strict=True)]
    )
    mean, deviation = mean_and_deviation(density)
    return {
        "edges": edges,
        "density": density,
        "loss": np.array([replica["loss"] for replica in replicas]),
        "mean": mean,
        "deviation": deviation,
        "n_runs": len(replicas),
        "linear_width": float(linear_width),
        "unit": "median",
        "zero_weight": float(np.mean([replica["n_zero_hp"] / replica["n_params"] for replica in replicas])),
        "c0": float(np.mean([negative_share(replica) for replica in replicas])),
    }


def negative_share(replica: Mapping) -> float:
    """C_0 of one run: N_−/(N_− + N_+) over the eigenvalues of H_p that are not zero.

    [G] divides by N. For ReLU at N ≈ 8000 that is the same, except for the zero modes. At N ≈ 800 the biases add 6 %.
    """
    return replica["n_negative_hp"] / (replica["n_negative_hp"] + replica["n_positive_hp"])


def _averaged_group(replicas: Sequence[dict], matrix: str, edges: np.ndarray, linear_width: float) -> dict:
    if not replicas:
        return {"n_runs": 0}
    places = np.arcsinh(edges / linear_width) / np.log(10)
    density = [
        np.histogram(_continuous(replica, matrix), edges)[0] / (replica["n_params"] * np.diff(places))
        for replica in replicas
    ]
    mean, deviation = mean_and_deviation(np.array(density))
    tree = {"edges": edges, "mean": mean, "deviation": deviation, "n_runs": len(replicas), "linear_width": linear_width}
    if matrix == "h0":
        tree["zero_weight"] = float(np.mean([1 - replica["rank_h0"] / replica["n_params"] for replica in replicas]))
    else:
        tree["negative_fraction"] = float(
            np.mean([replica["n_negative_h"] / replica["n_params"] for replica in replicas])
        )
    return tree


def _continuous(replica: dict, matrix: str) -> np.ndarray:
    """Eigenvalues without the exact peak at zero: the `rank_h0` largest of H_0, or all of H."""
    values = replica["eigenvalues"][matrix]
    return values[len(values) - int(replica["rank_h0"]) :] if matrix == "h0" else values


def _nonzero_hp(replica: dict) -> np.ndarray:
    """Eigenvalues of H_p without the `n_zero_hp` closest to zero. Those are exact zeros up to rounding."""
    values = replica["eigenvalues"]["hp"]
    return values[np.argsort(np.abs(values), kind="stable")[int(replica["n_zero_hp"]) :]]


def _positive_hp(replica: dict) -> np.ndarray:
    values = _nonzero_hp(replica)
    return values[values > 0]


def _density(values: np.ndarray, edges: np.ndarray, n_params: int) -> np.ndarray:
    counts, _ = np.histogram(values, edges)
    return counts / (n_params * np.diff(edges))


def _n_bins(n_values: int) -> int:
    """The number of bins by Rice's rule, 2 n^{1/3}, and at least 12, so that a panel shows a shape."""
    return max(12, int(2 * n_values ** (1 / 3)))


def _linear_width(replicas: Sequence[dict]) -> float:
    """The |λ| at which the axis turns from linear to logarithmic: the typical |λ| in the blurred peak of H."""
    largest = max(replica["eigenvalues"]["h"][-1] for replica in replicas)
    in_peak = []
    for replica in replicas:
        sizes = np.sort(np.abs(replica["eigenvalues"]["h"]))
        in_peak.append(np.median(sizes[: max(1, len(sizes) - int(replica["rank_h0"]))]))
    return float(max(np.median(in_peak), largest * 10.0**-MAX_DECADES))
