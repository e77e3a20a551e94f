"""Verbs that train networks. These jobs are long, and save their state as they go."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from ..spec import LinePoint, Point
from ..storage import store
from ..storage.asked import check_dataset
from .parser import Verbs, report


def train(arguments: argparse.Namespace) -> None:
    from ..training import loop

    def seconds(replica: dict) -> float:
        return replica["timing"]["wall_time"][-1]

    _resumable(arguments, "run", Point.from_json(arguments.spec), loop.train, seconds)


def find_transition(arguments: argparse.Namespace) -> None:
    from ..training import width_search

    def seconds(replica: dict) -> float:
        return replica["timing"]["seconds"].sum()

    _resumable(arguments, "line", LinePoint.from_json(arguments.spec), width_search.find_transition, seconds)


def _resumable(
    arguments: argparse.Namespace, kind: str, point: Point | LinePoint, run: Callable, seconds: Callable[[dict], float]
) -> None:
    """Run a job that saves its state as it goes, and write its result.

    `run` returns the tree of the result; `seconds` returns the time of one replica. If a signal stops the job, it saves
    its state, reports this, and exits with 128 + the signal's number, as shells do.
    """
    from .. import kernels
    from ..storage.fingerprint import fingerprint
    from ..training.checkpoint import Checkpoint, Stopped
    from ..training.interruption import saved_when_stopped

    device, spec = kernels.resolve_device(arguments.device), json.loads(arguments.spec)
    files = {"dataset": arguments.data} if arguments.data else {}
    dataset = store.read(arguments.data, "dataset") if arguments.data else None
    if dataset:
        check_dataset(arguments.data, dataset, kind, spec)
    backend = kernels.choose(device, arguments.backend, report, arguments.threads, point.can_train_together)
    made = store.provenance(files, arguments.threads, device, backend=backend.name)
    # A job goes on from a saved state only with the same code and backend. Otherwise its bits would depend on the
    # interruption.
    code = fingerprint(run.__module__.removeprefix("jamming."), f"datasets.{spec['dataset']}")
    asked = {**spec, "inputs": made["inputs"], "backend": made["backend"], "code": code}
    with Checkpoint(arguments.out, asked, report=report) as checkpoint:
        # While this process waited for the lock, another one may have finished the same job.
        if checkpoint.waited and _holds(arguments.out, kind, spec):
            report(f"{arguments.out} is there already.")
            checkpoint.remove()
            return
        try:
            with saved_when_stopped(checkpoint):
                tree = run(point, dataset, checkpoint, device, report, backend)
                wall_time = sum(float(seconds(replica)) for replica in tree.values())
                store.write(arguments.out, kind, spec, tree, {**made, "wall_time": wall_time})
                checkpoint.remove()
        except Stopped as stopped:
            report(str(stopped))
            raise SystemExit(128 + stopped.signal) from None


def _holds(path: Path, kind: str, spec: dict) -> bool:
    try:
        return store.read(path, kind).spec == spec
    except store.StoreError:
        return False


def add_verbs(verbs: Verbs) -> None:
    def add_machine_options(added: argparse.ArgumentParser) -> None:
        added.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
        added.add_argument("--backend", default="auto", help="backend of the step: auto, compiled, torch or batched")

    added = verbs.add(train, "train all replicas of one point", "spec", "data", "out")
    add_machine_options(added)
    added = verbs.add(find_transition, "find N* at one P by a descent in width, for all replicas", "spec", "out")
    added.add_argument("--data", type=Path, help="the dataset, for MNIST; random patterns are drawn by the job")
    add_machine_options(added)
