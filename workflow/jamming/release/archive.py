"""Make an archive. The same files give the same bytes."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import __version__
from ..provenance.history import Walk
from ..provenance.stamp import content_digest, read_stamp
from ..storage import layout, store
from ..storage.files import write_whole
from . import FORMAT, FORMAT_VERSION, MARK, SUMS, ReleaseError
from .crate import CRATE, describe

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the earliest date in a zip file; a fixed date keeps the bytes the same


def write_archive(
    out: Path, results: Path, figures: Sequence[str], drawn: Path, more: Mapping[str, bytes | Path], title: str
) -> dict[str, int]:
    """Write an archive of `figures` and their tables; return the size in bytes of each member by its name.

    `results` is the folder of the preset, and `drawn` the folder of the figures. `more` holds other members by their
    name in the archive. Raises ReleaseError if a figure was not drawn from the present table, or if the tables are of
    several presets.
    """
    members: dict[str, bytes] = {name: _content(source) for name, source in more.items()}
    walk, tables = Walk(results), {}
    for figure in figures:
        place = layout.TABLE.format(figure=figure)
        tables[figure] = store.read(results / place, "table")
        members[place] = _content(results / place)
        for suffix in ("pdf", "svg"):
            drawing = Path(layout.figure_file(drawn, figure, suffix))
            members[layout.figure_file("figures", figure, suffix)] = _figure(drawing, figure, tables[figure])
        walk.visit(place)
    presets = {table.spec["preset"] for table in tables.values()}
    if len(presets) != 1:
        raise ReleaseError(f"the tables in {results} are of presets {', '.join(sorted(presets))}; make them anew.")
    (preset,) = presets
    newest = max(table.provenance["written"] for table in tables.values())
    commits = sorted({table.provenance["commit"] for table in tables.values()})
    mark = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "jamming": __version__,
        "preset": preset,
        "commits": commits,
        "written": newest,
        "figures": list(figures),
    }
    members[MARK] = _json(mark)
    members[layout.RECORD] = _json(walk.record())
    members[CRATE] = _json(describe(members, title, mark))
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(members.items())]
    members[SUMS] = "".join(sums).encode()
    _write(out, members)
    return {name: len(content) for name, content in members.items()}


def _content(source: bytes | Path) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise ReleaseError(f"{source} cannot be read ({error.strerror}); make it first.") from error


def _figure(path: Path, name: str, table: store.Result) -> bytes:
    stamp = read_stamp(path)
    if stamp["figure"] != name or stamp["table"] != content_digest(table):
        raise ReleaseError(f"{path} was not drawn from the table of {name} that is there now; draw it again.")
    return path.read_bytes()


def _json(values: Mapping) -> bytes:
    return (json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _write(out: Path, members: Mapping[str, bytes]) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(entry, members[name], compresslevel=9)
    write_whole(out, content.getvalue())
