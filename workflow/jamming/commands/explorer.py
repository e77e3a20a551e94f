"""The verb that makes the explorer page."""

import argparse
import json

from ..storage import store
from .figures import RESULT_KINDS, result_file
from .parser import Verbs, report


def explore(arguments: argparse.Namespace) -> None:
    from ..explorer.collect import collect
    from ..explorer.page import render
    from ..storage.files import write_whole

    points, results, commits = json.loads(arguments.points), {}, set()
    for kind, sweeps in points.items():
        results[kind] = {}
        for sweep, names in sweeps.items():
            paths = [result_file(arguments.results, kind, sweep, name) for name in names]
            results[kind][sweep] = [store.read(path, RESULT_KINDS[kind], skip=("state", "final")) for path in paths]
            commits |= {result.provenance["commit"] for result in results[kind][sweep]}
    runs = collect(results)
    page = render(runs, arguments.preset, sorted(commits))
    write_whole(arguments.out, page.encode())
    report(f"{arguments.out}: {len(runs)} runs, {arguments.out.stat().st_size / 1e6:.1f} MB")


def add_verbs(verbs: Verbs) -> None:
    verbs.add(explore, "make the page that shows every run", "points", "preset", "results", "out")
