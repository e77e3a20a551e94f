"""Results in HDF5: one layout, atomic writes, checked reads, provenance.

A file holds a tree. Groups are dicts, datasets are arrays, attributes are scalars and strings.
The root carries four attributes more: `format` ("jamming"), `kind` (what the file is),
`spec` (JSON: what was asked for) and `provenance` (JSON: what made it).
`docs/results.md` describes each kind.
"""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np

from .. import __version__
from .commit import git_state

FORMAT = "jamming"
FORMAT_VERSION = 1
PACKAGES = ("numpy", "scipy", "h5py", "torch", "matplotlib")
RESERVED = ("format", "format_version", "kind", "spec", "provenance")


class StoreError(Exception):
    """A result that cannot be read or written; the message is one sentence that names the file and the cure."""


@dataclass(frozen=True)
class Result:
    """A result file in memory: `tree` holds arrays (datasets), scalars (attributes) and dicts (groups)."""

    kind: str
    spec: dict
    provenance: dict
    tree: dict


def write(path: Path, kind: str, spec: Mapping, tree: Mapping, provenance: Mapping) -> None:
    """Write a result atomically: a reader sees the old file, the new file or none, never half of one.

    Raises StoreError when the disk is full, the folder is read-only, or a value has no place in HDF5.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(temporary, "w") as file:
            file.attrs["format"] = FORMAT
            file.attrs["format_version"] = FORMAT_VERSION
            file.attrs["kind"] = kind
            file.attrs["spec"] = json.dumps(spec, sort_keys=True)
            file.attrs["provenance"] = json.dumps(provenance, sort_keys=True)
            _write_tree(file, tree)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        raise StoreError(
            f"cannot write {path}: {_words(error)}; free some space or make the folder writable."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def read(path: Path, kind: str, skip: Collection[str] = ()) -> Result:
    """Read a result, leaving out groups and datasets whose name is in `skip`.

    Raises StoreError if the file is missing, truncated, not ours, or of another kind.
    """
    with open_result(path, kind) as file:
        try:
            return Result(
                kind=kind,
                spec=json.loads(file.attrs["spec"]),
                provenance=json.loads(file.attrs["provenance"]),
                tree=_read_tree(file, skip),
            )
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            raise StoreError(f"{path} is damaged ({_words(error)}); delete it and run the workflow again.") from error


def open_result(path: Path, kind: str) -> h5py.File:
    """Open a result to read parts of it, with the checks of `read`. The caller closes it."""
    path = Path(path)
    if not path.exists():
        raise StoreError(f"{path} does not exist; run the rule that makes it.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise StoreError(
            f"{path} is truncated or not an HDF5 file ({_words(error)}); delete it and run the workflow again."
        ) from error
    found_format, found_kind = file.attrs.get("format"), file.attrs.get("kind")
    if found_format != FORMAT or file.attrs.get("format_version") != FORMAT_VERSION:
        file.close()
        raise StoreError(f"{path} is an HDF5 file of another program or version; delete it and run the workflow again.")
    if found_kind != kind:
        file.close()
        raise StoreError(f"{path} holds '{found_kind}' where '{kind}' is needed; give the right file.")
    return file


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


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _words(error: Exception) -> str:
    """What an error says, in one line: some of HDF5's have the time of day in them, and a line break after it."""
    return " ".join(str(error).split())


def _write_tree(group: h5py.Group, tree: Mapping) -> None:
    for name, value in tree.items():
        if group.name == "/" and name in RESERVED:
            raise StoreError(f"'{name}' is a reserved name at the root of a result file.")
        if isinstance(value, Mapping):
            _write_tree(group.create_group(name), value)
        elif isinstance(value, np.ndarray) and value.ndim > 0:
            # Random mantissas do not compress; counts, pixels and steps do.
            pays = value.dtype.kind in "iub" and value.nbytes >= 4096
            options = {"compression": "gzip", "compression_opts": 4, "shuffle": True} if pays else {}
            if value.dtype.kind == "U":
                value, options = value.astype(object), {"dtype": h5py.string_dtype()}
            group.create_dataset(name, data=value, **options)
        else:
            group.attrs[name] = value


def _read_tree(group: h5py.Group, skip: Collection[str]) -> dict:
    tree = {}
    for name, value in group.attrs.items():
        if not (group.name == "/" and name in RESERVED):
            tree[name] = value.item() if isinstance(value, np.generic) else value
    for name, item in group.items():
        if name in skip:
            continue
        if isinstance(item, h5py.Group):
            tree[name] = _read_tree(item, skip)
        elif h5py.check_string_dtype(item.dtype) is not None:
            tree[name] = item.asstr()[()]
        else:
            tree[name] = item[()]
    return tree
