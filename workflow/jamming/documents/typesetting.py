"""Typeset the paper: compile paper/main.typ with Typst, without network, system fonts, packages or a clock."""

import json
from datetime import datetime
from pathlib import Path

import typst

from . import DocumentError


def typeset(main: Path, facts: Path, figures: Path, root: Path) -> bytes:
    """The PDF of a Typst document. Equal sources, facts and figures give equal bytes.

    `main` is the document, `facts` the JSON with all its numbers, and `figures` the folder of the drawings. Document
    and drawings must lie below `root`. The date inside the PDF is the date of the results. Only Typst's own fonts are
    used. Raises DocumentError with the compiler's message if the document does not compile.
    """
    quoted = facts.read_text(encoding="utf-8")
    written = json.loads(quoted)["written"]
    inputs = {"facts": quoted, "figures": _below(root, figures)}
    try:
        compiled, warnings = typst.compile_with_warnings(
            str(main),
            root=str(root),
            format="pdf",
            font_paths=[],
            ignore_system_fonts=True,
            sys_inputs=inputs,
            timestamp=datetime.fromisoformat(written),
        )
    except typst.TypstError as error:
        raise DocumentError(f"{main} does not compile: {error.message}; mend it or run the workflow again.") from error
    if warnings:
        # Warnings stop the job: an unknown font or a layout that does not converge is an error in the document.
        raise DocumentError(f"{main} compiles with a warning: {warnings[0].message}; mend it.")
    return compiled


def _below(root: Path, path: Path) -> str:
    """A path in Typst's form: from the root, with a leading slash. Raises DocumentError for a path outside the root."""
    try:
        return "/" + path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        raise DocumentError(f"{path} does not lie in {root}; start Snakemake in the project's folder.") from None
