"""Stopping a long job without losing its work: on SIGTERM or Ctrl-C it saves its state at once and ends.

Slurm sends SIGTERM some time before a job's limit (profiles/slurm asks for a minute), on preemption and on scancel;
`kill` sends it anywhere. The same job, started again, goes on from the saved state with the same bits.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from .checkpoint import Checkpoint

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def saved_when_stopped(checkpoint: Checkpoint, loop: ModuleType) -> Iterator[None]:
    """Within this context a signal makes `checkpoint` save at the next step and raise `checkpoint.Stopped`.

    `loop` is the module whose training loop is at work. It compares the time since it last saved with its
    SAVE_EVERY_SECONDS at every step; zero makes the save due, and no step pays for a question of its own. A step is
    never cut in two. A job that ends before its next step ends as if no signal had come.
    """
    interval, handlers = loop.SAVE_EVERY_SECONDS, {}

    def stop(number: int, _frame: object) -> None:
        checkpoint.stopped_by = signal.Signals(number)
        loop.SAVE_EVERY_SECONDS = 0.0

    for number in SIGNALS:
        # A shell starts background jobs with SIGINT ignored, and means it.
        if signal.getsignal(number) != signal.SIG_IGN:
            handlers[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        loop.SAVE_EVERY_SECONDS = interval
        for number, handler in handlers.items():
            signal.signal(number, handler)
