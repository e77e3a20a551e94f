"""The verb that estimates the cost of a run before it is started."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..storage import layout
from .parser import Verbs

if TYPE_CHECKING:
    from rich.table import Table

    from ..planning.cost import Job

# The largest allowed ratio of the likely time of a finished run and its benchmarks.
ALLOWED_FACTOR = 1.5
REMARKS = """At most: every training makes all its steps, and a search counts as {tried} trainings of its first \
network. Likely: networks with P < {jammed} N stop early, and a search takes {likely}. Steps were measured \
now, in {time} ({backend}). Divide by the number of your {units}. Snakemake's own time, 0.1 s a job, is \
not included."""


def plan(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from .. import kernels
    from ..config import load, read_lines, read_points
    from ..planning import cost, speed

    config = load(arguments.preset, arguments.configfile)
    sweeps, lines = read_points(config), read_lines(config)
    console = Console(width=None if Console().is_terminal else 110)
    device = kernels.resolve_device(arguments.device or config["device"])
    backend = kernels.choose(device, arguments.backend or config["backend"], console.print, threads=1)
    points = [point for of_name in (sweeps | lines).values() for point in of_name.values()]
    steps = {step for point in points for step, _ in cost.stages_of(point, backend.batched is not None)}
    jobs = cost.plan(config, sweeps, lines, speed.measure(backend, steps, device)).values()
    columns = {
        "jobs": lambda jobs: f"{len(jobs)}",
        "network-steps": lambda jobs: f"{sum(job.steps for job in jobs):.2g}",
        "time at most": lambda jobs: _time(sum(job.seconds for job in jobs)),
        "likely": lambda jobs: _time(sum(job.likely_seconds for job in jobs)),
        "longest job": lambda jobs: _time(max(job.seconds for job in jobs)),
        "memory of a job": lambda jobs: _bytes(max(job.memory for job in jobs)),
        "disk": lambda jobs: _bytes(sum(job.disk for job in jobs)),
    }
    console.print(_table(f"{arguments.preset}: the jobs of all figures", columns, jobs))
    time, units = ("time by the clock", "GPUs") if device == "cuda" else ("processor time", "cores")
    counted = {"tried": cost.WIDTHS_TRIED, "likely": cost.LIKELY_TRIED, "jammed": f"{cost.JAMMED_FROM:g}"}
    console.print(REMARKS.format(**counted, time=time, backend=backend.name, units=units), highlight=False)
    if not arguments.check:
        return

    found = cost.measured(jobs, arguments.check)
    columns = {
        "with a benchmark": lambda jobs: f"{len(jobs)}",
        "at most": lambda jobs: _time(sum(job.seconds for job in jobs)),
        "likely": lambda jobs: _time(sum(job.likely_seconds for job in jobs)),
        "measured": lambda jobs: _time(sum(found[job.name] for job in jobs)),
        "likely / measured": lambda jobs: f"{_ratio(jobs, found):.2f}",
    }
    compared = [job for job in jobs if job.name in found]
    console.print(_table(f"processor time, against {arguments.check}", columns, compared))
    ratio = _ratio(compared, found)
    if not 1 / ALLOWED_FACTOR < ratio < ALLOWED_FACTOR:
        raise cost.PlanError(
            f"the likely time is {ratio:.2f} times what the benchmarks in {arguments.check} say, more than a factor "
            f"{ALLOWED_FACTOR} apart; compare on the same machine and with the same backend."
        )


def _table(title: str, columns: Mapping[str, Callable[[list["Job"]], str]], jobs: Iterable["Job"]) -> "Table":
    """A row for each rule that has jobs, in the order of the pipeline, and one for all."""
    from rich.table import Table

    table = Table("rule", title=title)
    for name in columns:
        table.add_column(name, justify="right")
    for rule in ("fetch_mnist", *layout.JOBS, "all"):
        if of_rule := [job for job in jobs if rule in (job.rule, "all")]:
            table.add_row(rule, *(text(of_rule) for text in columns.values()))
    return table


def _ratio(jobs: Iterable["Job"], found: Mapping[str, float]) -> float:
    """The likely time of jobs over the measured one."""
    return sum(job.likely_seconds for job in jobs) / max(sum(found[job.name] for job in jobs), 1e-9)


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:,.0f} h"


def _bytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def add_verbs(verbs: Verbs) -> None:
    added = verbs.add(plan, "estimate time, memory and disk of a run before it is started", "preset", for_people=True)
    added.add_argument("--configfile", type=Path, action="append", default=[], help="as Snakemake's; may be repeated")
    added.add_argument("--device", default="", choices=("auto", "cpu", "cuda"), help="default: the config's")
    added.add_argument("--backend", default="", help="backend of the training step; default: the config's")
    added.add_argument("--check", type=Path, help="compare with results/PRESET/benchmarks of a finished run")
