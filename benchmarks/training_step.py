"""The time of a training step at N ≈ 800 and 8000: each implementation, compared with autograd over all patterns."""

import machine
from engines import STEPS
from problems import RATIO, jammed, square
from timing import medians

SIZES = ((20, 2), (51, 3))  # (d = h, L): N = 820, 7854
QUICK = ((5, 2),)
ROUNDS, SECONDS = 9, 0.4


def measure(quick: bool) -> list[dict]:
    """One row per size and engine: seconds per step, how many times faster than autograd, and the limit in seconds."""
    rows = []
    for width, depth in QUICK if quick else SIZES:
        network = square(width, depth)
        rows += step_rows(
            network, round(RATIO * network.n_weights), STEPS, *((2, 0.01) if quick else (ROUNDS, SECONDS))
        )
    return rows


def step_rows(network, n_train: int, engines: dict, rounds: int, seconds: float) -> list[dict]:
    """Rows of one problem. The matrix product, which sets the limit, is measured in the same rounds."""
    problem = jammed(network, n_train)
    actions = {name: make(problem) for name, (_, make) in engines.items()}
    products = {dtype: machine.product(dtype) for dtype in sorted({dtype for dtype, _ in engines.values()})}
    actions |= {dtype: action for dtype, (action, _) in products.items()}
    times = medians(actions, rounds, seconds)
    work = machine.step_operations(network.n_weights, n_train, problem.n_delta)
    return [
        {
            "width": network.width,
            "depth": network.depth,
            "n_weights": network.n_weights,
            "n_train": n_train,
            "n_delta": problem.n_delta,
            "engine": name,
            "dtype": dtype,
            "seconds": times[name],
            "ratio": times["autograd"] / times[name] if "autograd" in engines else None,
            "limit": work * times[dtype] / products[dtype][1],
            "gflops": products[dtype][1] / times[dtype] / 1e9,
        }
        for name, (dtype, _) in engines.items()
    ]
