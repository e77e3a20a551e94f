"""Time of a training step against N (P/N = 2.8), against P (N = 820), and against the number of networks."""

import machine
from engines import REPLICAS, STEPS
from problems import RATIO, jammed, square
from timing import medians
from training_step import step_rows

WIDTHS = {2: (7, 10, 14, 20, 28, 44, 62), 3: (6, 8, 11, 16, 23, 36, 51)}  # L: d = h, N ≈ 100 … 8000
PATTERNS = (100, 300, 1000, 3000, 10000, 30000)
REPLICA_COUNTS = (1, 2, 4, 8, 16, 32)
WIDTH, DEPTH = 20, 2  # of the measurements at fixed N
ROUNDS, SECONDS = 5, 0.15


def measure(quick: bool) -> list[dict]:
    """Rows as in `training_step`, each with `against`: "n_weights", "n_train" or "replicas"."""
    widths, patterns, counts = ({2: (3, 5)}, (40, 80), (1, 2)) if quick else (WIDTHS, PATTERNS, REPLICA_COUNTS)
    effort = (1, 0.005) if quick else (ROUNDS, SECONDS)
    rows = []
    for depth, some in widths.items():
        for width in some:
            network = square(width, depth)
            n_train = round(RATIO * network.n_weights)
            rows += [{"against": "n_weights", **row} for row in step_rows(network, n_train, STEPS, *effort)]
    fixed = square(4 if quick else WIDTH, DEPTH)
    for n_train in patterns:
        rows += [{"against": "n_train", **row} for row in step_rows(fixed, n_train, STEPS, *effort)]
    for count in counts:
        rows += [{"against": "replicas", **row} for row in replica_rows(fixed, count, *effort)]
    return rows


def replica_rows(network, count: int, rounds: int, seconds: float) -> list[dict]:
    """One row per engine for `count` networks of one size, each with its own patterns."""
    n_train = round(RATIO * network.n_weights)
    problems = [jammed(network, n_train, seed=seed) for seed in range(1, count + 1)]
    actions = {name: make(problems) for name, (_, make) in REPLICAS.items()}
    products = {dtype: machine.product(dtype) for dtype in sorted({dtype for dtype, _ in REPLICAS.values()})}
    actions |= {dtype: action for dtype, (action, _) in products.items()}
    times = medians(actions, rounds, seconds)
    work = count * machine.step_operations(network.n_weights, n_train, problems[0].n_delta)
    return [
        {
            "replicas": count,
            "depth": network.depth,
            "n_weights": network.n_weights,
            "n_train": n_train,
            "engine": name,
            "dtype": dtype,
            "seconds": times[name],
            "limit": work * times[dtype] / products[dtype][1],
        }
        for name, (dtype, _) in REPLICAS.items()
    ]
