"""The verb that makes the explorer page."""

import argparse

from ..storage import results
from .parser import Verbs, report


def explore(arguments: argparse.Namespace) -> None:
    from ..explorer.collect import collect
    from ..explorer.page import render
    from ..storage.files import write_whole

    found = results.without_paths(results.read_results(arguments.inputs, skip=("state", "final")))
    commits = {
        str(one.provenance.get("commit", "unknown"))
        for sweeps in found.values()
        for of in sweeps.values()
        for one in of
    }
    runs = collect(found)
    page = render(runs, arguments.preset, sorted(commits))
    write_whole(arguments.out, page.encode())
    report(f"{arguments.out}: {len(runs)} runs, {arguments.out.stat().st_size / 1e6:.1f} MB")


def add_verbs(verbs: Verbs) -> None:
    verbs.add(explore, "make the page that shows every run", "inputs", "preset", "out")
