"""The git commit of the code of this package, as far as git can tell."""

import os
import subprocess
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
UNKNOWN = "unknown"
NAMED_BY_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")


@cache
def git_state(package: Path = PACKAGE) -> tuple[str, bool | None]:
    """The commit of the code, and whether the work tree differs from it.

    The result is ("unknown", None) if git cannot tell: git is missing, slow or refuses the folder, or the package is
    not part of the repository around it (for example an unpacked archive). It is (commit, None) if only the comparison
    fails.
    """
    try:
        _git(package, "ls-files", "--error-unmatch", "__init__.py")
        commit = _git(package, "rev-parse", "--verify", "HEAD")
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN, None
    try:
        changed = _git(package, "status", "--porcelain", "--untracked-files=no")
        added = _git(package, "ls-files", "--others", "--exclude-standard")
    except (OSError, subprocess.SubprocessError):
        return commit, None
    return commit, bool(changed or added)


def in_words(commit: str, dirty: bool | None) -> str:
    """The commit and its state in words, such as "commit 1a2b3c with uncommitted changes"."""
    if commit == UNKNOWN:
        return "commit unknown"
    state = {True: " with uncommitted changes", False: "", None: ", not known whether with uncommitted changes"}[dirty]
    return f"commit {commit}{state}"


def _git(folder: Path, *arguments: str) -> str:
    """The output of a git command. It takes no lock, so that jobs do not disturb each other or the user's own git.

    The variables that a git hook sets are removed: they may name another repository than that of the folder.
    """
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in NAMED_BY_HOOKS}
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10, env=environment)
    return done.stdout.strip()
