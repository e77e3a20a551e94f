"""The verb that estimates the cost of a run before it is started."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .parser import Verbs

if TYPE_CHECKING:
    from rich.table import Table

    from ..planning.cost import Job, Speeds

# The largest allowed ratio of the estimate of a finished run and its benchmarks.
ALLOWED_FACTOR = 1.5


def plan(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from .. import kernels
    from ..config import load, read_lines, read_points
    from ..planning import speed
    from ..planning.cost import plan as planned_by_figure
    from ..planning.cost import together

    config = load(arguments.preset, arguments.configfile)
    sweeps, lines = read_points(config), read_lines(config)
    console = Console(width=None if Console().is_terminal else 110)
    device = kernels.resolve_device(arguments.device or config["device"])
    backend = arguments.backend or config["backend"]
    speeds = speed.measure(device, backend, config["dtype"], report=console.print)
    planned = planned_by_figure(config, sweeps, lines, speeds)
    console.print(_costs(arguments.preset, planned, device))
    console.print(_remarks(together(planned), speeds, device))
    if arguments.check:
        _check(console, together(planned), arguments.check)


def _costs(preset: str, planned: Mapping[str, Mapping[str, "Job"]], device: str) -> "Table":
    """A table with one row for each figure, as if it were made alone, and one row for all together."""
    from rich.table import Table

    from ..planning.cost import together

    hours = "GPU-hours" if device == "cuda" else "CPU-hours"
    table = Table(title=f"{preset}: the cost of each figure alone; the last line counts shared jobs once")
    table.add_column("figure")
    for name in ("jobs", "network-steps", hours, "of which longest", "memory of a job", "disk"):
        table.add_column(name, justify="right")
    rows = {**planned, "all": together(planned)}
    for name, jobs in rows.items():
        if name == "all":
            table.add_section()
        seconds = [job.seconds for job in jobs.values()]
        table.add_row(
            name,
            f"{len(jobs)}",
            f"{sum(job.steps for job in jobs.values()):.2g}",
            _hours(sum(seconds)),
            _hours(max(seconds)),
            _bytes(max(job.memory for job in jobs.values())),
            _bytes(sum(job.disk for job in jobs.values())),
        )
    return table


def _remarks(jobs: Mapping[str, "Job"], speeds: "Speeds", device: str) -> str:
    where, divisor = ("the GPU", "GPUs") if device == "cuda" else ("one core", "cores")
    training = sum(job.seconds for job in jobs.values() if job.trains) / sum(job.seconds for job in jobs.values())
    return (
        f"{training:.0%} of the time is training. The speed of steps was measured now on {where} ({speeds.backend}). "
        f"The formula agrees with the measured sizes within {speeds.error:.0%} and is less certain beyond them. The "
        "number of steps of a network and the number of widths of a search are estimates. Snakemake's own time (0.1 s "
        f"a job) is not included. Divide the times by the number of your {divisor}."
    )


def _check(console: object, jobs: Mapping[str, "Job"], folder: Path) -> None:
    """Compare with the benchmarks of a finished run. Raises PlanError if the sums differ too much."""
    from rich.table import Table

    from ..planning.cost import PlanError, measured

    found = measured(jobs.values(), folder)
    kinds = dict.fromkeys(name.split("/")[0] for name in found)
    table = Table(title=f"against {folder}")
    table.add_column("jobs")
    for name in ("with a benchmark", "estimated", "measured", "ratio"):
        table.add_column(name, justify="right")
    for kind in (*kinds, "all"):
        names = [name for name in found if kind in ("all", name.split("/")[0])]
        estimated, took = sum(jobs[name].seconds for name in names), sum(found[name] for name in names)
        table.add_row(kind, f"{len(names)}", f"{estimated:.0f} s", f"{took:.0f} s", f"{estimated / took:.2f}")
    console.print(table)
    ratio = estimated / took
    if not 1 / ALLOWED_FACTOR < ratio < ALLOWED_FACTOR:
        raise PlanError(
            f"the estimate is {ratio:.2f} times what the benchmarks in {folder} say, more than a factor "
            f"{ALLOWED_FACTOR} apart; compare on the same, otherwise idle machine and with the same backend."
        )


def _hours(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:,.0f} h"


def _bytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size > 1e9 else f"{size / 1e6:.0f} MB"


def add_verbs(verbs: Verbs) -> None:
    added = verbs.add(plan, "estimate time, memory and disk of a run before it is started", "preset", for_people=True)
    added.add_argument("--configfile", type=Path, action="append", default=[], help="as Snakemake's; may be repeated")
    added.add_argument("--device", default="", choices=("auto", "cpu", "cuda"), help="default: the config's")
    added.add_argument("--backend", default="", help="backend of the training step; default: the config's")
    added.add_argument("--check", type=Path, help="compare with results/PRESET/benchmarks of a finished run")
