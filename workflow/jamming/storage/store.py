"""Results: one layout, atomic writes, checked reads, provenance.

A file holds a tree (`hdf5`). The root carries five attributes more: `format` ("jamming"), `format_version`, `kind`
(what the file is), `spec` (JSON: what was asked for) and `provenance` (JSON: what made it).
`docs/results.md` describes each kind.
"""

import json
import platform
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .. import __version__
from . import hdf5
from .commit import git_state
from .files import StoreError, sha256_of, write_whole

__all__ = ["Result", "StoreError", "provenance", "read", "sha256_of", "write"]

FORMAT = "jamming"
FORMAT_VERSION = 2
LARGEST = 2**32
PACKAGES = ("numpy", "scipy", "h5py", "torch", "matplotlib")
RESERVED = ("format", "format_version", "kind", "spec", "provenance")


@dataclass(frozen=True)
class Result:
    """A result file in memory: `tree` holds arrays (datasets), scalars (attributes) and dicts (groups)."""

    kind: str
    spec: dict
    provenance: dict
    tree: dict


def write(path: Path, kind: str, spec: Mapping, tree: Mapping, provenance: Mapping) -> None:
    """Write a result atomically: a reader sees the old file, the new file or none, never half of one.

    Raises StoreError when the disk is full, the folder is read-only or a name is taken, TypeError for a value that has
    no place in HDF5.
    """
    for name in RESERVED:
        if name in tree:
            raise StoreError(f"'{name}' is a reserved name at the root of a result file.")
    head = {"format": FORMAT, "format_version": FORMAT_VERSION, "kind": kind}
    head |= {"spec": json.dumps(spec, sort_keys=True), "provenance": json.dumps(provenance, sort_keys=True)}
    write_whole(path, hdf5.packed(head, tree))


def read(path: Path, kind: str | None, skip: Collection[str] = (), arrays: bool = True) -> Result:
    """Read a result, leaving out groups and datasets whose name is in `skip`, or all arrays; None is any kind.

    Raises StoreError if the file is missing, not ours, of another kind, or if one bit is not as it was written.
    """
    try:
        tree = hdf5.unpacked(_content(Path(path)), skip, arrays)
        head = [tree.pop(name, None) for name in RESERVED]
        spec, made = (json.loads(str(text)) for text in head[3:])
    except (hdf5.DamageError, ValueError, RecursionError) as error:
        raise StoreError(f"{path} is damaged ({error}); delete it and run the workflow again.") from error
    if head[:2] != [FORMAT, FORMAT_VERSION] or not (isinstance(spec, dict) and isinstance(made, dict)):
        raise StoreError(f"{path} is an HDF5 file of another program or version; delete it and run the workflow again.")
    if kind not in (None, head[2]):
        raise StoreError(f"{path} holds '{head[2]}' where '{kind}' is needed; give the right file.")
    return Result(str(head[2]), spec, made, tree)


def _content(path: Path) -> bytes:
    """The bytes of a file that begins like a result."""
    if not path.exists():
        raise StoreError(f"{path} does not exist; run the rule that makes it.")
    again = "delete it and run the workflow again."
    if not path.is_file() or path.stat().st_size > LARGEST:
        raise StoreError(f"{path} is no file, or larger than any result; {again}")
    try:
        with open(path, "rb") as file:
            start = file.read(hdf5.SEAL_SIZE)
            if start.startswith(hdf5.SIGNATURE):
                raise StoreError(f"{path} is an HDF5 file of another program or version; {again}")
            if not start.startswith(hdf5.SEALED):
                raise StoreError(f"{path} is truncated or no result; {again}")
            file.seek(0)
            return file.read()
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error}); make it readable, or {again}") from error


def provenance(inputs: Mapping[str, Path], threads: int, device: str = "cpu", **more: object) -> dict:
    """What made a result: versions, commit, threads, device and the sha256 of every input file.

    A package counts only if it has been imported by now: most training does without torch.
    """
    commit, dirty = git_state()
    packages = {name: str(sys.modules[name].__version__) for name in PACKAGES if name in sys.modules}
    return {
        "jamming": __version__,
        "python": platform.python_version(),
        "packages": packages,
        "commit": commit,
        "dirty": dirty,
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "threads": threads,
        "device": device,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "inputs": {name: sha256_of(path) for name, path in inputs.items()},
        **more,
    }
