"""Edit → the jobs that run again, as one table, checked by a dry-run on the finished preset smoke."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from helpers.planned_jobs import planned_jobs
from helpers.shared import SMOKE
from helpers.workflow_copy import said, snakemake
from jamming.config import load, read_lines, read_points

pytestmark = pytest.mark.slow

FIGURES = ("fig1", "fig4", "fig7", "fig12")
TARGETS = [f"figures/{name}.pdf" for name in FIGURES]
PACKAGE = "workflow/jamming"
DAY = 86400


# What may happen to a finished workflow


def append(path, text):
    def edit(folder):
        place = folder / path
        place.write_text(place.read_text(encoding="utf-8") + text, encoding="utf-8")

    return edit


def replace(path, old, new):
    def edit(folder):
        content = (folder / path).read_text(encoding="utf-8")
        assert old in content, f"{path} has changed; choose another line to edit"
        (folder / path).write_text(content.replace(old, new, 1), encoding="utf-8")

    return edit


def all_of(*edits):
    def edit(folder):
        for each in edits:
            each(folder)

    return edit


def touch_everything(folder):
    """Touch all files, newest first, so that every result is older than its inputs."""
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=os.path.getmtime, reverse=True)
    for path in files:
        path.touch()


def shift_times(seconds):
    def edit(folder):
        for path in folder.rglob("*.h5"):
            # Data more than what is made from it, as if two machines with different clocks had written them.
            when = path.stat().st_mtime + seconds * (2 if "data" in path.parts else 1)
            os.utime(path, (when, when))

    return edit


def check_out_anew(folder):
    """Replace every source by a new file with a new time; results stay."""
    for path in [path for path in folder.rglob("*") if path.is_file() and "results" not in path.parts]:
        if not {".snakemake", "figures"} & set(path.relative_to(folder).parts[:1]):
            path.with_name("new").write_bytes(path.read_bytes())
            path.with_name("new").replace(path)


def leave_alone(folder):
    pass


def draw_at_another_preset(folder):
    snakemake(folder, "figures/fig4.pdf", "--cores", "1", "--config", "preset=quick")


def plan_at_another_preset(folder):
    snakemake(folder, *TARGETS, "-n", "--config", "preset=quick")


# The table


def below(*figures):
    """The jobs that make these figures from their results."""
    return {f"{verb} {figure}": 1 for figure in figures for verb in ("tabulate", "draw")}


def drawn(*figures):
    return {f"draw {figure}": 1 for figure in figures}


SWEEPS, LINES = read_points(load("smoke")), read_lines(load("smoke"))
RUNS = sum(len(SWEEPS[name]) for name in ("relu_L2", "relu_L3", "relu_L5", "tanh_L3"))
TRAIN, SEARCH = {"train": RUNS}, {"find_transition": len(LINES["line_hinge_L3"])}
SPECTRA, CUSPS = {"measure": RUNS}, {"measure_preactivations_relu_L5": 1}
NOTHING = {}
SETTINGS = "Params have changed"


@dataclass(frozen=True)
class Row:
    what: str
    edit: object
    runs: dict
    because: str = ""
    config: tuple = ()


TABLE = [
    Row(
        "one more P",
        leave_alone,
        {"train": 1, "measure": 1} | below("fig7"),
        "Missing output files",
        (f"sweeps={{relu_L2: {{n_train: {[*sorted(point.n_train for point in SWEEPS['relu_L2'].values()), 400]}}}}}",),
    ),
    Row(
        "the learning rate of one sweep",
        leave_alone,
        {rule: len(SWEEPS["relu_L5"]) for rule in ("train", "measure")} | CUSPS | below("fig7", "fig12"),
        SETTINGS,
        ("sweeps={relu_L5: {protocol: {rate: 4.0e-3}}}",),
    ),
    Row(
        "one line gets another P",
        leave_alone,
        {"find_transition": 1} | below("fig1"),
        "Missing output files",
        ("lines={line_hinge_L3: {n_train: [30]}}",),
    ),
    Row(
        "a threshold of the analysis",
        leave_alone,
        CUSPS | below("fig12"),
        SETTINGS,
        ("analysis={cusp_threshold: 2.0e-4}",),
    ),
    Row(
        "the plot style",
        append(f"{PACKAGE}/figures/style.mplstyle", "\nlines.markersize: 4\n"),
        drawn(*FIGURES),
        SETTINGS,
    ),
    Row("the code of one figure", append(f"{PACKAGE}/figures/fig12.py", "\nEDITED = 1\n"), drawn("fig12"), SETTINGS),
    Row("the code of one table", append(f"{PACKAGE}/tables/fig12.py", "\nEDITED = 1\n"), below("fig12"), SETTINGS),
    Row(
        "the code of one observable",
        append(f"{PACKAGE}/observables/spectra.py", "\nEDITED = 1\n"),
        SPECTRA | below("fig7"),
        SETTINGS,
    ),
    Row(
        # The search trains, so it shares this code.
        "the code of the training",
        append(f"{PACKAGE}/training/loop.py", "\nEDITED = 1\n"),
        TRAIN | SEARCH | SPECTRA | CUSPS | below("fig1", "fig7", "fig12"),
        SETTINGS,
    ),
    Row(
        "comments, docstrings and layout of the training, and how results are stored",
        all_of(
            append(f"{PACKAGE}/training/loop.py", "\n\n# A remark.\n"),
            replace(f"{PACKAGE}/training/loop.py", '"""The training loop', '"""The loop of training'),
            append(f"{PACKAGE}/kernels/compiled.cpp", "\n// A remark.\n"),
            append(f"{PACKAGE}/storage/store.py", "\nEDITED = 1\n"),
            append(f"{PACKAGE}/training/checkpoint.py", "\nEDITED = 1\n"),
        ),
        NOTHING,
    ),
    Row(
        "device, backend, where MNIST lies",
        leave_alone,
        NOTHING,
        "",
        ("device=auto", "backend=torch", "mnist={path: x}"),
    ),
    Row("every file touched", touch_everything, NOTHING),
    Row("results dated into the future", shift_times(DAY), NOTHING),
    Row("results dated into the past", shift_times(-DAY), NOTHING),
    Row("a fresh checkout over the results", check_out_anew, NOTHING),
    Row("the directory copied elsewhere", leave_alone, NOTHING),
    Row("another preset planned, and back", plan_at_another_preset, NOTHING),
    # Figures have one place for all presets, results one for each.
    Row("another preset drawn, and back", draw_at_another_preset, drawn("fig4"), "input files"),
]


def named(job):
    """The rule of a job, with the figure that it makes, if any: "draw fig7"."""
    return f"{job.rule} {Path(job.outputs[0]).stem}" if job.rule in ("tabulate", "draw") else job.rule


def jobs_of(done):
    return [job for job in planned_jobs(said(done)) if job.rule != "all"]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.what)
def test_an_edit_runs_what_depends_on_it(copy_of_smoke, row):
    row.edit(copy_of_smoke)
    jobs = jobs_of(snakemake(copy_of_smoke, *TARGETS, "-n", *SMOKE, *row.config))
    assert Counter(map(named, jobs)) == row.runs
    # Nothing else is the first cause: the other jobs run because of those above them.
    causes = [job.reason for job in jobs if "Input files updated by another job" not in job.reason]
    assert all(row.because in reason for reason in causes) and bool(causes) == bool(row.runs), causes


def test_the_first_run_says_that_everything_is_missing(copy_of_smoke, tmp_path):
    """If reasons were not read, the table would pass on an empty plan. Here each job has a reason."""
    done = snakemake(copy_of_smoke, *TARGETS, "-n", "--directory", str(tmp_path / "empty"), *SMOKE)
    jobs = Counter(named(job) for job in jobs_of(done) if "Missing output files" in job.reason)
    assert jobs["train"] == RUNS and jobs["draw fig7"] == 1


def test_nothing_is_left_beside_the_results(finished_smoke):
    hidden = [path.name for path in (finished_smoke / "results").rglob(".*")]
    assert all(name.endswith(".ended") for name in hidden)
    assert not list(finished_smoke.glob("core*"))
