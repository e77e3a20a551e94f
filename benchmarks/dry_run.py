"""The time of planning: `snakemake -n -q rules` of all figures of `smoke`, with ever more values of P in one sweep."""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COUNTS = (2, 220, 720, 2470)  # values of P, each of which makes four jobs
FIRST, LAST = 300, 40000


def measure(quick: bool) -> list[dict]:
    """One row per dry-run: number of jobs, wall and CPU time in seconds, and peak memory of the process in MB."""
    return [plan(count) for count in (COUNTS[:1] if quick else COUNTS)]


def plan(count: int) -> dict:
    """The row of one dry-run in an empty folder. Raises RuntimeError with Snakemake's output if it fails."""
    settings = [
        "preset=smoke",
        f"random={{n_patterns: {2 * LAST}}}",
        f"sweeps={{relu_L2: {{n_train: {{from: {FIRST}, to: {LAST}, count: {count}}}}}}}",
    ]
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "-n", "-q", "rules"]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--directory", folder, "--config", *settings], stdout=output, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        output.seek(0)
        said = output.read()
    total = re.search(r"^total +(\d+)", said, re.MULTILINE)
    if process.returncode or not total:
        raise RuntimeError(f"the dry-run with {count} values of P failed: {said.strip()[-500:]}")
    return {
        "jobs": int(total[1]),
        "seconds": seconds,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "memory_mb": used.ru_maxrss / 1024,
    }
