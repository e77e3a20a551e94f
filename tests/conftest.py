"""Settings and fixtures of all tests: one thread, and results that are made once in a session.

Small problems on many threads measure the scheduler, and bits depend on the number of threads.
"""

import os
import signal
from pathlib import Path

import pytest

from helpers import shared

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

# A shell starts what it puts in the background with Ctrl-C ignored, and so would all that the tests start be.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What takes longest comes first, so that no process of xdist works on alone at the end. Slurm is mostly waited for.
LONGEST = ("test_slurm.py", "test_workflow.py", "test_faults.py", "test_conda.py", "test_benchmarks.py")


def pytest_collection_modifyitems(items):
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(Path(item.path).name, len(LONGEST)))


@pytest.fixture(scope="session")
def finished_smoke(tmp_path_factory):
    """The folder in which preset smoke has run. Its path needs quoting. Do not write to it."""
    folder = shared.folder_of_the_session(tmp_path_factory) / "Übung mit Leerzeichen $HOME"
    return shared.made_once(folder, shared.run_smoke)


@pytest.fixture
def copy_of_smoke(finished_smoke, tmp_path):
    """A copy of the finished folder, to change and to run in."""
    return shared.copy_of_a_run(finished_smoke, tmp_path / "jamming")


@pytest.fixture(scope="session")
def plan_of(tmp_path_factory):
    """A function from a preset to the jobs of all its figures, claims and documents, in a folder without results."""
    folder = shared.folder_of_the_session(tmp_path_factory)
    return lambda preset: shared.plan_everything(folder, preset)
