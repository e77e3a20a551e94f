"""Results that take long to make and that all tests of a session share. The first process that needs one makes it.

xdist runs a session in several processes. Nothing here may be changed by a test; copies are for that.
"""

import fcntl
import os
import shutil
from pathlib import Path

from helpers.planned_jobs import PlannedJob, planned_jobs
from helpers.workflow_copy import copy_of_the_project, said, snakemake

EVERYTHING = ("all", "made", "claims", "paper", "notebook", "explorer", "archive")
SMOKE = ("--config", "preset=smoke")
PRINTED = "printed.txt"
"""In the finished folder: what Snakemake printed, and the table of claims."""


def folder_of_the_session(tmp_path_factory) -> Path:
    """The folder that all processes share; xdist gives each process its own folder in it."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def made_once(folder: Path, make) -> Path:
    """`folder`, filled by `make(folder)` if that has not been done. Other processes wait meanwhile."""
    made = folder.with_name(f"{folder.name}.made")
    with open(folder.with_name(f"{folder.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            make(folder)
            made.touch()
    return folder


def run_smoke(folder: Path) -> None:
    """Run preset smoke from nothing, on purpose under bad conditions: without HOME, in the C locale."""
    copy_of_the_project(folder)
    hostile = {"HOME": None, "LANG": "C", "LC_ALL": "C", "XDG_CACHE_HOME": None, "MPLCONFIGDIR": None}
    done = snakemake(folder, *EVERYTHING, "--cores", "2", *SMOKE, **hostile)
    (folder / PRINTED).write_text(said(done), encoding="utf-8")


def copy_of_a_run(finished: Path, folder: Path) -> Path:
    """A copy of sources, results and Snakemake's records with their times, in which nothing has to be done."""
    return Path(shutil.copytree(finished, folder, symlinks=True))


def plan_everything(folder: Path, preset: str) -> list[PlannedJob]:
    """The jobs of figures, claims and documents of a preset, from one dry-run for the whole session."""

    def plan(place):
        copy_of_the_project(place)
        done = snakemake(place, *EVERYTHING, "-n", "--config", f"preset={preset}")
        (place / PRINTED).write_text(said(done), encoding="utf-8")

    return planned_jobs((made_once(folder / f"plan of {preset}", plan) / PRINTED).read_text(encoding="utf-8"))
