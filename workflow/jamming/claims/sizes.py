"""The sizes of the runs behind a measurement, and whether they are large enough to test a claim."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..analysis import Results
from ..analysis.sweeps import replicas
from ..spec import Network, Point

if TYPE_CHECKING:
    from ..storage.store import Result
    from . import Needs

CONDITIONS = {
    "n_weights": "N",
    "n_train": "P",
    "n_train_ratio": "largest over smallest P",
    "steps": "steps",
    "steps_per_pattern": "steps per pattern",
}
"""The sizes that a claim can require, with their names in texts. The first two are the largest N and P of a sweep. The
last two are those of its shortest training."""


def sizes_of(results: Results, needs: "Needs") -> dict[str, float]:
    """The sizes in CONDITIONS, each the smallest among the sweeps that a claim needs. So a condition holds for all."""
    sweeps = [_sizes(results[kind][name]) for kind, names in needs.items() for name in names]
    return {name: float(min(sizes[name] for sizes in sweeps)) for name in CONDITIONS}


def unmet(wanted: Mapping[str, float], sizes: Mapping[str, float]) -> list[str]:
    """The names of the conditions that do not hold."""
    return [name for name, least in wanted.items() if sizes[name] < least]


def in_words(names: Iterable[str], sizes: Mapping[str, float], relation: str) -> str:
    """Sizes as text: "N ≥ 4000, steps per pattern ≥ 40" for the relation "≥"."""
    return ", ".join(f"{CONDITIONS[name]} {relation} {_number(sizes[name])}" for name in names)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2g}"


def _sizes(results: Sequence["Result"]) -> dict[str, float]:
    specs = [result.spec.get("run", result.spec) for result in results]
    loads = [spec["n_train"] for spec in specs]
    lengths = [spec["protocol"]["steps"] for spec in specs]
    return {
        "n_weights": max(_n_weights(result, spec) for result, spec in zip(results, specs, strict=True)),
        "n_train": max(loads),
        "n_train_ratio": max(loads) / min(loads),
        "steps": min(lengths),
        "steps_per_pattern": min(steps / load for steps, load in zip(lengths, loads, strict=True)),
    }


def _n_weights(result: "Result", spec: Mapping) -> int:
    """N of a point of a sweep. The widths of a line vary, so its N is that of the largest network tried."""
    if "network" in spec:
        return Network(**spec["network"]).n_weights
    return max(int(max(replica["attempts"]["n_weights"])) for replica in replicas([result]))


def of_points(points: Sequence[Point]) -> dict[str, int]:
    """The depth of a sweep, its largest width and N, its fewest steps (all, and by L-BFGS), and its number of runs."""
    networks = [point.network for point in points]
    return {
        "depth": networks[0].depth,
        "width": max(network.width for network in networks),
        "N": max(network.n_weights for network in networks),
        "steps": min(point.protocol.steps for point in points),
        "by L-BFGS": min(point.protocol.lbfgs_steps for point in points),
        "runs": sum(point.replicas for point in points),
    }
