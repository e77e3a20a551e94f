"""Verbs that train networks: the long jobs, which save their state as they go."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ..spec import Point
from ..storage import store
from .parser import Verbs, report

if TYPE_CHECKING:
    from ..training.checkpoint import Checkpoint


def train(arguments: argparse.Namespace) -> None:
    from ..training import loop

    def run(
        point: Point, dataset: store.Result, checkpoint: "Checkpoint", device: str, backend: object
    ) -> tuple[dict, float]:
        tree = loop.train(point, dataset, checkpoint, device, report, backend)
        return tree, sum(float(replica["timing"]["wall_time"][-1]) for replica in tree.values())

    _resumable(arguments, "run", Point.from_json(arguments.spec), run, loop)


def find_transition(arguments: argparse.Namespace) -> None:
    from ..spec import LinePoint
    from ..training import width_search

    def run(
        point: LinePoint, dataset: store.Result | None, checkpoint: "Checkpoint", device: str, backend: object
    ) -> tuple[dict, float]:
        tree = width_search.find_transition(point, dataset, checkpoint, device, report, backend)
        return tree, sum(float(replica["timing"]["seconds"].sum()) for replica in tree.values())

    _resumable(arguments, "line", LinePoint.from_json(arguments.spec), run, width_search)


def _resumable(arguments: argparse.Namespace, kind: str, point: object, run: Callable, loop: ModuleType) -> None:
    """Do a job that saves its state as it goes, and write its result.

    `run` gives the tree and the wall time; `loop` is the module in which it spends it. A job that is told to stop
    saves its state, says so, and exits with 128 + the signal's number, as a shell reports a process so ended.
    """
    from .. import kernels
    from ..storage.fingerprint import fingerprint
    from ..training.checkpoint import Checkpoint, Stopped
    from ..training.interruption import saved_when_stopped

    device, spec = kernels.resolve_device(arguments.device), json.loads(arguments.spec)
    files = {"dataset": arguments.data} if arguments.data else {}
    dataset = store.read(arguments.data, "dataset") if arguments.data else None
    # One network at a time are trained by a search, in which the next width follows from the last, and by L-BFGS.
    together = kind == "run" and not point.protocol.lbfgs_steps
    backend = kernels.choose(device, arguments.backend, report, arguments.threads, together)
    made = store.provenance(files, arguments.threads, device, backend=backend.name)
    # A state is gone on from by the code and backend that saved it alone, or the bits would depend on the interruption.
    code = fingerprint("training.loop" if kind == "run" else "training.width_search")
    asked = {**spec, "inputs": made["inputs"], "backend": made["backend"], "code": code}
    with Checkpoint(arguments.out, asked, report=report) as checkpoint:
        # Another process may have ended the same job while this one waited for its lock.
        if checkpoint.waited and _holds(arguments.out, kind, spec):
            report(f"{arguments.out} is there already.")
            checkpoint.remove()
            return
        try:
            with saved_when_stopped(checkpoint, loop):
                tree, wall_time = run(point, dataset, checkpoint, device, backend)
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
        added.add_argument("--backend", default="auto", help="of the training step: auto, compiled, torch or batched")

    added = verbs.add(train, "train all replicas of one point", "spec", "data", "out")
    add_machine_options(added)
    added = verbs.add(find_transition, "find N* at one P by a descent in width, for all replicas", "spec", "out")
    added.add_argument("--data", type=Path, help="the dataset, for MNIST; random patterns are drawn by the job")
    add_machine_options(added)
