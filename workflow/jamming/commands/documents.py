"""Verbs that make documents: the facts that the paper quotes, the paper, the executed notebook, the gallery."""

import argparse
import json
from pathlib import Path

from .. import inventory
from ..storage import layout, store
from ..storage.asked import check_asked, check_place
from ..storage.files import write_whole
from .parser import Verbs


def collect_facts(arguments: argparse.Namespace) -> None:
    from ..documents import claims, paper_values

    tables, results = (
        {path: paper_values.read_head(path) for path in paths} for paths in (arguments.tables, sorted(arguments.inputs))
    )
    for path, head in tables.items():
        check_place(path, head)
    check_asked(results)
    figure_tables = {head.spec["figure"]: head for head in tables.values()}
    read = claims.read_claims(arguments.claims)
    collected = paper_values.collect(arguments.preset, figure_tables, results.values(), read)
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

    places = {figure: arguments.results / layout.TABLE.format(figure=figure) for figure in inventory.figures()}
    read = {figure: store.read(place, "table") for figure, place in places.items()}
    make_gallery(read, claims.read_claims(arguments.results / layout.CLAIMS), arguments.out)
    if arguments.readme:
        from ..documents.times import core_seconds, readme_with_times

        text = arguments.readme.read_text(encoding="utf-8")
        text = readme_with_times(readme_with_gallery(text, list(read)), core_seconds(arguments.results / "benchmarks"))
        write_whole(arguments.readme, text.encode())


def front_page(arguments: argparse.Namespace) -> None:
    from ..documents import claims
    from ..documents.front_page import figures_of, page

    read = claims.read_claims(*arguments.claims) if arguments.claims else {"preset": arguments.preset, "claims": []}
    write_whole(arguments.out, page(read, figures_of(arguments.figures, arguments.folder)).encode())


def show_made(arguments: argparse.Namespace) -> None:
    from ..documents import claims
    from ..documents.front_page import verdict_counts

    print(f"Figures: {len(arguments.figures)} in {arguments.folder}/, as PDF and SVG, of preset {arguments.preset}.")
    if arguments.claims:
        counts = verdict_counts(claims.read_claims(*arguments.claims))
        print(f"Claims: {counts}; `snakemake --cores 2 claims` lists them.")
    print(f"Open {arguments.page} for all of it on one page.")


def add_verbs(verbs: Verbs) -> None:
    verbs.add(collect_facts, "collect what the paper quotes", "preset", "tables", "inputs", "claims", "out")
    added = verbs.add(typeset_paper, "typeset the paper", "main", "facts", "figures", "out")
    added.add_argument("--root", type=Path, default=Path("."), help="folder that holds all of these")
    verbs.add(run_notebook, "execute the notebook into an HTML page", "script", "results", "out")
    for function, help, page in (
        (front_page, "write the front page of a set of results", "out"),
        (show_made, "say what was made and where it is", "page"),
    ):
        added = verbs.add(function, help, "preset", page)
        added.add_argument("--claims", required=True, type=Path, nargs="*", help="claims.json, if there is one")
        added.add_argument("--figures", required=True, type=Path, nargs="+", help="the SVG of each figure")
        added.add_argument("--folder", type=Path, default=Path("figures"), help="the folder of these")
    added = verbs.add(gallery, "write docs/gallery.md and its images from the tables of results/PRESET", "results")
    added.add_argument("--out", type=Path, default=Path("docs"), help="folder to write to")
    added.add_argument("--readme", type=Path, help="the README whose table of figures is written, too")
