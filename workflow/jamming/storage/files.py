"""Files written whole or not at all."""

import os
from pathlib import Path

from .store import StoreError


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the path, then rename; make its folder. Raises StoreError if that cannot be."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error}; free some space or make the folder writable.") from error
