"""Convert results to the content of the page: one row per run, with its thinned curves and histograms."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from . import ExplorerError

if TYPE_CHECKING:
    from ..storage.store import Result

MATRICES = {"hp": "Hₚ", "h0": "H₀", "h": "H"}
SPECTRUM_BINS = 80
SHOWN_PERCENTILES = (1, 99)
"""The histogram holds non-zero eigenvalues only. With zeros it would be one high bin and a few distant ones."""
APART = 0.012
"""Replicas of one point are drawn on a small circle around it. This is its radius in ln P and ln N."""
PAPER_MARGIN = 0.5
"""𝓛 is given for ε = 1/2 as in [G], also for runs at another ε ([G] ref. 63: 𝓛 ∝ ε²)."""


@dataclass
class Curves:
    """The two columns of a plot. If nothing was measured they are empty, and the `note` says why."""

    x: list[float] = field(default_factory=list)
    y: list[float] = field(default_factory=list)
    note: str = ""


@dataclass
class Run:
    """One run: its sizes, its end, and its curves."""

    name: str
    what: str
    dataset: str
    depth: str
    n_train: int
    n_weights: int
    width: int
    replica: int
    n_delta_over_n: float
    loss: float
    ending: str
    learning: Curves
    loss_curve: Curves
    positive: Curves
    negative: Curves
    spectra: dict[str, Curves]


Results = Mapping[str, Mapping[str, Sequence["Result"]]]


def collect(results: Results) -> list[Run]:
    """All runs in `results[kind][sweep]`: those of the kinds "runs" and "lines", with their "gaps" and "spectra".

    Raises ExplorerError if there is no run.
    """
    gaps, spectra = _by_run(results.get("gaps", {})), _by_run(results.get("spectra", {}))
    runs = [run for sweep in results.get("runs", {}).values() for one in sweep for run in _runs(one, gaps, spectra)]
    runs += [run for line in results.get("lines", {}).values() for one in line for run in _attempts(one)]
    if not runs:
        raise ExplorerError("there is no run to show; train some first.")
    return runs


def place(runs: Sequence[Run]) -> tuple[np.ndarray, np.ndarray]:
    """The position of each run, P (R,) and N (R,). Runs with the same P and N are placed around their common point."""
    same: dict[tuple[int, int], list[int]] = {}
    for index, run in enumerate(runs):
        same.setdefault((run.n_train, run.n_weights), []).append(index)
    p, n = (np.array([getattr(run, name) for run in runs], float) for name in ("n_train", "n_weights"))
    for indices in same.values():
        if len(indices) > 1:
            angle = 2 * np.pi * np.arange(len(indices)) / len(indices)
            radius = APART * max(1, len(indices) / 6)
            p[indices] *= np.exp(radius * np.cos(angle))
            n[indices] *= np.exp(radius * np.sin(angle))
    return p, n


def histogram_line(edges: np.ndarray, density: np.ndarray) -> Curves:
    """The outline of a histogram with bins `edges` (B+1,) and heights `density` (B,). Empty bins are gaps."""
    x = np.repeat(edges, 2)[1:-1]
    y = np.repeat(np.where(density > 0, density, np.nan), 2)
    return Curves(_rounded(x), _rounded(y))


def spectrum(eigenvalues: np.ndarray, zero_tolerance: float) -> Curves:
    """The density of the eigenvalues that are not zero. Its integral is the fraction of all eigenvalues shown.

    The outermost 1 % on each side are left out. The note gives the number of zeros and the range of all eigenvalues.
    """
    eigenvalues = np.asarray(eigenvalues, float)
    largest = np.max(np.abs(eigenvalues), initial=0.0)
    nonzero = eigenvalues[np.abs(eigenvalues) > zero_tolerance * largest]
    if nonzero.size == 0:
        return Curves(note="all eigenvalues are zero")
    low, high = np.percentile(nonzero, SHOWN_PERCENTILES)
    if not low < high:
        low, high = low - abs(low) / 2, high + abs(high) / 2
    edges = np.linspace(low, high, SPECTRUM_BINS + 1)
    counts = np.histogram(nonzero, edges)[0]
    drawn = histogram_line(edges, counts / (len(eigenvalues) * np.diff(edges)))
    n_zero = len(eigenvalues) - nonzero.size
    drawn.note = (
        f"{len(eigenvalues)} eigenvalues, {n_zero} zero, {int((nonzero < 0).sum())} negative; "
        f"from {eigenvalues.min():.2g} to {eigenvalues.max():.2g}"
    )
    return drawn


def _runs(result: "Result", gaps: Mapping, spectra: Mapping) -> Iterator[Run]:
    spec, network = result.spec, result.spec["network"]
    key = _key(spec)
    scale = (PAPER_MARGIN / spec["protocol"]["margin"]) ** 2
    for name, replica in _replicas(result):
        record, n_weights = replica["record"], int(replica["n_weights"])
        step = np.asarray(record["step"])
        later = step > 0  # the axis is logarithmic
        over_n, loss = np.asarray(record["n_delta"]) / n_weights, np.asarray(record["loss"]) * scale
        yield Run(
            name=f"{spec['sweep']}, replica {int(name.removeprefix('replica_')) + 1}",
            what=f"{network['activation']}, hinge, {spec['protocol']['name']}",
            dataset=spec["dataset"],
            depth=f"L = {network['depth']}",
            n_train=spec["n_train"],
            n_weights=n_weights,
            width=network["width"],
            replica=int(name.removeprefix("replica_")) + 1,
            n_delta_over_n=float(over_n[-1]),
            loss=float(loss[-1]),
            ending=f"{'N_Δ = 0' if replica['converged'] else 'stopped'} after {int(replica['steps_done'])} steps",
            learning=Curves(step[later].tolist(), _rounded(over_n[later])),
            loss_curve=Curves(step[later].tolist(), _rounded(np.where(loss > 0, loss, np.nan)[later])),
            **_gap_curves(gaps.get(key, {}).get(name)),
            spectra=_spectra(spectra.get(key, {}).get(name)),
        )


def _attempts(result: "Result") -> Iterator[Run]:
    """The widths tried in the searches of one point of a line. A search keeps only how each width ended."""
    spec, kept = result.spec, "not measured: a search\nkeeps only how each width ended"
    hinge = spec["protocol"]["name"] != "cross_entropy_sgd"
    scale = (PAPER_MARGIN / spec["protocol"]["margin"]) ** 2 if hinge else 1.0
    for name, replica in _replicas(result):
        number = int(name.removeprefix("replica_")) + 1
        columns = [replica["attempts"][key] for key in ("width", "n_weights", "n_delta", "loss", "steps", "fitted")]
        for width, n_weights, n_delta, loss, steps, fitted in zip(*columns, strict=True):
            yield Run(
                name=f"{spec['line']}, search {number}",
                what=f"{spec['activation']}, {'hinge' if hinge else 'cross-entropy'}, {spec['protocol']['name']}",
                dataset=spec["dataset"],
                depth=f"L = {spec['depth']}",
                n_train=spec["n_train"],
                n_weights=int(n_weights),
                width=int(width),
                replica=number,
                n_delta_over_n=float(n_delta / n_weights),
                loss=float(loss) * scale,
                ending=f"{'fits' if fitted else 'does not fit'} after {int(steps)} steps",
                learning=Curves(note=kept),
                loss_curve=Curves(note=kept),
                positive=Curves(note=kept),
                negative=Curves(note=kept),
                spectra={matrix: Curves(note=kept) for matrix in MATRICES},
            )


def _gap_curves(replica: Mapping | None) -> dict[str, Curves]:
    """Densities of Δ/√𝓛 > 0 and of |Δ|, Δ < 0, over all patterns on that side."""
    if replica is None:
        note = "not measured for this sweep"
        return {"positive": Curves(note=note), "negative": Curves(note=note)}
    curves = {}
    for side, number in (("positive", replica["n_delta"]), ("negative", replica["n_train"] - replica["n_delta"])):
        edges, counts = np.asarray(replica[side]["edges"]), np.asarray(replica[side]["counts"])
        empty = "every pattern is satisfied" if side == "positive" else "no pattern is satisfied"
        curves[side] = histogram_line(edges, counts / (number * np.diff(edges))) if number else Curves(note=empty)
    return curves


def _spectra(replica: Mapping | None) -> dict[str, Curves]:
    if replica is None:
        return {matrix: Curves(note="not measured for this sweep") for matrix in MATRICES}
    if not replica["measured"]:
        return {matrix: Curves(note="not measured:\nthis run is not near jamming") for matrix in MATRICES}
    tolerance = float(replica["zero_tolerance"])
    return {matrix: spectrum(replica["eigenvalues"][matrix], tolerance) for matrix in MATRICES}


def _by_run(sweeps: Mapping[str, Sequence["Result"]]) -> dict[tuple, dict]:
    return {_key(result.spec["run"]): result.tree for results in sweeps.values() for result in results}


def _key(spec: Mapping) -> tuple:
    return spec["sweep"], spec["n_train"], spec["network"]["width"]


def _replicas(result: "Result") -> Iterator[tuple[str, Mapping]]:
    for name in sorted(result.tree):
        if name.startswith("replica_"):
            yield name, result.tree[name]


def _rounded(values: np.ndarray) -> list[float]:
    """Values with four significant digits, which is enough for a screen and needs a third of the characters."""
    return [float(f"{value:.4g}") for value in np.asarray(values, float)]
