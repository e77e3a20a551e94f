"""A job that is told to stop saves its state at once and reports this; the same job goes on with the same bits."""

import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest

from helpers.same_bits import assert_same_bits
from helpers.small_trainings import (
    LINE_POINT,
    POINT,
    command,
    environment,
    random_patterns,
    stored,
    wait_until_it_handles,
    with_steps,
)
from jamming.spec import Point
from jamming.storage import store
from jamming.training.checkpoint import Checkpoint, Stopped
from jamming.training.interruption import saved_when_stopped

# P far above the transition, so that neither ends early: the search starts where nothing fits.
POINTS = {
    "train": replace(with_steps(POINT, 30_000), n_train=600, replicas=1),
    "line": replace(with_steps(LINE_POINT, 30_000), dim=0, n_train=400, first_ratio=0.35),
}


@pytest.fixture(scope="module")
def dataset_file(tmp_path_factory):
    return stored(random_patterns(), tmp_path_factory.mktemp("data"))


def start(point, dataset_file, out, sigint=signal.SIG_DFL):
    """Start a job as the workflow does. A shell starts jobs in the background with SIGINT ignored."""
    words = command(point, out, dataset_file if isinstance(point, Point) else None)
    before = signal.signal(signal.SIGINT, sigint)
    try:
        return subprocess.Popen(words, env=environment(), stdout=PIPE, stderr=STDOUT, text=True)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def undisturbed(dataset_file, tmp_path_factory):
    """The results of both jobs without interruption."""
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


def test_a_job_in_the_background_stops_on_sigterm_and_only_on_that(dataset_file, tmp_path):
    """As if Snakemake was started with `&` or nohup: SIGINT is ignored from the start."""
    job = start(POINTS["train"], dataset_file, tmp_path / "stopped.h5", signal.SIG_IGN)
    wait_until_it_handles(job, signal.SIGTERM)
    job.send_signal(signal.SIGINT)
    time.sleep(0.1)
    assert job.poll() is None
    job.send_signal(signal.SIGTERM)
    said, _ = job.communicate(timeout=10)
    assert job.returncode == 128 + signal.SIGTERM and "stopped by SIGTERM; the state is saved in" in said


@pytest.fixture
def sigint_is_handled():
    """Also where pytest itself was started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_only_the_save_after_a_signal_stops(tmp_path, sigint_is_handled, number):
    with Checkpoint(tmp_path / "point.h5", {}) as checkpoint, saved_when_stopped(checkpoint):
        checkpoint.save({"step": 1})
        assert not checkpoint.is_due()
        signal.raise_signal(number)
        assert checkpoint.is_due()
        with pytest.raises(Stopped, match=f"stopped by {number.name}; the state is saved in"):
            checkpoint.save({"step": 2})
        assert checkpoint.load() == {"step": 2}


def test_signals_are_handled_as_before_afterwards(tmp_path, sigint_is_handled):
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with Checkpoint(tmp_path / "point.h5", {}) as checkpoint, saved_when_stopped(checkpoint):
        signal.raise_signal(signal.SIGINT)
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_an_ignored_signal_stays_ignored(tmp_path, sigint_is_handled):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Checkpoint(tmp_path / "point.h5", {}) as checkpoint, saved_when_stopped(checkpoint):
        signal.raise_signal(signal.SIGINT)
        checkpoint.save({"step": 1})
