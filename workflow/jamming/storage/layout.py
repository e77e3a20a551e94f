"""The paths of all results under results/<preset>.

This is the only module that knows these paths. Rules use them as patterns, since the names in braces are Snakemake's
wildcards. Other code fills the names in. This module imports nothing that takes time.

A kind of result has two names: a file holds a "run", and a table asks for "runs".
"""

import json
from collections.abc import Mapping
from pathlib import PurePath

from ..spec import LinePoint, Point

PIXELS = "../mnist/pixels.h5"
"""MNIST, which all presets share."""
DATASET = "data/{dataset}_d{dim}.h5"
RUN = "runs/{sweep}/{point}.h5"
LINE = "lines/{line}/{point}.h5"
OBSERVABLE = "observables/{kind}/{sweep}/{point}.h5"
TABLE = "tables/{figure}.h5"
CLAIMS_OF_GROUP = "claims/{group}.json"
CLAIMS, CLAIMS_TABLE = "claims.json", "claims.csv"
SUMMARY = "summaries/{sweep}.json"
FACTS = "paper.json"
FRONT_PAGE, NOTEBOOK, EXPLORER = "index.html", "explore.html", "explorer.html"
ARCHIVE = "jamming-{preset}.zip"
JOBS = {
    "generate_data": "data/{dataset}_d{dim}",
    "train": "train/{sweep}/{point}",
    "find_transition": "lines/{line}/{point}",
    "measure": "{kind}/{sweep}/{point}",
    "measure_sweep": "{kind}/{sweep}",
    "tabulate": "tables/{figure}",
    "draw": "figures/{figure}",
}
"""By rule, the names of jobs: of their logs and benchmarks, logs/NAME.log and benchmarks/NAME.tsv."""
RECORD = "provenance.json"
"""The facts about the files that an archive leaves out. A restored archive contains this file."""

_ASKED_AS = {"run": "runs", "line": "lines"}


class LayoutError(ValueError):
    """A result has no known path. The message is one sentence that says which result."""


def asked_as(kind: str) -> str:
    """The name under which tables and claims ask for files of a kind: "run" → "runs", "gaps" → "gaps"."""
    return _ASKED_AS.get(kind, kind)


def result_of(asked: str, sweep: str, point: str) -> str:
    """The path of the result of one point of a sweep or line; `asked` is "runs", "lines" or an observable."""
    pattern = {"runs": RUN, "lines": LINE}.get(asked, OBSERVABLE)
    return pattern.format(kind=asked, sweep=sweep, line=sweep, point=point)


def sweep_of(spec: Mapping) -> str:
    """The sweep or line of a run, a line or an observable, from its spec."""
    trained = spec.get("run", spec)
    return trained["line"] if "line" in trained else trained["sweep"]


def place_of(kind: str, spec: Mapping) -> str:
    """The path of a result, from the kind and spec in its file. Raises LayoutError for an unknown kind."""
    if kind == "pixels":
        return PIXELS
    if kind == "dataset":
        return DATASET.format(dataset=spec["dataset"], dim=spec["dim"])
    if kind == "table":
        return TABLE.format(figure=spec["figure"])
    if kind in ("run", "line") or "run" in spec:
        return result_of(asked_as(kind), sweep_of(spec), _point_name(spec.get("run", spec)))
    raise LayoutError(f"results of kind '{kind}' have no known place.")


def input_of(kind: str, spec: Mapping, name: str) -> str:
    """The path of an input of a result with this kind and spec. `name` is the input's name in the provenance.

    Raises LayoutError for an unknown name.
    """
    if kind == "table":
        return name
    run = spec.get("run", spec)
    if name == "run":
        return place_of("run", run)
    if name == "dataset":
        dim = run["network"]["dim"] if "network" in run else run["dim"]
        return place_of("dataset", {"dataset": run["dataset"], "dim": dim})
    if name == "pixels":
        return PIXELS
    raise LayoutError(f"a result of kind '{kind}' was made from '{name}', which has no known place.")


def figure_file(folder: str | PurePath, figure: str, suffix: str = "pdf") -> str:
    """The path of a drawn figure: figures/generalization/fig3.pdf."""
    return f"{folder}/{figure}.{suffix}"


def _point_name(spec: Mapping) -> str:
    text = json.dumps(spec)
    return LinePoint.from_json(text).name if "line" in spec else Point.from_json(text).name
