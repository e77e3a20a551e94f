"""Measuring in a process of its own: with so many threads from its start, and with a peak of memory that is its own."""

import importlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
PACKAGE = FOLDER.parent / "workflow"
# For `run`, which imports this module before those that need the package.
sys.path.insert(0, str(PACKAGE))
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def call(module: str, function: str, threads: int, **arguments: object) -> object:
    """`module.function(**arguments)` of this folder, called in a new process; it returns what JSON holds.

    Raises RuntimeError if the process fails; it has said why.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PACKAGE), str(FOLDER)])}
    environment |= dict.fromkeys(THREADS, str(threads))
    command = [sys.executable, __file__, module, function, json.dumps(arguments)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"the benchmark {module}.{function}({arguments}) failed with exit code {done.returncode}.")
    # What comes before the last line was printed on the way, e.g. that there is no compiler.
    *said, result = done.stdout.splitlines()
    if said:
        print("\n".join(said), file=sys.stderr)
    return json.loads(result)


def peak_memory() -> float:
    """The most memory this process has had at a time, in GB (on Linux, where it is counted in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    name, wanted, given = sys.argv[1:]
    print(json.dumps(getattr(importlib.import_module(name), wanted)(**json.loads(given))))
