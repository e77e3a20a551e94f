"""The facts that the paper quotes: sweeps, protocols, code, dates, times, and the claims.

They are read from the heads of result files and from the claims, and not from the clock or git. So equal files give
equal facts.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..inventory import SAME_AS
from ..spec import LinePoint, Point
from ..storage import store
from . import claims as claims_file
from .captions import PAPERS, caption_of
from .numbers import rounded


@dataclass(frozen=True)
class Head:
    """The kind, spec and provenance of a result. `n_trainings` is the number of networks that were trained for it."""

    kind: str
    spec: dict
    provenance: dict
    n_trainings: int = 0


def read_head(path: Path) -> Head:
    """The head of a result file. Raises StoreError as `store.read` does."""
    result = store.read(path, None, skip=("state", "record", "final", "timing"))
    return Head(result.kind, result.spec, result.provenance, _n_trainings(result.kind, result.tree))


def collect(preset: str, figure_tables: Mapping[str, Head], results: Iterable[Head], claims: Mapping) -> dict:
    """The facts that the paper quotes, as values for JSON.

    `figure_tables` holds the heads of all tables by figure; `results` are the heads of all files behind the tables.
    """
    results = list(results)
    heads = [*figure_tables.values(), *results]
    runs = [head for head in results if head.kind == "run"]
    lines = [head for head in results if head.kind == "line"]
    written = sorted(_moment(head.provenance["written"]) for head in heads)
    trained = [head.provenance.get("wall_time", 0.0) for head in (*runs, *lines)]
    return {
        "preset": preset,
        "package": sorted({head.provenance["jamming"] for head in heads}),
        "commits": _commits(heads),
        "dirty": _dirty(heads),
        "first_written": _iso(written[0]),
        "written": _iso(written[-1]),
        "versions": _versions(heads),
        "devices": sorted({head.provenance["device"] for head in (*runs, *lines)}),
        "n_runs": sum(head.n_trainings for head in runs),
        "n_searches": sum(head.spec["replicas"] for head in lines),
        "n_attempts": sum(head.n_trainings for head in lines),
        "core_hours": rounded(sum(trained) / 3600, None),
        "sweeps": _sweeps([head.spec for head in runs]),
        "lines": _lines([head.spec for head in lines]),
        "settings": _settings(figure_tables.values(), results),
        "papers": PAPERS,
        "figures": [_figure(name, head, claims) for name, head in figure_tables.items()],
        "claims": claims_file.shown(claims),
        "verdicts": claims_file.counts(claims),
    }


def _n_trainings(kind: str, tree: Mapping) -> int:
    if kind == "line":
        return sum(len(replica["attempts"]["width"]) for replica in tree.values())
    return len(tree) if kind == "run" else 0


def _figure(name: str, head: Head, claims: Mapping) -> dict:
    caption = caption_of(name)
    return {
        "name": name,
        "label": name.replace("/", "-"),
        "paper": caption.paper,
        "number": caption.number,
        "title": caption.title,
        "caption": caption.caption,
        "comparison": caption.comparison,
        "topic": caption.topic,
        "shown_as": SAME_AS.get(name),
        "claims": claims_file.about(claims, caption.claims),
        "n_results": len(head.provenance["inputs"]),
    }


def _sweeps(specs: list[dict]) -> list[dict]:
    """One row per sweep: its network, its protocol, and the ranges of its width, N and P."""
    rows = []
    for points in _grouped([Point.from_json(json.dumps(spec)) for spec in specs], "sweep"):
        networks = [point.network for point in points]
        rows.append(
            {
                "name": points[0].sweep,
                "dataset": points[0].dataset,
                "activation": networks[0].activation,
                "depth": networks[0].depth,
                "dim": networks[0].dim,
                "widths": _ends(network.width for network in networks),
                "n_weights": _ends(network.n_weights for network in networks),
                "n_train": _ends(point.n_train for point in points),
                "n_points": len(points),
                "replicas": points[0].replicas,
                **_protocol(points[0]),
            }
        )
    return rows


def _lines(specs: list[dict]) -> list[dict]:
    rows = []
    for points in _grouped([LinePoint.from_json(json.dumps(spec)) for spec in specs], "line"):
        rows.append(
            {
                "name": points[0].line,
                "dataset": points[0].dataset,
                "depth": points[0].depth,
                "dim": points[0].dim,
                "n_train": _ends(point.n_train for point in points),
                "n_points": len(points),
                "replicas": points[0].replicas,
                **_protocol(points[0]),
            }
        )
    return rows


def _protocol(point: Point | LinePoint) -> dict:
    protocol = point.protocol
    return {
        "protocol": protocol.name,
        "steps": protocol.steps,
        "lbfgs_steps": protocol.lbfgs_steps,
        "rate": protocol.rate,
        "floor": protocol.floor,
        "margin": protocol.margin,
        "dtype": point.dtype,
    }


def _grouped(points: list, key: str) -> list[list]:
    groups: dict[str, list] = {}
    for point in points:
        groups.setdefault(getattr(point, key), []).append(point)
    return [groups[name] for name in sorted(groups)]


def _settings(figure_tables: Iterable[Head], results: list[Head]) -> dict:
    """The settings of the analysis, from the specs of the files that were made with them."""
    found = {}
    for head in (*figure_tables, *results):
        found |= head.spec.get("settings", {})
    return dict(sorted(found.items()))


def _commits(heads: list[Head]) -> list[str]:
    """The commits that wrote the files, the latest first."""
    latest: dict[str, datetime] = {}
    for head in heads:
        commit, written = head.provenance["commit"], _moment(head.provenance["written"])
        latest[commit] = max(written, latest.get(commit, written))
    return sorted(latest, key=lambda commit: (latest[commit], commit), reverse=True)


def _dirty(heads: list[Head]) -> bool | None:
    """Whether code with uncommitted changes wrote any file; None if this is unknown for a file and true for none."""
    states = {head.provenance["dirty"] for head in heads}
    return True if True in states else None if None in states else False


def _versions(heads: list[Head]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for head in heads:
        for name, version in {"python": head.provenance["python"], **head.provenance["packages"]}.items():
            found.setdefault(name, set()).add(version)
    return {name: sorted(found[name]) for name in sorted(found)}


def _ends(values: Iterable[int]) -> list[int]:
    values = list(values)
    return [min(values), max(values)]


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
