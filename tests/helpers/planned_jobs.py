"""The jobs that a dry-run lists, and which of them a target needs: one dry-run answers for every target."""

import re
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class PlannedJob:
    """A job as Snakemake lists it; `reason` says why it runs, and `priority` is its priority in the scheduler."""

    rule: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    reason: str
    priority: float


def planned_jobs(text: str) -> list[PlannedJob]:
    """The jobs of a dry-run without -q, including jobs in groups."""
    _, *parts = re.split(r"^ *(?:local)?rule (\w+):\n", text, flags=re.MULTILINE)
    return [_job(rule, shown) for rule, shown in zip(parts[::2], parts[1::2], strict=True)]


def _job(rule, shown):
    lines = dict(re.findall(r"^ +(\w+): (.*)$", shown, re.MULTILINE))
    files = [tuple(lines[key].split(", ")) if key in lines else () for key in ("input", "output")]
    return PlannedJob(rule, *files, lines.get("reason", ""), float(lines.get("priority", 0)))


def needed_by(jobs: list[PlannedJob], target: str) -> Counter:
    """Rule → number of jobs that a file, or a rule without files, depends on."""
    makers = {output: job for job in jobs for output in job.outputs}
    pending = [job for job in jobs if target in job.outputs or (job.rule == target and not job.outputs)]
    needed = set()
    while pending:
        job = pending.pop()
        if job not in needed:
            needed.add(job)
            pending += [makers[name] for name in job.inputs if name in makers]
    return Counter(job.rule for job in needed)
