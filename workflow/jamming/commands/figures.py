"""Verbs that make a figure: its table from the results, its drawing from the table."""

import argparse
import json
from pathlib import Path

from .. import inventory
from ..storage import results, store
from .parser import Verbs


def tabulate(arguments: argparse.Namespace) -> None:
    from .. import tables
    from ..analysis.finite import check_finite

    settings, module = json.loads(arguments.settings), inventory.module_of(arguments.figure)
    analysis = tables.Analysis.from_settings(settings)
    found = results.read_results(arguments.inputs)
    tree = tables.tabulate(module, results.without_paths(found), analysis)
    check_finite(arguments.figure, tree)
    spec = {"figure": arguments.figure, "preset": arguments.preset, "settings": settings}
    store.write(arguments.out, "table", spec, tree, store.provenance(results.places(found), threads=1))


def draw(arguments: argparse.Namespace) -> None:
    from .. import figures
    from ..analysis.finite import check_finite
    from ..provenance.stamp import stamp_of

    module, table = inventory.module_of(arguments.figure), store.read(arguments.table, "table")
    if table.spec["figure"] != arguments.figure:
        raise store.StoreError(f"{arguments.table} is the table of {table.spec['figure']}, not of {arguments.figure}.")
    check_finite(arguments.figure, table.tree)
    stamp = json.dumps(stamp_of(table, module), sort_keys=True)
    about = {"title": f"{arguments.figure} at preset {table.spec['preset']}", "description": stamp}
    figures.render(module, table.tree, arguments.out, about)


def add_verbs(verbs: Verbs) -> None:
    added = verbs.add(tabulate, "make the table that one figure draws", "settings", "inputs", "preset", "out")
    added.add_argument("figure")
    added = verbs.add(draw, "draw one figure from its table", "table")
    added.add_argument("figure")
    added.add_argument("--out", required=True, type=Path, nargs="+", help="files to write, e.g. fig6.pdf fig6.svg")
