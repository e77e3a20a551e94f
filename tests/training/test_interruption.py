"""A job that is told to stop saves its state at once, says so, and the same job goes on with the same bits."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.same_bits import assert_same_bits
from helpers.small_trainings import wait_until_it_handles
from jamming import datasets
from jamming.spec import LinePoint, Network, Point, Protocol
from jamming.storage import store
from jamming.training import loop
from jamming.training.checkpoint import Checkpoint, Stopped
from jamming.training.interruption import saved_when_stopped

PACKAGE = str(Path(loop.__file__).resolve().parents[2])

# P far above the transition, so that neither ends early: the search starts where nothing fits.
POINT = Point(
    sweep="relu_L2",
    dataset="random",
    network=Network(dim=5, width=6, depth=2, activation="relu"),
    protocol=Protocol("hinge_adam_annealed", 0.5, 100_000, 1e-2, 1e-6, 0),
    n_train=600,
    replicas=1,
    dtype="float64",
    seed=1,
)
LINE_POINT = LinePoint(
    line="line_hinge_L2",
    dataset="random",
    depth=2,
    activation="relu",
    dim=0,
    protocol=POINT.protocol,
    n_train=400,
    replicas=1,
    dtype="float64",
    seed=1,
    first_ratio=0.35,
    max_ratio=6.0,
)

POINTS = {"train": POINT, "line": LINE_POINT}


@pytest.fixture(scope="module")
def dataset_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "random_d5.h5"
    spec = {"dataset": "random", "dim": 5, "n_patterns": 2000, "seed": 1}
    store.write(path, "dataset", spec, datasets.generate("random", 5, 2000, 1), {})
    return path


def start(point, dataset_file, out):
    """The job as the workflow starts it, with the usual half minute between two saved states."""
    verb = ["train", "--data", str(dataset_file)] if isinstance(point, Point) else ["find-transition"]
    words = [sys.executable, "-m", "jamming", *verb, "--spec", point.to_json(), "--device", "cpu", "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": PACKAGE}
    environment.pop("JAMMING_SAVE_EVERY_SECONDS", None)
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture(scope="module")
def undisturbed(dataset_file, tmp_path_factory):
    """The results of both jobs, left alone."""
    folder = tmp_path_factory.mktemp("undisturbed")
    for name, point in POINTS.items():
        job = start(point, dataset_file, folder / f"{name}.h5")
        said, _ = job.communicate()
        assert job.returncode == 0, said
    return {name: store.read(folder / f"{name}.h5", kind).tree for name, kind in (("train", "run"), ("line", "line"))}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux which signals a process catches")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
@pytest.mark.parametrize("name", POINTS)
def test_a_stopped_job_saves_its_state_and_goes_on(dataset_file, undisturbed, tmp_path, name, number):
    point, out = POINTS[name], tmp_path / "stopped.h5"
    first = start(point, dataset_file, out)
    # Python itself catches SIGINT from its start, so SIGTERM shows when the job is ready.
    wait_until_it_handles(first, signal.SIGTERM)
    time.sleep(0.1)
    first.send_signal(number)
    said, _ = first.communicate(timeout=10)
    assert first.returncode == 128 + number, said
    sentence = f"stopped by {number.name}; the state is saved in {tmp_path}/.stopped.h5.resume,"
    assert said.splitlines()[-1] == f"{sentence} the same job goes on from there."
    assert "Traceback" not in said and not out.exists()
    second = start(point, dataset_file, out)
    said, _ = second.communicate()
    assert second.returncode == 0 and "going on from step" in said, said
    assert_same_bits(store.read(out, "run" if name == "train" else "line").tree, undisturbed[name])
    assert {entry.name for entry in tmp_path.iterdir()} == {"stopped.h5"}


class Loop:
    """Stands for a module with a training loop."""

    SAVE_EVERY_SECONDS = 30.0


def test_only_the_save_after_a_signal_stops(tmp_path):
    with Checkpoint(tmp_path / "point.h5", {}) as checkpoint, saved_when_stopped(checkpoint, Loop):
        checkpoint.save({"step": 1})
        assert Loop.SAVE_EVERY_SECONDS == 30.0
        signal.raise_signal(signal.SIGTERM)
        assert Loop.SAVE_EVERY_SECONDS == 0.0
        with pytest.raises(Stopped, match="stopped by SIGTERM; the state is saved in"):
            checkpoint.save({"step": 2})
        assert checkpoint.load() == {"step": 2}


def test_signals_and_the_loop_are_as_before_afterwards(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with Checkpoint(tmp_path / "point.h5", {}) as checkpoint, saved_when_stopped(checkpoint, Loop):
        signal.raise_signal(signal.SIGINT)
    assert Loop.SAVE_EVERY_SECONDS == 30.0
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_an_ignored_signal_stays_ignored(tmp_path, monkeypatch):
    """As in a job that a shell started in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Checkpoint(tmp_path / "point.h5", {}) as checkpoint, saved_when_stopped(checkpoint, Loop):
            signal.raise_signal(signal.SIGINT)
            checkpoint.save({"step": 1})
    finally:
        signal.signal(signal.SIGINT, before)
