"""Verbs that make a figure: its table from the results, its drawing from the table."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from ..storage import store
from .parser import Verbs

# What a table reads, and how its files call it.
RESULT_KINDS = {"runs": "run", "lines": "line"} | {
    kind: kind for kind in ("gaps", "preactivations", "spectra", "effective")
}


def tabulate(arguments: argparse.Namespace) -> None:
    from .. import tables

    settings, points = json.loads(arguments.settings), json.loads(arguments.points)
    analysis = tables.Analysis.from_settings(settings)
    results, files = {}, {}
    for kind, sweeps in tables.needs(arguments.figure).items():
        results[kind] = {}
        # A sweep that is not run is left out of a figure, or the figure says that it cannot do without.
        for sweep in (sweep for sweep in sweeps if sweep in points):
            found = read_results(arguments.results, kind, sweep, points[sweep])
            results[kind][sweep] = list(found.values())
            files |= {str(path.relative_to(arguments.results)): path for path in found}
    tree = tables.tabulate(arguments.figure, results, analysis)
    spec = {"figure": arguments.figure, "preset": arguments.preset, "settings": settings}
    store.write(arguments.out, "table", spec, tree, store.provenance(files, threads=1))


def draw(arguments: argparse.Namespace) -> None:
    from .. import figures
    from ..provenance.stamp import stamp_of

    table = store.read(arguments.table, "table")
    if table.spec["figure"] != arguments.figure:
        raise store.StoreError(f"{arguments.table} is the table of {table.spec['figure']}, not of {arguments.figure}.")
    stamp = json.dumps(stamp_of(table), sort_keys=True)
    about = {"title": f"{arguments.figure} at preset {table.spec['preset']}", "description": stamp}
    figures.render(arguments.figure, table.tree, arguments.out, about)


def result_file(folder: Path, kind: str, sweep: str, point: str) -> Path:
    """Where the result of one point lies under results/<preset>; `kind` is one of RESULT_KINDS."""
    inside = folder / kind if kind in ("runs", "lines") else folder / "observables" / kind
    return inside / sweep / f"{point}.h5"


def read_results(folder: Path, kind: str, sweep: str, points: Sequence[str]) -> dict[Path, store.Result]:
    """The results of these points of a sweep by their files, without states, which only observables read.

    Raises StoreError for one that is missing or damaged.
    """
    paths = [result_file(folder, kind, sweep, point) for point in points]
    return {path: store.read(path, RESULT_KINDS[kind], skip=("state",)) for path in paths}


def add_verbs(verbs: Verbs) -> None:
    added = verbs.add(tabulate, "collect what one figure draws", "settings", "points", "preset", "results", "out")
    added.add_argument("figure")
    added = verbs.add(draw, "draw one figure from its table", "table")
    added.add_argument("figure")
    added.add_argument("--out", required=True, type=Path, nargs="+", help="files to write, e.g. fig6.pdf fig6.svg")
