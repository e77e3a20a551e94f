"""Replicas of a point trained together, step by step: what is asked of the device, and when (kernels/batched.py).

All stand at the same step, but for those that have ended and those that go on from a later one, where the others join
them. Between two looks the device works alone; one that ended meanwhile stands where it ended, and tells its step.

In mixed precision all are in single precision until the rate has fallen, as `kernels.mixed` has it. A replica that has
N_Δ = 0 before that stays where it is; then all go on in double precision, each from where it stands. So each makes the
steps that it would make alone.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..kernels import SINGLE_ABOVE, Backend
from ..protocols import learning_rate
from .replica import Replica

if TYPE_CHECKING:
    from ..kernels.batched import BatchedHingeAdam, Member

# Between two looks the device gets about so long, and at least one step and at most so many: they wait in its queue.
LOOK_EVERY_SECONDS = 1.0
MOST_STEPS = 1000


@dataclass(frozen=True)
class Look:
    """What is seen at a look: `step` and `n_delta` of those that move."""

    step: int
    n_delta: list[int]


class Lockstep:
    """All replicas of a point; those with a `result` keep their place, since bits may depend on how many there are."""

    def __init__(self, replicas: Sequence[Replica], backend: Backend, device: str, report: Callable[[str], None]):
        self.replicas, self._point = replicas, replicas[0].point
        self._backend, self._device, self._report = backend, device, report
        self._members: dict[Replica, Member] = {}

    def looks(self) -> Iterator[Look]:
        """Train all to their ends, stopping at every look; what is to be recorded of it is recorded by then."""
        if self._point.dtype != "mixed":
            yield from self._train(self._point.dtype, self._unfinished(), self._point.protocol.steps)
            return
        single = [each for each in self._unfinished() if not each.is_double]
        yield from self._train("float32", single, self._last_single_step())
        for each in single:
            state = each.progress.optimizer
            each.progress.optimizer = {name: values.astype(np.float64) for name, values in state.items()}
        yield from self._train("float64", self._unfinished(), self._point.protocol.steps)

    def take_stock(self) -> list[Replica]:
        """Bring the `progress` of those that have not ended up to the last look, and return them."""
        for each, member in self._members.items():
            if each.result is None:
                each.progress.step, each.progress.optimizer = member.step, member.state()
        return self._unfinished()

    def _train(self, precision: str, replicas: list[Replica], last: int) -> Iterator[Look]:
        """Train these replicas in one precision to their ends, or at most to the step `last`."""
        if not replicas:
            return
        moving, looked_at = replicas, time.monotonic()
        batch = self._begin(precision, replicas)
        count, asked_at, pace = 0, looked_at, LOOK_EVERY_SECONDS
        while True:
            steps, n_delta = batch.look()
            now = time.monotonic()
            if count:
                pace = max((now - asked_at) / count, 1e-6)
            for each in moving:
                each.progress.seconds += (now - looked_at) / len(moving)
            looked_at = now
            moving = [each for each in moving if self._goes_on(each, precision, n_delta[each.number])]
            if not moving:
                break
            batch.go_to(int(min(steps[each.number] for each in moving)))
            yield Look(batch.step, [int(n_delta[each.number]) for each in moving])
            if batch.step == last:
                break
            until = min(last, moving[0].next_look(batch.step), batch.step + MOST_STEPS)
            count = max(1, min(until - batch.step, int(LOOK_EVERY_SECONDS / pace)))
            asked_at = time.monotonic()
            batch.advance([learning_rate(self._point.protocol, batch.step + step) for step in range(count)])
        self.take_stock()
        self._members = {}

    def _begin(self, precision: str, replicas: list[Replica]) -> "BatchedHingeAdam":
        """A batch of all, in which these replicas stand where they are to go on from and the others take no part."""
        network, protocol = self._point.network, self._point.protocol
        patterns = [[getattr(each, name) for each in self.replicas] for name in ("initial", "inputs", "labels")]
        batch = self._backend.begin_batch(network, *patterns, protocol, precision, self._device)
        self._members = {each: batch.member(each.number) for each in replicas}
        for each in self.replicas:
            if each in self._members:
                each.begin(self._members[each])
            else:
                batch.leave_out(each.number)
        batch.compute_gradient()
        return batch

    def _goes_on(self, replica: Replica, precision: str, n_delta: int) -> bool:
        """Look at a replica if that is due, and say whether there is more for it to do in this precision."""
        if n_delta == 0 and precision != "float64" and self._point.dtype == "mixed":
            return False
        member = self._members[replica]
        return not (replica.is_due(member.step, n_delta) and replica.look(member, int(n_delta), self._report))

    def _unfinished(self) -> list[Replica]:
        return [each for each in self.replicas if each.result is None]

    def _last_single_step(self) -> int:
        """The step from which the rate is so low that the updates are in double precision."""
        protocol = self._point.protocol
        low = SINGLE_ABOVE * protocol.rate
        return bisect_left(range(protocol.steps), True, key=lambda step: learning_rate(protocol, step) <= low)
