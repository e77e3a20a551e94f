"""The state of an unfinished job, beside the result it will become.

Two hidden files that no rule declares (Snakemake deletes declared outputs before it runs a job again):
`.NAME.resume` holds the last saved state, `.NAME.lock` is locked for as long as a process works on it.
The lock belongs to the process and goes with it, also after `kill -9`.
"""

import fcntl
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from . import store

KIND = "resume"


class Stopped(Exception):
    """The job was asked to stop and its state is saved; `signal` is what asked."""

    def __init__(self, number: signal.Signals, path: Path):
        super().__init__(f"stopped by {number.name}; the state is saved in {path}, the same job goes on from there.")
        self.signal = number


class Checkpoint:
    """Saved progress of the job that makes `result`. Use as a context manager: entering takes the lock.

    A second process that wants the same result waits until the first one ends (`waited` is then true); it does not
    write beside it.
    """

    def __init__(self, result: Path, spec: dict, report: Callable[[str], None] = print, poll_seconds: float = 1.0):
        result = Path(result)
        self.path = result.with_name(f".{result.name}.resume")
        self.lock_path = result.with_name(f".{result.name}.lock")
        self.spec, self.report, self.poll_seconds = spec, report, poll_seconds
        self.waited = False
        self.stopped_by: signal.Signals | None = None

    def __enter__(self) -> "Checkpoint":
        while not self._try_lock():
            if not self.waited:
                self.report(f"process {self._owner()} works on {self.path.name} already; waiting for it to end.")
                self.waited = True
            time.sleep(self.poll_seconds)
        # What a killed predecessor was writing when it died.
        for leftover in self.path.parent.glob(f".*{self.path.name}.*.tmp"):
            leftover.unlink(missing_ok=True)
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def load(self) -> dict | None:
        """The saved state, or None if there is none to go on from; says so if one had to be refused."""
        if not self.path.exists():
            return None
        try:
            saved = store.read(self.path, KIND)
        except store.StoreError as error:
            self.report(f"starting over, the saved state cannot be used: {error}")
            return None
        if saved.spec != self.spec:
            self.report(f"starting over: {self.path} was saved by a run with other settings.")
            return None
        return saved.tree

    def save(self, tree: dict) -> None:
        """Replace the saved state, atomically. Raises Stopped after that if a signal was met (interruption.py)."""
        store.write(self.path, KIND, self.spec, tree, provenance={})
        if self.stopped_by is not None:
            raise Stopped(self.stopped_by, self.path)

    def remove(self) -> None:
        """Forget the saved state: the result stands."""
        self.path.unlink(missing_ok=True)
        self.lock_path.unlink(missing_ok=True)

    def _try_lock(self) -> bool:
        try:
            self.lock_path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = open(self.lock_path, "a+")  # noqa: SIM115 (stays open for as long as the lock is held)
        except OSError as error:
            raise store.StoreError(f"cannot write {self.lock_path}: {error}; make the folder writable.") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The last owner may have removed the file between our open and our lock: then this is not the lock.
            if self.lock_path.exists() and os.fstat(self._lock.fileno()).st_ino == self.lock_path.stat().st_ino:
                return True
        except BlockingIOError:
            pass
        self._lock.close()
        return False

    def _owner(self) -> str:
        try:
            return self.lock_path.read_text().strip() or "unknown"
        except OSError:
            return "unknown"
