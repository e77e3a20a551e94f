"""Tiny trainings: a point, its patterns, the verb that trains it, and how a job is killed and goes on."""

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jamming import datasets
from jamming.spec import LinePoint, Network, Point, Protocol
from jamming.storage import store
from jamming.training import loop, width_search
from jamming.training.checkpoint import Checkpoint

PACKAGE = str(Path(loop.__file__).resolve().parents[2])

ANNEALED = Protocol("hinge_adam_annealed", 0.5, 400, 1e-2, 1e-6, 0)
LBFGS = Protocol("hinge_lbfgs_annealed", 0.5, 60, 1e-2, 1e-6, 0, 25, 30)
CROSS_ENTROPY = Protocol("cross_entropy_sgd", 0.0, 1000, 0.2, 0.02, 0)

POINT = Point("relu_L2", "random", Network(5, 6, 2, "relu"), ANNEALED, 200, 2, "float64", 1)
LINE_POINT = LinePoint(
    line="relu_L2",
    dataset="random",
    depth=2,
    activation="relu",
    dim=5,
    protocol=replace(ANNEALED, rate=3e-2),
    n_train=40,
    replicas=1,
    dtype="float64",
    seed=1,
    first_ratio=1.2,
    max_ratio=6.0,
)


def with_steps(point, steps):
    """The same point or line with a longer or shorter protocol."""
    return replace(point, protocol=replace(point.protocol, steps=steps))


def random_patterns():
    """A pool of random patterns with d = 5."""
    spec = {"dataset": "random", "dim": 5, "n_patterns": 2000, "seed": 1}
    return store.Result("dataset", spec, {}, datasets.generate("random", 5, 2000, 1))


def easy_patterns():
    """Patterns with a test set that all replicas share, as for MNIST. The sign of one input is the label."""
    inputs = np.random.default_rng(0).standard_normal((500, 5))
    labels = np.where(inputs[:, 0] > 0, 1, -1).astype(np.int8)
    return store.Result("dataset", {"dataset": "mnist", "dim": 5}, {}, {"inputs": inputs, "labels": labels})


def trained(point, dataset, folder, backend=None, report=lambda _: None):
    """The result of a point or a line's point, made as the verb makes it."""
    with Checkpoint(folder / "point.h5", json.loads(point.to_json()), report=report) as checkpoint:
        tree = job(point)(point, dataset, checkpoint, report=report, backend=backend)
        checkpoint.remove()
    return tree


def job(point):
    """The function that trains a point, or searches at a line's point."""
    return loop.train if isinstance(point, Point) else width_search.find_transition


class Killed(BaseException):
    """An exception that no code of the project catches, like a kill."""


def killed_after(steps, point, dataset, folder, backend=None, report=lambda _: None):
    """Train this number of steps, save the state and die. A step of several replicas together counts once."""
    left, is_over, save = iter(range(steps)), False, Checkpoint.save

    def is_due(self):
        nonlocal is_over
        is_over = next(left, None) is None
        return is_over

    def dying(self, tree):
        save(self, tree)
        if is_over:
            raise Killed

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(loop, "MOST_STEPS", 1)
        patch.setattr(Checkpoint, "is_due", is_due)
        patch.setattr(Checkpoint, "save", dying)
        trained(point, dataset, folder, backend, report)


def command(point, out, data=None, backend="auto"):
    """The command with which the workflow starts a job."""
    verb = "train" if isinstance(point, Point) else "find-transition"
    words = ["-m", "jamming", verb, "--spec", point.to_json(), "--device", "cpu", "--backend", backend, "--out", out]
    return [sys.executable, *map(str, words), *(["--data", str(data)] if data else [])]


def environment(save_every_seconds=None):
    """The environment of a job. Without a number, the job saves every half minute."""
    inherited = {name: value for name, value in os.environ.items() if name != "JAMMING_SAVE_EVERY_SECONDS"}
    saving = {} if save_every_seconds is None else {"JAMMING_SAVE_EVERY_SECONDS": str(save_every_seconds)}
    return {**inherited, **saving, "PYTHONPATH": PACKAGE}


def stored(dataset, folder):
    """The path of a file with these patterns."""
    path = folder / "patterns.h5"
    store.write(path, "dataset", dataset.spec, dataset.tree, {})
    return path


def wait_until_it_handles(job, number):
    """Wait until a process handles this signal, according to the Linux kernel. Then the job has started."""
    while job.poll() is None:
        caught = next(line for line in Path(f"/proc/{job.pid}/status").read_text().splitlines() if "SigCgt" in line)
        if int(caught.split()[1], 16) >> (number - 1) & 1:
            return
        time.sleep(0.01)
