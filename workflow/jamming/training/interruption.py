"""Stopping a long job without losing its work: on SIGTERM or Ctrl-C it saves its state at once and ends.

Slurm sends SIGTERM some time before a job's limit (profiles/slurm asks for a minute), on preemption and on scancel;
`kill` sends it anywhere. The same job, started again, goes on from the saved state with the same bits.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from .checkpoint import Checkpoint

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def saved_when_stopped(checkpoint: Checkpoint) -> Iterator[None]:
    """Within this context a signal only sets `checkpoint.stopped_by`.

    The training loop asks `checkpoint.is_due` whenever it looks at its networks, about once a second and never within
    a step. It saves then, and the checkpoint raises Stopped. A job that ends before ends as if no signal had come.
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
