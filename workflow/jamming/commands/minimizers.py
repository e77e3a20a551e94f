"""Verbs that compare ways to minimize the hinge loss."""

import argparse
from pathlib import Path

from ..storage import store
from .parser import Verbs, report


def compare_minimizers(arguments: argparse.Namespace) -> None:
    import yaml

    from ..minimizers import comparison

    settings = yaml.safe_load(arguments.study.read_text(encoding="utf-8"))
    rows = comparison.compare(settings, arguments.rows, store.read(arguments.data, "dataset"), report)
    inputs = {"study": arguments.study, "mnist": arguments.data}
    store.write(arguments.out, "minimizers", settings, comparison.to_tree(rows), store.provenance(inputs, threads=1))


def show_minimizers(arguments: argparse.Namespace) -> None:
    from ..documents.generated import between_marks
    from ..minimizers import comparison, plot, table
    from ..storage.files import write_whole

    found = store.read(arguments.comparison, "minimizers")
    rows, shown = comparison.from_tree(found.tree), found.spec["shown"]
    text = arguments.into.read_text(encoding="utf-8")
    text = between_marks(text, "comparison", ["", *table.markdown(rows)])
    text = between_marks(text, "effort", ["", *table.transition(rows, shown["transition"], shown["efforts"])])
    write_whole(arguments.into, text.encode())
    write_whole(arguments.out, plot.png(rows, [tuple(panel) for panel in shown["panels"]]))


def add_verbs(verbs: Verbs) -> None:
    added = verbs.add(compare_minimizers, "minimize the hinge loss in several ways", "study", "data", "rows", "out")
    added = verbs.add(show_minimizers, "write the comparison as tables and as a figure", "comparison", "out")
    added.add_argument("--into", type=Path, required=True, help="the page, with marks for both tables")
