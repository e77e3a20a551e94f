"""What jobs load before they work, and its share of the time of a finished `quick`.

For each kind of job a tiny one is done, which tells what it imports; then processes that import the same and do nothing
else are timed. The share is the time of these, once for each job of results/quick/benchmarks, of all that stands there.
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
# What tiny jobs leave out and those of `quick` need: the intervals of claims.
MORE = {"claims": {"scipy.optimize", "scipy.special"}}


def measure(quick: bool, finished: Path = FINISHED) -> dict:
    """`rows`, one a kind of job with `seconds` of the processor for one start and the number of `jobs`; their `total`.

    `jobs` is 0 everywhere, and the `total` of their benchmarks in seconds too, where there is no finished run.
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
    """Words of the command line that do a tiny job of each kind, in an order in which they can be done."""
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
    """The modules that a job has imported at its end. Raises RuntimeError with what it said if it fails."""
    done = subprocess.run([sys.executable, "-c", AND_SAY, *words], env=_environment(), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"a tiny job failed: {done.stderr.strip()[-500:]}")
    return set(done.stdout.splitlines()[-1].split()) - {"__main__", "jamming.__main__"}


def _processor_time(command: list[str]) -> float:
    """Seconds of the processor that a process takes."""
    process = subprocess.Popen(command, env=_environment(), stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"a process that only imports failed with exit code {process.returncode}.")
    return used.ru_utime + used.ru_stime


def _environment() -> dict[str, str]:
    return {**os.environ, **dict.fromkeys(apart.THREADS, "1"), "PYTHONPATH": str(apart.PACKAGE)}


def _benchmarks(folder: Path) -> dict[str, list[float]]:
    """Wall seconds of each job by its kind, as Snakemake measured them; none if there is no such folder."""
    found: dict[str, list[float]] = {}
    for path in folder.rglob("*.tsv"):
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        if rows:
            found.setdefault(path.relative_to(folder).parts[0], []).append(float(rows[-1]["s"]))
    return found
