"""Titles and captions of the figures, read from captions.yaml, for the report, the gallery and the paper."""

import re
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import yaml

from . import DocumentError

CAPTIONS = Path(__file__).with_name("captions.yaml")
MARKUP = re.compile(r"<[^\s=]")
PAPERS = {
    "G": "[G] Landscape of the loss",
    "S": "[S] Generalization",
}
"""The two papers as categories of the report, in the order in which they are shown."""


@dataclass(frozen=True)
class Caption:
    """The texts about a figure, with symbols between dollar signs. `claims` are the ids of the claims it belongs to."""

    figure: str
    title: str
    caption: str
    topic: str
    data: str
    comparison: str
    claims: tuple[str, ...]

    @property
    def paper(self) -> str:
        """The paper of the figure: "G" or "S"."""
        return "S" if self.figure.startswith("generalization/") else "G"

    @property
    def number(self) -> str:
        """The figure's number in its paper: "6", "B1"."""
        return self.figure.rpartition("fig")[2]

    @property
    def name(self) -> str:
        """The name of the figure in texts: "[G] Fig. 6"."""
        return f"[{self.paper}] Fig. {self.number}"

    @property
    def labels(self) -> dict[str, str]:
        """The columns of the report's list of figures."""
        return {"Figure": self.name, "Shows": plain(self.title), "Data": self.data}


@cache
def read_captions() -> dict[str, Caption]:
    """The captions by figure. Raises DocumentError if an entry lacks a key or has an unknown one, or holds markup."""
    entries = yaml.safe_load(CAPTIONS.read_text(encoding="utf-8"))
    return {figure: _checked(figure, entry) for figure, entry in entries.items()}


def caption_of(figure: str) -> Caption:
    """The caption of a figure. Raises DocumentError for one that has none."""
    try:
        return read_captions()[figure]
    except KeyError:
        raise DocumentError(f"figure '{figure}' has no caption; write one in {CAPTIONS.name}.") from None


def plain(text: str) -> str:
    """A text with its symbols as plain characters: "$N^*(P)$" → "N*(P)"."""
    return text.replace("$", "").replace("^*", "*")


def restructured(text: str) -> str:
    """The plain text in reStructuredText, with all characters escaped that would be markup, a link or a list: "(A)"."""
    return re.sub(r"([\\*`|_:]|^\()", r"\\\1", plain(text))


def _checked(figure: str, entry: dict) -> Caption:
    known = {field.name for field in fields(Caption)} - {"figure"}
    wrong = sorted(known ^ set(entry))
    if wrong:
        raise DocumentError(
            f"{CAPTIONS.name}: '{figure}' lacks the key '{wrong[0]}' or has it in vain; the keys are "
            f"{', '.join(sorted(known))}."
        )
    # Snakemake writes labels into a script of its report as they are.
    if any(MARKUP.search(text) for text in entry.values() if isinstance(text, str)):
        raise DocumentError(
            f"{CAPTIONS.name}: a text of '{figure}' has a <, which begins markup; put a space after it."
        )
    return Caption(figure=figure, **{**entry, "claims": tuple(entry["claims"])})
