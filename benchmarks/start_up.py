"""The time that jobs need for their imports, and its share of a finished `quick`.

A tiny job of each kind shows which modules the kind imports. Then processes that only import these modules are timed.
The share is this time for each job in results/quick/benchmarks, divided by the total time there.
"""

import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import apart

FINISHED = apart.FOLDER.parent / "results" / "quick" / "benchmarks"
ROUNDS = 15
PACKAGES = ("numpy", "scipy", "h5py", "matplotlib", "torch")
AND_SAY = "import sys; from jamming.__main__ import main; code = main(); print(*sys.modules); sys.exit(code)"
ONLY_IMPORT = """
import sys
from importlib import import_module
for name in sys.argv[1:]:
    try:
        import_module(name)
    except ImportError:
        pass
"""
# Modules that the jobs of `quick` import and tiny jobs do not: those for the intervals of claims.
MORE = {"claims": {"scipy.optimize", "scipy.special"}}


def measure(quick: bool, finished: Path = FINISHED) -> dict:
    """`rows`, one for each kind of job: the CPU time of one start in `seconds`, and the number of `jobs`.

    `total` is the sum of all benchmarks in seconds. Without a finished run, `jobs` and `total` are 0.
    """
    taken = _benchmarks(finished)
    with tempfile.TemporaryDirectory() as folder:
        imported = {kind: _imported(words) | MORE.get(kind, set()) for kind, words in _jobs(Path(folder)).items()}
    processes = {kind: [sys.executable, "-c", ONLY_IMPORT, *sorted(names)] for kind, names in imported.items()}
    times = {kind: [] for kind in processes}
    for _ in range(1 if quick else ROUNDS):
        for kind, command in processes.items():
            times[kind].append(_processor_time(command))
    rows = [
        {
            "kind": kind,
            "packages": sorted({name.split(".")[0] for name in imported[kind]} & set(PACKAGES)),
            "seconds": statistics.median(times[kind]),
            "jobs": len(taken.get(kind, ())),
        }
        for kind in processes
    ]
    return {"rows": rows, "total": sum(sum(of_kind) for of_kind in taken.values())}


def _jobs(folder: Path) -> Mapping[str, list[str]]:
    """The command line of a tiny job of each kind, in an order in which they can run."""
    from jamming.spec import LinePoint, Network, Point, Protocol

    protocol = Protocol("hinge_adam_annealed", 0.5, 20, 1e-2, 1e-6, 0)
    network = Network(5, 6, 2, "relu")
    point = Point("relu_L2", "random", network, protocol, 200, 1, "float64", 1)
    line = LinePoint("line_L2", "random", 2, "relu", 5, protocol, 40, 1, "float64", 1, 1.2, 6.0, 0)
    data = {"dataset": "random", "dim": 5, "n_patterns": 600, "seed": 1}
    settings = {"theta_range": [0.01, 0.3], "gamma_range": [0.01, 0.3], "cusp_threshold": 1e-4}
    settings |= {"max_loss": 1e3, "max_spectra": 1, "n_bootstrap": 2, "seed": 1, "drawn_network": {}}
    made = {name: str(folder / f"{name}.h5") for name in ("data", "run", "out", "table")}
    measured = ["--run", made["run"], "--out", made["out"]]
    asked, on_data = ["--settings", json.dumps(settings)], ["--data", made["data"]]
    summed = [*asked, "--inputs", "--preset", "tiny"]
    return {
        "data": ["generate-data", "--spec", json.dumps(data), "--out", made["data"]],
        "train": ["train", "--spec", point.to_json(), *on_data, "--device", "cpu", "--out", made["run"]],
        "lines": ["find-transition", "--spec", line.to_json(), "--device", "cpu", "--out", made["out"]],
        "gaps": ["measure", "gaps", *asked, *measured],
        "preactivations": ["measure", "preactivations", *asked, *on_data, *measured],
        "spectra": ["measure", "spectra", *asked, *on_data, *measured],
        "effective": ["measure", "effective", "--settings", "{}", *on_data, *measured],
        "tables": ["tabulate", "fig4", *summed, "--out", made["table"]],
        "figures": ["draw", "fig4", "--table", made["table"], "--out", str(folder / "a.pdf"), str(folder / "a.svg")],
        "claims": ["measure-claims", "jump", *summed, "--out", str(folder / "claims.json")],
    }


def _imported(words: list[str]) -> set[str]:
    """The modules that a job has imported at its end. Raises RuntimeError with its output if it fails."""
    done = subprocess.run([sys.executable, "-c", AND_SAY, *words], env=_environment(), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"a tiny job failed: {done.stderr.strip()[-500:]}")
    return set(done.stdout.splitlines()[-1].split()) - {"__main__", "jamming.__main__"}


def _processor_time(command: list[str]) -> float:
    """The CPU time of a process in seconds."""
    process = subprocess.Popen(command, env=_environment(), stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"a process that only imports failed with exit code {process.returncode}.")
    return used.ru_utime + used.ru_stime


def _environment() -> dict[str, str]:
    return {**os.environ, **dict.fromkeys(apart.THREADS, "1"), "PYTHONPATH": str(apart.PACKAGE)}


def _benchmarks(folder: Path) -> dict[str, list[float]]:
    """The wall times of all jobs in seconds by their kind, from Snakemake's benchmarks; {} without such a folder."""
    found: dict[str, list[float]] = {}
    for path in folder.rglob("*.tsv"):
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        if rows:
            found.setdefault(path.relative_to(folder).parts[0], []).append(float(rows[-1]["s"]))
    return found
