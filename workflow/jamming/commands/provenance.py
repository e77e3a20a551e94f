"""The verb that shows the origin of a figure, a number or a result."""

import argparse
import json
import sys
from pathlib import Path

from .parser import Verbs


def provenance(arguments: argparse.Namespace) -> None:
    """Print the origin of a target. The exit code is 1 if a file behind it has changed since."""
    from ..provenance import history, show

    target, found, root = arguments.target, {}, None
    path, _, name = target.partition("#")
    if Path(path).suffix in (".pdf", ".svg"):
        stamp, steps, status = history.walk_figure(Path(path), arguments.results)
        found = {"figure": stamp, "table_status": status}
        root = show.figure_tree(Path(path), stamp, steps, status)
    elif Path(path).suffix == ".json":
        claim, steps = history.walk_claim(Path(path), name)
        found, status = {"claim": claim}, "verified"
        root = show.claim_tree(Path(path), claim, steps)
    else:
        place, steps = history.walk_result(Path(path), arguments.results)
        found, status = {"file": place}, "verified"
        root = show.result_tree(place, steps)
    if arguments.json:
        print(json.dumps({"target": target, "results": str(steps.results), **found, **steps.record()}, indent=2))
    else:
        show.show(steps, root)
        if status == "changed":
            print(f"{path} was not drawn from the table that is there now: it has changed since; draw it again.")
        if status == "missing":
            print(f"The table that {path} was drawn from is not in {steps.results}; give --results, or make it again.")
    if status == "changed" or any(link.status == "changed" for _, link in steps.links()):
        sys.exit(1)


def add_verbs(verbs: Verbs) -> None:
    added = verbs.add(provenance, "show the runs, code, config and data behind a figure, a number or a result")
    added.add_argument("target", help="figures/fig6.pdf or .svg, a result (.h5), or results/<preset>/claims.json#id")
    added.add_argument("--results", type=Path, help="the folder of results; default: found from the target")
    added.add_argument("--json", action="store_true", help="print everything as JSON")
