"""The front page of a set of results: headline numbers, all figures, and links to everything else.

It is one static HTML file without scripts, and needs no network. A click on a figure makes it fill the window, with CSS
alone. Equal claims and figures give equal bytes.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from . import claims as claims_file
from .captions import PAPERS, caption_of, plain

HEADLINES = (
    "transition-location-L3",
    "jump-random",
    "jump-mnist",
    "c0-relu",
    "c0-tanh",
    "theta-relu",
    "gamma-relu",
    "h-negative-relu",
    "cusps-random-L5",
    "ce-slope",
    "cusp-position",
    "early-stopping-erases",
)
"""The best-known numbers of the papers. A number that is not among the claims is left out."""

MORE = (
    ("The paper", "../../paper/jamming.pdf", "paper"),
    ("All claims with their reasons, as a table", "claims.csv", "claims"),
    ("Notebook: from one file to [G] Fig. 6", "explore.html", "notebook"),
    ("Explorer: every run, to click on", "explorer.html", "explorer"),
    ("Archive for a data repository", "jamming-{preset}.zip", "archive"),
)
"""Links to all other products: text, path relative to the page, and the target that makes the file."""

_STYLE = (Path(__file__).with_name("front_page.css")).read_text(encoding="utf-8")


def page(claims: Mapping, figures: Mapping[str, bytes]) -> str:
    """The page as HTML, from claims.json and the SVG of each figure by its name."""
    preset = claims["preset"]
    sections = [
        "<h1>The jamming transition of neural networks</h1>",
        f"<p>Preset <b>{escape(preset)}</b>: {_counted(claims)}</p>",
        _headlines(claims),
        *(_gallery(heading, letter, figures) for letter, heading in PAPERS.items()),
        _more(preset),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Jamming: {escape(preset)}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(sections)
        + "\n</body>\n</html>\n"
    )


def verdict_counts(claims: Mapping) -> str:
    """The number of claims with each verdict as text: "21 reproduced, 2 not reproduced, …", without zeros."""
    return ", ".join(f"{number} {verdict}" for verdict, number in claims_file.counts(claims).items() if number)


def _counted(claims: Mapping) -> str:
    if not claims["claims"]:
        return "drawn from tables, without claims."
    return f"{len(claims['claims'])} published numbers and statements, of which {verdict_counts(claims)}."


def _headlines(claims: Mapping) -> str:
    rows = []
    for row in (row for row in claims_file.shown(claims) if row["id"] in HEADLINES):
        measured = row["measured"] if row["measured"] == "–" else f"{row['measured']} {row['interval']}"
        verdict = f'<td class="{row["verdict"].replace(" ", "-")}">{escape(row["verdict"])}</td>'
        words = "".join(f"<td>{_formatted(text)}</td>" for text in (row["statement"], row["published"], measured))
        rows.append(f'<tr title="{escape(row["reason"])}">{words}{verdict}</tr>')
    if not rows:
        return ""
    head = "<tr><th>claim</th><th>published</th><th>measured here [95 %]</th><th>verdict</th></tr>"
    return f'<h2>Headline numbers</h2>\n<div class="wide"><table>\n{head}\n' + "\n".join(rows) + "\n</table></div>"


def _formatted(text: str) -> str:
    """A text of plain characters as HTML, with exponents (z^θ) raised and indices (N_Δ) lowered."""
    text = re.sub(r"\^([−-]?[\w/]+)", r"<sup>\1</sup>", escape(text))
    return re.sub(r"(?<=\w)_([^\W_]+|−|\+)", r"<sub>\1</sub>", text)


def _gallery(heading: str, letter: str, figures: Mapping[str, bytes]) -> str:
    cards = [_card(name, drawing) for name, drawing in figures.items() if caption_of(name).paper == letter]
    return f'<h2>{escape(heading)}</h2>\n<div class="cards">\n' + "\n".join(cards) + "\n</div>" if cards else ""


def _card(name: str, drawing: bytes) -> str:
    """The card of a figure. It links to itself, and the style sheet shows the linked card over the whole window."""
    caption, place = caption_of(name), name.replace("/", "-")
    title = f"{caption.name}: {plain(caption.title)}"
    source = "data:image/svg+xml;base64," + base64.b64encode(drawing).decode()
    return (
        f'<figure id="{place}"><a class="open" href="#{place}"><img src="{source}" alt="{escape(title)}"></a>\n'
        f"<figcaption><b>{escape(title)}</b> <span>{escape(plain(caption.caption))}\n"
        f'<a href="../../figures/{name}.pdf">PDF</a></span></figcaption>\n'
        f'<a class="close" href="#_" aria-label="close">×</a></figure>'
    )


def _more(preset: str) -> str:
    items = [
        f'<li><a href="{place.format(preset=preset)}">{title}</a> <code>snakemake --cores 2 {target}</code></li>'
        for title, place, target in MORE
    ]
    items += [
        "<li>HTML report <code>snakemake --report report.html</code></li>",
        "<li>Where a figure comes from <code>python -m jamming provenance figures/fig6.pdf</code></li>",
    ]
    intro = "Each of these exists once its command has run."
    return f"<h2>More</h2>\n<p>{intro}</p>\n<ul>\n" + "\n".join(items) + "\n</ul>"


def figures_of(paths: Sequence[Path], folder: Path) -> dict[str, bytes]:
    """The contents of SVG files by the names of their figures, from paths below `folder`. Raises OSError."""
    return {path.relative_to(folder).with_suffix("").as_posix(): path.read_bytes() for path in map(Path, paths)}
