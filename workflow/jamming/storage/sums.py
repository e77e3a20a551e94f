"""Check the files of a folder against its SHA256SUMS, a file in the format of `sha256sum`."""

import re
from pathlib import Path

from .files import StoreError, sha256_of

SUMS = "SHA256SUMS"
LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def check_sums(folder: Path, within: str) -> None:
    """Compare the files of a folder with its SHA256SUMS, if it has one. All files in `folder/within` must be listed.

    A listed file may be missing, since an archive can be restored in part. Raises StoreError that names the file that
    has changed or is not listed.
    """
    folder = Path(folder)
    if not (folder / SUMS).exists():
        return
    try:
        found = [LINE.fullmatch(line) for line in (folder / SUMS).read_text(encoding="utf-8").splitlines()]
        sums = {line[2]: line[1] for line in found}
        for path in sorted((folder / within).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and name not in sums:
                raise StoreError(f"{path} is not listed in {folder / SUMS}; remove it, or restore the archive again.")
        for name, digest in sums.items():
            if (folder / name).is_file() and sha256_of(folder / name) != digest:
                raise StoreError(
                    f"{folder / name} is not the file that was archived: {SUMS} has another checksum; "
                    "restore the archive again."
                )
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"{folder / SUMS} cannot be read ({error}); restore the archive again.") from error
