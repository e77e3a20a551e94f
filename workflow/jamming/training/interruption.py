"""Stop a long job without losing its work: on SIGTERM or Ctrl-C the job saves its state and ends.

Slurm sends SIGTERM before a job reaches its time limit (one minute before, with profiles/slurm), on preemption and on
scancel. `kill` sends it, too. The same job, started again, goes on from the saved state and gives the same bits.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from .checkpoint import Checkpoint

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def saved_when_stopped(checkpoint: Checkpoint) -> Iterator[None]:
    """Within this context SIGTERM and SIGINT only set `checkpoint.stopped_by`.

    The training loop asks `checkpoint.is_due` between steps, about once a second. After a signal it saves its state,
    and the checkpoint raises Stopped. A job that ends before that ends as if no signal had come.
    """
    handlers = {}

    def stop(number: int, _frame: object) -> None:
        checkpoint.stopped_by = signal.Signals(number)

    for number in SIGNALS:
        # A shell starts background jobs with SIGINT ignored, so that Ctrl-C stops only the job in the foreground.
        if signal.getsignal(number) != signal.SIG_IGN:
            handlers[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
