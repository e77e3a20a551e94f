"""The time of N_eff for networks as in [G] Fig. 11 (d = 10, L = 3), up to Ñ ≈ 4000, untrained, on random patterns."""

import time

import apart

SIZES = ((41, 5000), (13, 20_000), (28, 20_000), (41, 20_000))  # width, P
QUICK = ((4, 100),)
DIM, DEPTH = 10, 3


def measure(quick: bool, threads: list[int]) -> list[dict]:
    """One row per size and number of threads: seconds of one N_eff, vectors used for it, peak memory in GB."""
    return [
        {"threads": number, **apart.call("effective", "time_size", number, width=width, n_train=n_train)}
        for width, n_train in (QUICK if quick else SIZES)
        for number in threads
    ]


def time_size(width: int, n_train: int) -> dict:
    """Wall time and CPU time (all threads) in seconds at one size, in this process."""
    from jamming import network as net
    from jamming.datasets import random
    from jamming.observables import effective
    from jamming.spec import Network

    network = Network(DIM, width, DEPTH, "relu")
    inputs, _ = random.generate(DIM, n_train, seed=1)
    params = net.initial_params(network, seed=1)
    started, started_busy = time.perf_counter(), time.process_time()
    found = effective.effective_dimension(params, inputs, network)
    return {
        "n_params": network.n_params,
        "n_train": n_train,
        "n_eff": found.n_eff,
        "n_vectors_used": found.n_vectors_used,
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - started_busy,
        "memory_gb": apart.peak_memory(),
    }
