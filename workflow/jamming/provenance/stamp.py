"""The stamp of a figure: its origin, written into its PDF and SVG, and read from them again."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from .. import __version__
from ..storage import store
from ..storage.fingerprint import fingerprint
from . import ProvenanceError

DESCRIPTION = "{http://purl.org/dc/elements/1.1/}description"
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def stamp_of(table: store.Result, module: str) -> dict:
    """The stamp: the figure, its preset, the code that computed and draws it, and a hash of its table's content.

    `module` is the module that draws it (`inventory.module_of`). The stamp does not depend on when or where the table
    was made, so equal numbers give equal figures.
    """
    return {
        "figure": table.spec["figure"],
        "preset": table.spec["preset"],
        "commit": table.provenance["commit"],
        "dirty": table.provenance["dirty"],
        "jamming": __version__,
        "drawn_by": drawing_code(module),
        "table": content_digest(table),
    }


def drawing_code(module: str) -> str:
    """The fingerprint of the code that draws a figure."""
    return fingerprint("figures", f"figures.{module}")


def content_digest(result: store.Result) -> str:
    """The sha256 (hex) of a result's kind, spec and tree. The provenance is left out, since it holds a date."""
    hashed = hashlib.sha256(json.dumps([result.kind, result.spec], sort_keys=True).encode())
    for path, value in _leaves(result.tree, ""):
        if isinstance(value, np.ndarray) and value.dtype.kind not in "OU":
            hashed.update(json.dumps([path, value.dtype.str, value.shape]).encode())
            hashed.update(np.ascontiguousarray(value).tobytes())
        else:
            hashed.update(json.dumps([path, value.tolist() if isinstance(value, np.ndarray) else value]).encode())
    return hashed.hexdigest()


def read_stamp(path: Path) -> dict:
    """The stamp in a figure's PDF or SVG. Raises ProvenanceError if the file is missing or has no such stamp."""
    path = Path(path)
    readers = {".pdf": _pdf_subject, ".svg": _svg_description}
    try:
        stamp = json.loads(readers[path.suffix](path.read_bytes()))
    except OSError as error:
        raise ProvenanceError(f"{path} cannot be read ({error.strerror}); draw the figure first.") from error
    except (KeyError, TypeError, ValueError, ElementTree.ParseError) as error:
        raise ProvenanceError(f"{path} is not a figure of this project; give one from figures/.") from error
    if not isinstance(stamp, dict) or not {"figure", "preset", "table"} <= stamp.keys():
        raise ProvenanceError(f"{path} was not stamped with its table; draw it again.")
    return stamp


def _leaves(tree: Mapping, path: str):
    for name in sorted(tree):
        inner = f"{path}/{name}"
        if isinstance(tree[name], Mapping):
            yield from _leaves(tree[name], inner)
        else:
            yield inner, tree[name]


def _pdf_subject(content: bytes) -> str:
    """The Subject of a PDF. Its information dictionary must be plain, as matplotlib writes it (PDF 32000, 7.3.4.2)."""
    found = re.search(rb"/Subject \(((?:[^\\()]|\\.)*)\)", content, re.DOTALL)
    if found is None:
        raise ValueError("no subject")
    return re.sub(rb"\\(.)", lambda escape: _ESCAPED.get(escape[1], escape[1]), found[1], flags=re.DOTALL).decode()


def _svg_description(content: bytes) -> str:
    found = ElementTree.fromstring(content).find(f".//{DESCRIPTION}")
    if found is None:
        raise ValueError("no description")
    return found.text
