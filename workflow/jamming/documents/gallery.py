"""The gallery: every figure as a small PNG, and a page with captions, verdicts and comparisons with the papers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import figures, inventory
from ..storage.files import write_whole
from ..storage.store import Result
from . import claims as claims_file
from .captions import PAPERS, Caption, caption_of, plain
from .generated import between_marks

DPI = 100
"""Resolution of the images: 700 pixels for the width of a page."""


def make_gallery(figure_tables: Mapping[str, Result], claims: Mapping, folder: Path) -> None:
    """Write `folder`/gallery/NAME.png for every table, and `folder`/gallery.md. Equal tables give equal bytes.

    Raises FigureError for a table that cannot be drawn, and StoreError for a folder that cannot be written.
    """
    for name, table in figure_tables.items():
        figures.render(inventory.module_of(name), table.tree, [folder / _image(name)], dpi=DPI)
    write_whole(folder / "gallery.md", gallery_page(list(figure_tables), claims).encode())


def gallery_page(names: Sequence[str], claims: Mapping) -> str:
    """The page in Markdown: the figures of each paper, each with its caption and the verdicts of its claims."""
    lines = [
        "# Gallery",
        "",
        f"Every figure of both papers at preset `{claims['preset']}`, drawn from its table. Written by `make gallery`;",
        "the measured values and verdicts are those of `claims.json`, with intervals of 95 %.",
    ]
    captions = [caption_of(name) for name in names]
    for paper, heading in PAPERS.items():
        lines += ["", f"## {heading}"]
        for caption in captions:
            if caption.paper == paper:
                lines += ["", *_entry(caption, claims)]
    return "\n".join(lines) + "\n"


def readme_with_gallery(text: str, names: Sequence[str]) -> str:
    """A README's text with a new table of figures between its two marks. Raises ValueError if the marks are missing."""
    rows = ["", "| | figure | compared with the paper |", "|---|---|---|"]
    for caption in map(caption_of, names):
        image = f'<img src="docs/{_image(caption.figure)}" width="200" alt="{caption.name}">'
        shows = f"`figures/{caption.figure}.pdf`, {caption.name}: {plain(caption.title)}"
        rows.append(f"| {image} | {shows} | {_escaped(plain(caption.comparison))} |")
    return between_marks(text, "gallery", rows)


def _entry(caption: Caption, claims: Mapping) -> list[str]:
    title = f"{caption.name}: {plain(caption.title)}"
    verdicts = [_verdict(row) for row in claims_file.about(claims, caption.claims)]
    return [
        f"### {title}",
        "",
        f"![{title}]({_image(caption.figure)})",
        "",
        _escaped(f"{plain(caption.caption)} *Compared with the paper:* {plain(caption.comparison)}"),
        *(["", *verdicts] if verdicts else []),
    ]


def _verdict(row: Mapping) -> str:
    unit = f" ({row['unit']})" if row["unit"] else ""
    measured = "" if row["measured"] == "–" else f", measured {row['measured']} {row['interval']}{unit}"
    return _escaped(f"- {row['id']}: **{row['verdict']}**{measured}; published: {row['published']}")


def _escaped(text: str) -> str:
    """Text with subscripts, the star of N* and bars escaped, so that they are no markup. Bold and italic stay."""
    return text.replace("_", "\\_").replace("N*", "N\\*").replace("|", "\\|")


def _image(name: str) -> str:
    return f"gallery/{name.replace('/', '-')}.png"
