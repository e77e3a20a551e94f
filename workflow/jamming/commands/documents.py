"""Verbs that make what people read: the facts the paper quotes, the paper, the executed notebook, the gallery."""

import argparse
import json
from pathlib import Path

from .. import tables
from ..storage import store
from ..storage.files import write_whole
from .figures import RESULT_KINDS, result_file
from .parser import Verbs


def collect_facts(arguments: argparse.Namespace) -> None:
    from ..documents import claims, paper_values

    needed = _needed(arguments.results, json.loads(arguments.points))
    figure_tables = {
        figure: paper_values.read_head(arguments.results / "tables" / f"{figure}.h5", "table")
        for figure in tables.MODULES
    }
    results = [paper_values.read_head(path, needed[path]) for path in sorted(needed)]
    collected = paper_values.collect(arguments.preset, figure_tables, results, claims.read_claims(arguments.claims))
    text = json.dumps(collected, indent=1, sort_keys=True, ensure_ascii=False)
    write_whole(arguments.out, f"{text}\n".encode())


def typeset_paper(arguments: argparse.Namespace) -> None:
    from ..documents.typesetting import typeset

    write_whole(arguments.out, typeset(arguments.main, arguments.facts, arguments.figures, arguments.root))


def run_notebook(arguments: argparse.Namespace) -> None:
    from ..documents.notebook import execute

    variables = {"JAMMING_RESULTS": str(arguments.results)}
    write_whole(arguments.out, execute(arguments.script, variables, Path.cwd()).encode())


def gallery(arguments: argparse.Namespace) -> None:
    from ..documents import claims
    from ..documents.gallery import make_gallery, readme_with_gallery

    read = {name: store.read(arguments.results / "tables" / f"{name}.h5", "table") for name in tables.MODULES}
    make_gallery(read, claims.read_claims(arguments.results / "claims.json"), arguments.out)
    if arguments.readme:
        from ..documents.times import core_seconds, readme_with_times

        text = arguments.readme.read_text(encoding="utf-8")
        text = readme_with_times(readme_with_gallery(text, list(read)), core_seconds(arguments.results / "benchmarks"))
        write_whole(arguments.readme, text.encode())


def _needed(results: Path, points: dict[str, list[str]]) -> dict[Path, str]:
    """Every file behind a table, and the trained runs behind every observable, with the kind of each."""
    needed = {}
    for figure in tables.MODULES:
        for kind, names in tables.needs(figure).items():
            for name in names:
                for point in points[name]:
                    for each in {kind, "lines" if kind == "lines" else "runs"}:
                        needed[result_file(results, each, name, point)] = RESULT_KINDS[each]
    return needed


def add_verbs(verbs: Verbs) -> None:
    verbs.add(collect_facts, "collect what the paper quotes", "points", "preset", "results", "claims", "out")
    added = verbs.add(typeset_paper, "typeset the paper", "main", "facts", "figures", "out")
    added.add_argument("--root", type=Path, default=Path("."), help="folder that holds all of these")
    verbs.add(run_notebook, "execute the notebook into an HTML page", "script", "results", "out")
    added = verbs.add(gallery, "write docs/gallery.md and its images from the tables of results/PRESET", "results")
    added.add_argument("--out", type=Path, default=Path("docs"), help="folder to write to")
    added.add_argument("--readme", type=Path, help="the README whose table of figures is written, too")
