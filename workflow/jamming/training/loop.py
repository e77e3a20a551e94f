"""Training the replicas of one point: step, look, save, resume; one after the other, or all together on a GPU.

The loops are `_train_alone` and `_train_together`; what happens when a replica is looked at stands in replica.py.
A run stops when its last step is done or as soon as N_Δ = 0.
"""

import os
import time
from collections.abc import Callable, Sequence

from .. import kernels
from ..kernels import Backend
from ..losses import quadratic_hinge
from ..protocols import learning_rate
from ..spec import Point
from ..storage import store
from .checkpoint import Checkpoint
from .lockstep import Lockstep
from .replica import Replica, clock

SAVE_EVERY_SECONDS = float(os.environ.get("JAMMING_SAVE_EVERY_SECONDS", 30))
REPORT_EVERY_SECONDS = 10


def train(
    point: Point,
    dataset: store.Result,
    checkpoint: Checkpoint,
    device: str = "cpu",
    report: Callable[[str], None] = print,
    backend: Backend | None = None,
) -> dict:
    """Train every replica of a point; return the tree of its result file (layout: docs/results.md).

    `backend` does the steps; without one the fastest that works on the device is taken.

    Raises DivergenceError on NaN or infinity, DatasetError when the data cannot supply P patterns.
    """
    backend = backend or kernels.choose(device, report=report)
    saved = checkpoint.load() or {}
    job = Job(checkpoint, {name: group for name, group in saved.items() if name.startswith("replica_")}, report)

    def begin(number: int) -> Replica:
        replica = Replica(point, number, dataset)
        replica.result = job.results.get(replica.name)
        if replica.result is None:
            replica.restore(saved.get("progress", {}), checkpoint, report)
        return replica

    # L-BFGS makes steps of its own in each replica.
    if backend.batched is not None and not point.protocol.lbfgs_steps:
        _train_together([begin(number) for number in range(point.replicas)], backend, device, job)
    else:
        for number in range(len(job.results), point.replicas):
            _train_alone(begin(number), backend, device, job)
    return dict(sorted(job.results.items()))


class Job:
    """What the replicas of a point share: the checkpoint, the results of those that have ended, and the clock."""

    def __init__(self, checkpoint: Checkpoint, results: dict, report: Callable[[str], None]):
        self.results, self.report, self._checkpoint = results, report, checkpoint
        self._saved = self._reported = time.monotonic()

    def save_is_due(self, now: float) -> bool:
        return now - self._saved >= SAVE_EVERY_SECONDS

    def save(self, replicas: Sequence[Replica]) -> None:
        """Save the results so far and the progress of these replicas. Raises Stopped if the job was told to stop."""
        self._checkpoint.save({**self.results, "progress": {each.name: each.progress.to_tree() for each in replicas}})
        self._saved = time.monotonic()

    def report_is_due(self, now: float) -> bool:
        """Whether to say how far the job is; once asked and due, not again for a while."""
        due = now - self._reported >= REPORT_EVERY_SECONDS
        if due:
            self._reported = now
        return due


def _train_alone(replica: Replica, backend: Backend, device: str, job: Job) -> None:
    """Train one network from where it stands to its end."""
    point, protocol, progress = replica.point, replica.point.protocol, replica.progress
    optimizer = backend.begin_hinge(
        point.network, replica.initial, replica.inputs, replica.labels, protocol, point.dtype, device
    )
    replica.begin(optimizer)
    begun, first_step = time.monotonic(), optimizer.step
    seconds_before = progress.seconds
    while True:
        step = optimizer.step
        n_delta = optimizer.compute_gradient()
        now = time.monotonic()
        progress.seconds = seconds_before + now - begun
        if replica.is_due(step, n_delta) and replica.look(optimizer, n_delta, job.report):
            break
        if job.report_is_due(now):
            left = clock((now - begun) / max(step - first_step, 1) * (protocol.steps - step))
            loss = quadratic_hinge(optimizer.delta)
            job.report(f"{replica.label}: step {step}/{protocol.steps}, N_Δ={n_delta}, 𝓛={loss:.3g}, ETA {left}")
        optimizer.update(learning_rate(protocol, step))
        if job.save_is_due(now):
            progress.step, progress.optimizer = optimizer.step, optimizer.state()
            job.save([replica])
    job.results[replica.name] = replica.result


def _train_together(replicas: Sequence[Replica], backend: Backend, device: str, job: Job) -> None:
    """Train all networks of a point from where they stand to their ends."""
    point, last = replicas[0].point, replicas[0].point.protocol.steps
    lockstep = Lockstep(replicas, backend, device, job.report)
    begun, first_step = time.monotonic(), None
    for look in lockstep.looks():
        job.results |= {each.name: each.result for each in replicas if each.result is not None}
        now = time.monotonic()
        first_step = look.step if first_step is None else first_step
        if job.report_is_due(now):
            left = clock((now - begun) / max(look.step - first_step, 1) * (last - look.step))
            counts = ", ".join(map(str, look.n_delta))
            where = f"{point.sweep} P={point.n_train}, {len(look.n_delta)} of {point.replicas} replicas"
            job.report(f"{where}: step {look.step}/{last}, N_Δ={counts}, ETA {left}")
        if job.save_is_due(now):
            job.save(lockstep.take_stock())
    job.results |= {each.name: each.result for each in replicas}
