"""The training loop. It trains one network or many, in every stage of a protocol, on any backend.

    for each stage (an optimizer in one precision):
        look at the networks: record what is due, drop those that have ended
        report and save from time to time
        make the steps up to the next look

`train` calls it for the replicas of a point: one after the other, or all together on a GPU. The search for N*
(width_search.py) calls it for one width after the other. replica.py says what is recorded at a look.
"""

from collections.abc import Callable, Sequence

from .. import kernels
from ..kernels import Backend
from ..protocols import learning_rate
from ..spec import Point
from ..storage import store
from .checkpoint import Checkpoint
from .progress import Eta, Pace, Training
from .replica import Replica

REPORT_EVERY_SECONDS = 10
# Between two looks a GPU works through the steps in its queue. A job notices only at a look that it has to stop.
LOOK_EVERY_SECONDS, MOST_STEPS = 1.0, 1000

Report = Callable[[str], None]


def train(
    point: Point,
    dataset: store.Result,
    checkpoint: Checkpoint,
    device: str = "cpu",
    report: Report = print,
    backend: Backend | None = None,
) -> dict:
    """Train every replica of a point; return the tree of its result file (layout: docs/results.md).

    `backend` makes the steps. The default is the fastest one that works on the device.

    Raises DivergenceError on NaN or infinity, DatasetError if the data cannot supply P patterns, and Stopped if a
    signal asked the job to stop.
    """
    backend = backend or kernels.choose(device, report=report, together=point.can_train_together)
    saved = checkpoint.load() or {}
    results = {name: tree for name, tree in saved.items() if name != "progress"}

    def begin(number: int) -> Replica:
        replica = Replica(point, number, dataset, checkpoint)
        replica.result = results.get(replica.name)
        if replica.result is None:
            replica.restore(saved.get("progress", {}), report)
        return replica

    def train_all(replicas: Sequence[Replica]) -> None:
        def save() -> None:
            progress = {each.name: each.progress.to_tree() for each in replicas if each.result is None}
            checkpoint.save({**results, **ended(), "progress": progress})

        def ended() -> dict:
            return {each.name: each.result for each in replicas if each.result is not None}

        run(replicas, backend, device, checkpoint, save, report)
        results.update(ended())

    if backend.batched is not None:
        # Replicas that have ended keep their place: the bits may depend on the number of replicas in the batch.
        train_all([begin(number) for number in range(point.replicas)])
    else:
        for number in range(len(results), point.replicas):
            train_all([begin(number)])
    return dict(sorted(results.items()))


def run(
    networks: Sequence[Training],
    backend: Backend,
    device: str,
    checkpoint: Checkpoint,
    save: Callable[[], None],
    report: Report,
) -> None:
    """Train networks that share a protocol until each has its `result`. `save` stores the progress of all.

    A network that goes on from a shorter run or from a saved state may be some steps ahead. It waits until the others
    have reached its step. Raises DivergenceError and Stopped as `train` does.
    """
    protocol, eta = networks[0].protocol, Eta(networks[0].protocol.steps, REPORT_EVERY_SECONDS)
    for number, stage in enumerate(networks[0].stages):
        taking_part = [each for each in networks if each.result is None and each.progress.stage == number]
        if not taking_part:
            continue
        optimizer = backend.begin(stage, [each.problem for each in networks], device)
        members = dict(zip(networks, optimizer.members, strict=True))
        for each, member in members.items():
            if each in taking_part:
                each.begin(member)
            else:
                member.leave_out()

        moving, pace = taking_part, Pace(LOOK_EVERY_SECONDS)
        while True:
            steps, n_deltas = (dict(zip(networks, values, strict=True)) for values in optimizer.look())
            seconds = pace.lap()
            for each in moving:
                each.progress.seconds += seconds / len(moving)
            moving = [each for each in moving if each.goes_on(members[each], steps[each], n_deltas[each], report)]
            step = int(min((steps[each] for each in moving), default=stage.until))
            if step == stage.until or optimizer.is_done:
                break

            if eta.is_due(step):
                others = f" and {len(moving) - 1} more" if moving[1:] else ""
                counts = ", ".join(str(n_deltas[each]) for each in moving)
                losses = ", ".join(f"{members[each].loss:.3g}" for each in moving)
                where = f"{moving[0].label}{others}: step {step}/{protocol.steps}"
                report(f"{where}, N_Δ={counts}, 𝓛={losses}, {eta.words(step)}")
            if checkpoint.is_due():
                for each in taking_part:
                    if each.result is None:
                        each.take_stock(members[each])
                save()

            next_look = min(stage.until, moving[0].next_look(step), step + MOST_STEPS)
            until = step + pace.steps(at_most=next_look - step)
            optimizer.advance([learning_rate(protocol, later) for later in range(step, until)])

        for each in taking_part:
            if each.result is None:
                each.enter_next_stage(members[each])
