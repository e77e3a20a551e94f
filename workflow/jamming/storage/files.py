"""Atomic writing of files, and their checksums."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

PRIVATE, SHARED = 0o600, 0o666
"""Modes of a file: one for its owner alone, and one for everybody, which the umask reduces."""


class StoreError(Exception):
    """A file cannot be read or written. The message is one sentence: the file, the reason, and what to do."""


def write_whole(path: Path, content: bytes | memoryview, mode: int = SHARED) -> None:
    """Write a file atomically, and make its folder: write a temporary file beside it, then rename that.

    After a crash the old or the new file is there. Raises StoreError if the disk is full or the folder is read-only;
    then the old file stays, and no temporary file is left.
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
    """The sha256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _keep_name(folder: Path) -> None:
    """Make the new name in the folder survive a crash of the machine, on file systems that support this."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
