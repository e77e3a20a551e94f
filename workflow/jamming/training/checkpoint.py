"""Checkpoints: the state of an unfinished job is saved beside the job's result.

A checkpoint has three kinds of hidden files:
- `.NAME.resume` holds the last saved state.
- `.NAME.lock` is locked while a process works on the job. The system frees the lock when the process ends, also after
  `kill -9`.
- `.NAME.PART.ended` holds the state in which a part of the job (a replica) ended. A longer run goes on from it.
No rule declares these files, because Snakemake deletes declared outputs before it runs a job again.
"""

import fcntl
import glob
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from ..storage import store

KIND, ENDED = "resume", "ended"

SAVE_EVERY_SECONDS = float(os.environ.get("JAMMING_SAVE_EVERY_SECONDS", 30))


class Stopped(Exception):
    """The job was asked to stop by the signal `signal`, and its state is saved."""

    def __init__(self, number: signal.Signals, path: Path):
        super().__init__(f"stopped by {number.name}; the state is saved in {path}, the same job goes on from there.")
        self.signal = number


class Checkpoint:
    """The saved progress of the job that makes `result`. It is a context manager; entering it takes the lock.

    A second process that wants the same result waits until the first one ends. Its `waited` is then true.
    """

    def __init__(self, result: Path, spec: dict, report: Callable[[str], None] = print, poll_seconds: float = 1.0):
        result = Path(result)
        self.result, self.path = result, result.with_name(f".{result.name}.resume")
        self.lock_path = result.with_name(f".{result.name}.lock")
        self.spec, self.report, self.poll_seconds = spec, report, poll_seconds
        self.waited = False
        self.stopped_by: signal.Signals | None = None
        self._saved_at = time.monotonic()

    def __enter__(self) -> "Checkpoint":
        while not self._try_lock():
            if not self.waited:
                self.report(f"process {self._owner()} works on {self.path.name} already; waiting for it to end.")
                self.waited = True
            time.sleep(self.poll_seconds)
        # A process that was killed leaves the file it was writing: the result, or one of the hidden files beside it.
        for pattern in (".{}.*.tmp", "..{}.*.tmp"):
            for leftover in self.path.parent.glob(pattern.format(glob.escape(self.result.name))):
                leftover.unlink(missing_ok=True)
        # The owner's number only informs others. The lock works without it, as on a full disk.
        with suppress(OSError):
            os.ftruncate(self._lock.fileno(), 0)
            os.write(self._lock.fileno(), str(os.getpid()).encode())
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def load(self) -> dict | None:
        """The saved state, or None if there is none. A state that cannot be used is reported and ignored."""
        saved = self._read(self.path, KIND)
        if saved is None:
            return None
        if saved.spec != self.spec:
            self.report(f"starting over: {self.path} was saved by a run with other settings or other code.")
            return None
        return saved.tree

    def is_due(self) -> bool:
        """Whether to save now: SAVE_EVERY_SECONDS have passed since the last time, or a signal asks the job to stop."""
        return self.stopped_by is not None or time.monotonic() - self._saved_at >= SAVE_EVERY_SECONDS

    def save(self, tree: dict) -> None:
        """Replace the saved state, atomically. Then raise Stopped if a signal asked to stop (interruption.py)."""
        self._write(self.path, KIND, tree)
        self._saved_at = time.monotonic()
        if self.stopped_by is not None:
            raise Stopped(self.stopped_by, self.path)

    def load_ended(self, part: str) -> dict | None:
        """The state in which `part` of a shorter run ended, or None if there is none.

        The two specifications may differ in `protocol.steps` alone, and this run must have more steps.
        """
        ended = self._read(self._ended(part), ENDED)
        if ended is None:
            return None
        (before, steps_before), (now, steps_now) = _without_steps(ended.spec), _without_steps(self.spec)
        return ended.tree if before == now and steps_before < steps_now else None

    def keep_ended(self, part: str, tree: dict) -> None:
        """Save the state in which `part` ended. `remove` does not delete it."""
        self._write(self._ended(part), ENDED, tree)

    def remove(self) -> None:
        """Delete the saved state and the lock, once the result is written. The states of ended parts stay."""
        self.path.unlink(missing_ok=True)
        self.lock_path.unlink(missing_ok=True)

    def _ended(self, part: str) -> Path:
        return self.result.with_name(f".{self.result.name}.{part}.ended")

    def _write(self, path: Path, kind: str, tree: dict) -> None:
        store.write(path, kind, self.spec, tree, provenance={})

    def _read(self, path: Path, kind: str) -> store.Result | None:
        if not path.exists():
            return None
        try:
            return store.read(path, kind)
        except store.StoreError as error:
            self.report(f"starting over, the saved state cannot be used: {error}")
            return None

    def _try_lock(self) -> bool:
        try:
            self.lock_path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = open(self.lock_path, "a+")  # noqa: SIM115 (stays open for as long as the lock is held)
        except OSError as error:
            raise store.StoreError(f"cannot write {self.lock_path}: {error}; make the folder writable.") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The last owner may have removed the file between our open and our lock. Then we hold a lock on no file.
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


def _without_steps(spec: Mapping) -> tuple[dict, int]:
    """A specification without its number of steps, and that number (0 if it has none)."""
    protocol = dict(spec.get("protocol", {}))
    steps = protocol.pop("steps", 0)
    return {**spec, "protocol": protocol}, steps
