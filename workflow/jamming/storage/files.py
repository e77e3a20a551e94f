"""Files written whole or not at all, and their checksums."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

PRIVATE, SHARED = 0o600, 0o666
"""Modes of a file: for its owner alone, and what the umask leaves of all."""


class StoreError(Exception):
    """A file that cannot be read or written; the message is one sentence that names the file and the cure."""


def write_whole(path: Path, content: bytes | memoryview, mode: int = SHARED) -> None:
    """Write beside the path, then rename; make its folder. After a crash there is the old file or the new one.

    Raises StoreError when the disk is full or the folder is read-only; then the old file stands and nothing is left.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            with suppress(OSError):
                temporary.unlink()
        _keep_name(path.parent)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error}; free some space or make the folder writable.") from error


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _keep_name(folder: Path) -> None:
    """See to it that a new name in a folder outlasts a crash of the machine; not every file system can."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
