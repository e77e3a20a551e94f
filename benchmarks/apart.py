"""Measure in a separate process, with a given number of threads from its start and its own peak of memory."""

import importlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
PACKAGE = FOLDER.parent / "workflow"
# `run` imports this module before the modules that need the package.
sys.path.insert(0, str(PACKAGE))
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def call(module: str, function: str, threads: int, **arguments: object) -> object:
    """The result of `module.function(**arguments)` of this folder, called in a new process. It must fit into JSON.

    Raises RuntimeError if the process fails. The process has printed the reason.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PACKAGE), str(FOLDER)])}
    environment |= dict.fromkeys(THREADS, str(threads))
    command = [sys.executable, __file__, module, function, json.dumps(arguments)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"the benchmark {module}.{function}({arguments}) failed with exit code {done.returncode}.")
    # The lines before the last one are messages, e.g. that there is no compiler.
    *said, result = done.stdout.splitlines()
    if said:
        print("\n".join(said), file=sys.stderr)
    return json.loads(result)


def peak_memory() -> float:
    """The peak memory of this process in GB (on Linux, which counts it in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    name, wanted, given = sys.argv[1:]
    print(json.dumps(getattr(importlib.import_module(name), wanted)(**json.loads(given))))
