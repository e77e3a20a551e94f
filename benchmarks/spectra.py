"""The time of the spectra of H_0, H_p and H = H_0 + H_p for networks with d = h, L = 2, at Ñ ≈ 860, 4000 and 8000."""

import statistics
import time

import apart
from problems import RATIO, jammed, square

SIZES = {20: 5, 44: 1, 62: 1}  # width: repetitions
QUICK = {6: 1}
DEPTH = 2


def measure(quick: bool, threads: list[int]) -> list[dict]:
    """One row per size and number of threads: seconds of each matrix and of all three spectra, peak memory in GB."""
    return [
        {"threads": number, **apart.call("spectra", "time_size", number, width=width, repetitions=repetitions)}
        for width, repetitions in (QUICK if quick else SIZES).items()
        for number in threads
    ]


def time_size(width: int, repetitions: int) -> dict:
    """Median wall times in seconds at one size, in this process; for all spectra also the CPU time of all threads."""
    from jamming.observables import spectra

    network = square(width, DEPTH)
    problem = jammed(network, round(RATIO * network.n_weights))
    data = (problem.params, problem.inputs, problem.labels, network, problem.margin)
    times, busy = {"h0": [], "hp": [], "all": []}, []
    for _ in range(repetitions):
        for name, action in (("h0", spectra.h0), ("hp", spectra.hp), ("all", spectra.spectra)):
            started, started_busy = time.perf_counter(), time.process_time()
            action(*data)
            times[name].append(time.perf_counter() - started)
            busy.append(time.process_time() - started_busy)
    return {
        "n_params": network.n_params,
        "n_delta": problem.n_delta,
        **{f"{name}_seconds": statistics.median(values) for name, values in times.items()},
        "all_cpu_seconds": statistics.median(busy[2::3]),
        "memory_gb": apart.peak_memory(),
    }
