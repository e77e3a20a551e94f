"""Time H_0, H_p and the eigenvalues of H_0, H_p and H: `python benchmarks/spectra.py [--threads T] [--large]`.

Networks with d = h and L = 2 at Ñ ≈ 860 and Ñ ≈ 4000, with --large at Ñ ≈ 8000 too (2 GB, some minutes), random data,
and labels set so that about 0.75 N patterns are unsatisfied, as at jamming: the cost depends on nothing else.
Each size runs in a process of its own, so that its peak memory is its own. Prints a table of median wall times.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "workflow"
SIZES = {20: 5, 44: 1}  # width: repetitions
LARGE = {62: 1}
COLUMNS = ("width", "n_params", "n_delta", "H_0 [s]", "H_p [s]", "eigenvalues [s]", "all spectra [s]", "memory [GB]")


def time_size(width: int, activation: str, repetitions: int) -> dict:
    """Median wall times in seconds at one size, and the peak resident memory of this process in GB."""
    import numpy as np

    from jamming import losses
    from jamming import network as net
    from jamming.observables import spectra
    from jamming.spec import Network

    network = Network(dim=width, width=width, depth=2, activation=activation)
    generator = np.random.default_rng(0)
    params = net.initial_params(network, seed=0)
    inputs = generator.standard_normal((int(2.8 * network.n_weights), width))
    inputs *= np.sqrt(width) / np.linalg.norm(inputs, axis=1, keepdims=True)
    outputs, _ = net.forward(params, inputs, network)
    # With the label against the output a pattern is unsatisfied; with it, and a margin of zero, satisfied.
    against = np.arange(len(inputs)) < 0.75 * network.n_weights
    labels = np.where(outputs > 0, 1.0, -1.0) * np.where(against, -1, 1)
    data = (params, inputs, labels, network, 0.0)

    times = {"H_0 [s]": [], "H_p [s]": [], "eigenvalues [s]": [], "all spectra [s]": []}
    for _ in range(repetitions):
        start = time.perf_counter()
        matrix = spectra.h0(*data)
        times["H_0 [s]"].append(time.perf_counter() - start)
        del matrix
        start = time.perf_counter()
        matrix = spectra.hp(*data)
        times["H_p [s]"].append(time.perf_counter() - start)
        start = time.perf_counter()
        spectra.eigenvalues(matrix)
        times["eigenvalues [s]"].append(time.perf_counter() - start)
        del matrix
        start = time.perf_counter()
        spectra.spectra(*data)
        times["all spectra [s]"].append(time.perf_counter() - start)
    return {
        "width": width,
        "n_params": network.n_params,
        "n_delta": int((losses.overlaps(outputs, labels, 0.0) > 0).sum()),
        **{name: statistics.median(values) for name, values in times.items()},
        "memory [GB]": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of the linear algebra library")
    parser.add_argument("--activation", choices=("relu", "tanh"), default="relu")
    parser.add_argument("--large", action="store_true", help="time Ñ ≈ 8000 as well")
    parser.add_argument("--size", type=json.loads, help=argparse.SUPPRESS)  # one size, in a process of its own
    arguments = parser.parse_args()
    if arguments.size:
        print(json.dumps(time_size(arguments.size[0], arguments.activation, arguments.size[1])))
        return

    threads = str(arguments.threads)
    environment = {
        **os.environ,
        "PYTHONPATH": str(PACKAGE),
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
    }
    print(f"{arguments.activation}, L = 2, d = h = width, {threads} threads; medians of wall times")
    print("".join(f"{name:>17}" for name in COLUMNS))
    for size in [*SIZES.items(), *(LARGE.items() if arguments.large else [])]:
        command = [sys.executable, __file__, "--activation", arguments.activation, "--size", json.dumps(size)]
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        row = json.loads(done.stdout)
        shown = (f"{row[name]:.3g}" if isinstance(row[name], float) else str(row[name]) for name in COLUMNS)
        print("".join(f"{text:>17}" for text in shown), flush=True)


if __name__ == "__main__":
    main()
