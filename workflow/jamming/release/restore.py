"""Restore an archive. Everything is checked before anything is written."""

import hashlib
import json
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..storage.files import write_whole
from . import CRATE, FORMAT, FORMAT_VERSION, MARK, SUMS, ReleaseError

LARGEST = 2 * 10**9
"""The most bytes that an archive may unpack to. Tables and figures need far less, and a disk holds far more."""
LINE = re.compile(r"([0-9a-f]{64})  (.+)")
NAME = "[A-Za-z][A-Za-z0-9_-]{0,99}"
MEMBERS = re.compile(
    r"release\.json|SHA256SUMS|ro-crate-metadata\.json|provenance\.json|claims\.(json|csv)|paper\.json|LICENSE|CITATION\.cff"
    rf"|config/(config|effective|presets/{NAME})\.yaml|envs/requirements[a-z-]*\.(lock|txt)|summaries/{NAME}\.json"
    rf"|tables/(generalization/)?{NAME}\.h5|figures/(generalization/)?{NAME}\.(pdf|svg)"
)
"""The names that files of our archives have. They are data and documents, and no program runs them."""


@dataclass(frozen=True)
class Archive:
    """A checked archive in memory. `mark` is its release.json, and `members` holds the content of each file by name."""

    path: Path
    mark: dict
    members: dict[str, bytes]


@dataclass(frozen=True)
class Restored:
    """The outcome of `restore`: names of the files written, replaced, and found there with the same content."""

    folder: Path
    written: list[str]
    replaced: list[str]
    unchanged: list[str]


def read_archive(path: Path) -> Archive:
    """Open an archive and check its names, every checksum, and that this project made it.

    Raises ReleaseError with the name of the member that is unsafe, damaged, missing or not listed.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_names(path, entries)
            if not {MARK, SUMS, CRATE} <= {entry.filename for entry in entries}:
                raise ReleaseError(f"{path} is no archive of this project: it lacks {MARK}, {SUMS} or {CRATE}.")
            foreign = next((entry.filename for entry in entries if not MEMBERS.fullmatch(entry.filename)), None)
            if foreign:
                raise ReleaseError(f"{path} holds {foreign[:100]!r}, which no archive of ours does; do not trust it.")
            members = {entry.filename: _content(path, archive, entry) for entry in entries}
    except OSError as error:
        raise ReleaseError(f"{path} cannot be read ({error.strerror}); give an archive.") from error
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OverflowError, struct.error) as error:
        if isinstance(error, ReleaseError):
            raise
        raise ReleaseError(f"{path} is no zip file or was cut off ({error}); get it again.") from error
    _check_sums(path, members)
    return Archive(path, _mark(path, members[MARK]), members)


def restore(archive: Archive, folder: Path, replace: bool = False) -> Restored:
    """Write the members below `folder`, each atomically.

    A file with other content is replaced only if `replace` is set. Otherwise nothing is written, and ReleaseError is
    raised. It is also raised if a link in `folder` leads elsewhere, or if a file and a folder have the same path.
    """
    folder = Path(folder)
    try:
        written, replaced, unchanged = _compared(archive.members, folder)
    except OSError as error:
        raise ReleaseError(f"{folder} cannot be restored into ({error}); restore into another folder.") from error
    if replaced and not replace:
        more = f" and {len(replaced) - 1} more" if len(replaced) > 1 else ""
        raise ReleaseError(
            f"{folder / replaced[0]}{more} is there with other content than in {archive.path}; "
            "restore into another folder with --into, or say --replace."
        )
    for name in (*written, *replaced):
        write_whole(folder / name, archive.members[name])
    return Restored(folder, written, replaced, unchanged)


def _compared(members: Mapping[str, bytes], folder: Path) -> tuple[list[str], list[str], list[str]]:
    """Three lists of names: members that `folder` lacks, has with other content, and has with the same content.

    Raises ReleaseError if a link leads elsewhere, or if a file is where the archive has a folder, or the reverse.
    """
    written, replaced, unchanged = [], [], []
    for name, content in sorted(members.items()):
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ReleaseError(f"{path} leads out of {folder} through a link; remove the link.")
        for above in (folder, *(folder / parent for parent in PurePosixPath(name).parents)):
            if above.exists() and not above.is_dir():
                raise ReleaseError(f"{above} is a file where the archive has a folder; move it away.")
        if path.is_dir():
            raise ReleaseError(f"{path} is a folder where the archive has a file; move it away.")
        if not path.exists():
            written.append(name)
        else:
            (unchanged if path.read_bytes() == content else replaced).append(name)
    return written, replaced, unchanged


def _check_names(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Raise ReleaseError for names that lead out of the folder, and for sizes that could fill the disk."""
    seen: set[str] = set()
    for entry in entries:
        # zipfile cuts names at a zero byte. orig_filename is the name as it is in the file.
        name, kind = entry.orig_filename, stat.S_IFMT(entry.external_attr >> 16)
        parts = PurePosixPath(name).parts
        plain = bool(parts) and "/".join(parts) == name and not re.search(r"[\\:\x00-\x1f]", name)
        if not plain or ".." in parts or name.startswith("/"):
            raise ReleaseError(f"{path} holds the unsafe name {name!r}; do not trust this archive.")
        if kind not in (0, stat.S_IFREG):
            raise ReleaseError(f"{path}: {name} is a link or no plain file; do not trust this archive.")
        if name.lower() in seen:
            raise ReleaseError(f"{path} holds {name} twice; do not trust this archive.")
        if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ReleaseError(f"{path}: {name} is encrypted or packed in a way that ours are not; do not trust it.")
        seen.add(name.lower())
    if sum(entry.file_size for entry in entries) > LARGEST:
        raise ReleaseError(f"{path} unpacks to more than {LARGEST} bytes; do not trust this archive.")


def _content(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        return archive.read(entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ReleaseError(f"{path}: {entry.filename} is damaged ({error}); get the archive again.") from error


def _check_sums(path: Path, members: dict[str, bytes]) -> None:
    sums = {}
    for line in members[SUMS].decode("utf-8", "replace").splitlines():
        found = LINE.fullmatch(line)
        if found is None:
            raise ReleaseError(f"{path}: {SUMS} is damaged; get the archive again.")
        sums[found[2]] = found[1]
    for name in sorted(sums.keys() | members.keys() - {SUMS}):
        if name not in members:
            raise ReleaseError(f"{path}: {name} is missing; get the archive again.")
        if name not in sums:
            raise ReleaseError(f"{path}: {name} is not listed in {SUMS}; do not trust this archive.")
        if hashlib.sha256(members[name]).hexdigest() != sums[name]:
            raise ReleaseError(f"{path}: {name} is damaged, its checksum is not that of {SUMS}; get the archive again.")


def _mark(path: Path, content: bytes) -> dict:
    try:
        mark = json.loads(content)
        version = (mark["format"], mark["format_version"])
        preset = mark["preset"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ReleaseError(f"{path} is no archive of this project: {MARK} is not ours.") from error
    ours = version == (FORMAT, FORMAT_VERSION) and type(version[1]) is int
    if not ours or not isinstance(preset, str) or not re.fullmatch(NAME, preset):
        raise ReleaseError(f"{path} is an archive of another program or version; restore it with the one that made it.")
    return mark
