"""Results of the transition search, made up in a moment: planted lines N*(P), and the searches that would find them.

The attempts come from `lines.search` itself on a trainer that knows the answer.
"""

import json
import math

import numpy as np

from jamming.spec import LinePoint, Protocol
from jamming.storage.store import Result
from jamming.training.widths import NEVER, Attempt, first_width, n_star_at, search, to_columns, widths_of

STEPS, SHORTEST = 20000, 1000
RATIO = 0.4
"""N*/P of random data after infinite time."""

HINGE = Protocol("hinge_adam_annealed", 0.5, STEPS, 2e-3, 1e-7, 0)
CROSS_ENTROPY = Protocol("cross_entropy_sgd", 0.5, STEPS, 1e-2, 1e-3, 0)
RANDOM_P, MNIST_P = (100, 200, 400, 800, 1400, 2000), (200, 500, 1000, 2500, 5000)


def make_lines(loads=None, replicas=3, seed=0):
    """{line: [Result, …]} for all lines of the figures; `loads` takes the place of their values of P."""
    lines = {}
    for depth in (2, 3, 5):
        lines[f"line_hinge_L{depth}"] = ("random", depth, 0, HINGE, RANDOM_P)
    for depth, dim in ((2, 25), (3, 25), (5, 25), (5, 50)):
        lines[f"line_ce_L{depth}_d{dim}"] = ("random", depth, dim, CROSS_ENTROPY, RANDOM_P)
    for depth in (1, 3, 5):
        lines[f"line_mnist_L{depth}"] = ("mnist", depth, 10, HINGE, MNIST_P)
    return {
        name: [make_result(name, *what, n_train, replicas, seed) for n_train in loads or axis]
        for name, (*what, axis) in lines.items()
    }


def make_result(name, dataset, depth, dim, protocol, n_train, replicas=3, seed=0, max_ratio=8.0):
    """One point: N* ∝ P for random data, ∝ P^0.75 for MNIST; a network learns in time ≥ 0.7 P."""
    shortest = SHORTEST if name == "line_ce_L5_d25" else 0
    first = 6.0 if dim in (25, 50) else 1.5
    point = LinePoint(
        name, dataset, depth, "relu", dim, protocol, n_train, replicas, "float64", seed, first, max_ratio, shortest
    )
    generator = np.random.default_rng([seed, n_train, depth, dim])
    tree = {}
    for replica in range(replicas):
        n_star = (0.8 * n_train**0.75 if dataset == "mnist" else RATIO * n_train) * math.exp(
            0.08 * generator.standard_normal()
        )
        if protocol is CROSS_ENTROPY:
            n_star = n_star + 150
        tree[f"replica_{replica:02d}"] = make_replica(point, n_star)
    return Result("line", json.loads(point.to_json()), {}, tree)


def make_replica(point, n_star):
    """The search of a replica whose networks fit if N > n_star; larger networks fit sooner."""

    def train(width):
        n_weights = point.network(width).n_weights
        time = 100 + 0.7 * point.n_train * n_weights / max(n_weights - n_star, 1e-9)
        fitted = n_weights > n_star and time <= point.protocol.steps
        return Attempt(
            width=width,
            n_weights=n_weights,
            n_delta=0 if fitted else n_weights // 2,
            loss=0.0 if fitted else 1e-3,
            misclassified=0.0 if fitted else 5.0,
            steps=int(time) if fitted else point.protocol.steps,
            fitted_at=int(time) if fitted else NEVER,
        )

    attempts = search(train, widths_of(point), first_width(point), point.shortest_time)
    return replica_tree(attempts)


def replica_tree(attempts):
    """The group of a replica as `transition.find_transition` writes it."""
    status, n_star, n_below = n_star_at(attempts)
    columns = to_columns(attempts)
    seconds = columns.pop("seconds")
    found = {"status": status, "n_star": n_star, "n_below": n_below}
    return {**found, "attempts": columns, "timing": {"seconds": seconds}}
