"""Verbs that summarise single sweeps and compare them."""

import argparse
import json
from pathlib import Path

from ..storage import results, store
from .parser import Verbs


def summarise_sweep(arguments: argparse.Namespace) -> None:
    from .. import tables
    from ..claims import collection, sizes, summary
    from ..spec import Point

    found = results.read_results(arguments.inputs)
    given = results.without_paths(found)
    analysis = tables.Analysis.from_settings(json.loads(arguments.settings))
    measured = summary.summarise(arguments.sweep, given, analysis)
    trained = [Point.from_json(json.dumps(result.spec)) for result in given["runs"][arguments.sweep]]
    made = store.provenance({}, threads=1)
    described = {
        "preset": arguments.preset,
        "sweep": arguments.sweep,
        "commit": made["commit"],
        "dirty": made["dirty"],
        "sizes": sizes.of_points(trained),
        "statistics": {name: collection.to_json(each) for name, each in measured.items()},
        "inputs": {place: store.sha256_of(path) for place, path in results.places(found).items()},
    }
    collection.write_json(arguments.out, described)


def compare_sweeps(arguments: argparse.Namespace) -> None:
    from ..claims import collection, comparison
    from ..documents.generated import between_marks
    from ..storage.files import write_whole

    lines = comparison.markdown([collection.read_json(path) for path in arguments.summaries])
    if arguments.into is None:
        print("\n".join(lines))
    else:
        text = arguments.into.read_text(encoding="utf-8")
        write_whole(arguments.into, between_marks(text, arguments.mark, ["", *lines]).encode())


def add_verbs(verbs: Verbs) -> None:
    options = ("settings", "inputs", "preset", "out")
    added = verbs.add(summarise_sweep, "measure the transition and exponents of one sweep, with intervals", *options)
    added.add_argument("sweep")
    added = verbs.add(compare_sweeps, "print the summaries of sweeps side by side, in Markdown")
    added.add_argument("summaries", type=Path, nargs="+", help="outputs of summarise-sweep")
    added.add_argument("--into", type=Path, help="a page to write the table into, between its marks named --mark")
    added.add_argument("--mark", default="summaries")
