"""Trainings and searches that take a moment, how jobs do them, and how they are cut off."""

import os
import sys
import time
from pathlib import Path

import pytest

from helpers.workflow_copy import ROOT
from jamming.spec import LinePoint, Network, Point, Protocol
from jamming.training import loop

POINT = Point(
    sweep="relu_L2",
    dataset="random",
    network=Network(dim=5, width=6, depth=2, activation="relu"),
    protocol=Protocol("hinge_adam_annealed", 0.5, 400, 1e-2, 1e-6, 0),
    n_train=200,
    replicas=2,
    dtype="float64",
    seed=1,
)

HINGE = Protocol("hinge_adam_annealed", 0.5, 400, 3e-2, 1e-6, 0)
CROSS_ENTROPY = Protocol("cross_entropy_sgd", 0.0, 1000, 0.2, 0.02, 0)

LINE_POINT = LinePoint(
    line="relu_L2",
    dataset="random",
    depth=2,
    activation="relu",
    dim=5,
    protocol=HINGE,
    n_train=40,
    replicas=1,
    dtype="float64",
    seed=1,
    first_ratio=1.2,
    max_ratio=6.0,
)


def interrupted(steps, checkpoint, monkeypatch, point, dataset):
    """Train with a save after every step, and die in the middle of step `steps`."""

    class Killed(Exception):
        pass

    monkeypatch.setattr(loop, "SAVE_EVERY_SECONDS", 0)
    kernel, count = loop.kernels.choose("cpu").hinge_adam, iter(range(10**9))
    original = kernel.compute_gradient

    def dying(self):
        if next(count) == steps:
            raise Killed
        return original(self)

    with monkeypatch.context() as patch:
        patch.setattr(kernel, "compute_gradient", dying)
        with pytest.raises(Killed):
            loop.train(point, dataset, checkpoint)


def command(dataset_file, out, point):
    words = [sys.executable, "-m", "jamming", "train", "--data", str(dataset_file), "--spec", point.to_json()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow"), "JAMMING_SAVE_EVERY_SECONDS": "0.05"}
    return [*words, "--device", "cpu", "--out", str(out)], environment


def wait_until_it_handles(job, number):
    """Wait until the process catches this signal, as the kernel sees it: then it is at work."""
    while job.poll() is None:
        caught = next(line for line in Path(f"/proc/{job.pid}/status").read_text().splitlines() if "SigCgt" in line)
        if int(caught.split()[1], 16) >> (number - 1) & 1:
            return
        time.sleep(0.01)
