"""Write and read result files, and record their provenance.

A file holds a tree (`hdf5`). Its root has five additional attributes: `format` ("jamming"), `format_version`, `kind`,
`spec` (JSON: the settings of the result) and `provenance` (JSON: the code, machine and inputs that made it).
`docs/results.md` describes each kind. Files are written atomically, and reading checks every bit.
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
from .columns import Group, check_columns
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

    Raises StoreError if the disk is full, the folder is read-only, or the tree uses a name in RESERVED. Raises
    TypeError for a value that HDF5 cannot hold.
    """
    for name in RESERVED:
        if name in tree:
            raise StoreError(f"'{name}' is a reserved name at the root of a result file.")
    head = {"format": FORMAT, "format_version": FORMAT_VERSION, "kind": kind}
    head |= {"spec": json.dumps(spec, sort_keys=True), "provenance": json.dumps(provenance, sort_keys=True)}
    write_whole(path, hdf5.packed(head, tree))


def read(path: Path, kind: str | None, skip: Collection[str] = (), arrays: bool = True) -> Result:
    """Read a result. `kind` None accepts every kind.

    Groups and arrays with a name in `skip` are left out, and all arrays if `arrays` is false. Raises StoreError if the
    file is missing, comes from another program, is of another kind, holds other columns than its kind (`columns`), or
    if any bit of it has changed. Asking the tree for a column that is missing raises StoreError, too.
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
    check_columns(path, str(head[2]), spec, tree)
    return Result(str(head[2]), spec, made, Group(path, "", tree))


def _content(path: Path) -> bytes:
    """The bytes of a file. Raises StoreError if it does not begin like a result."""
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
    """The provenance of a result: versions, commit, command, threads, device, time, and the sha256 of every input.

    A package is recorded only if it has been imported, since most training does not use torch.
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
