"""Runs of the generalization sweeps, made up in a moment: networks fit above a planted N*, overfit next to it."""

import json
import math

import numpy as np

from jamming.spec import Network, Point, Protocol
from jamming.storage.store import Result

LOADS = (1000, 2000, 5000)
WIDTHS = {2: (1, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 30, 40), 5: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 18, 24)}
STEPS = 5000


def make_sweeps(loads=LOADS, widths=None, replicas=3, steps=STEPS, seed=0):
    """{sweep: [Result, …]} for generalization_L2 and _L5, one result per P and width."""
    return {
        f"generalization_L{depth}": [
            make_result(depth, n_train, width, replicas, steps, seed)
            for n_train in loads
            for width in widths or WIDTHS[depth]
        ]
        for depth in (2, 5)
    }


def planted_n_star(n_train):
    """N*(P) of the runs made up here: every replica of a larger network fits, none of a smaller one."""
    return 3.2 * n_train**0.6


def make_result(depth, n_train, width, replicas=3, steps=STEPS, seed=0):
    """A point whose replicas all behave as N/N* says."""
    generator = np.random.default_rng([seed, depth, n_train, width])
    ratio = Network(10, width, depth, "relu").n_weights / planted_n_star(n_train)
    return from_replicas(
        depth, n_train, width, [_replica(width, depth, ratio, steps, generator) for _ in range(replicas)], steps
    )


def from_replicas(depth, n_train, width, replicas, steps=STEPS):
    """A result of given replicas (see `replica`)."""
    protocol = Protocol("hinge_adam_constant", 1.0, steps, 1e-3, 0.0, 250000)
    network = Network(10, width, depth, "relu")
    point = Point(f"generalization_L{depth}", "mnist", network, protocol, n_train, max(len(replicas), 1), "float64", 0)
    tree = {
        f"replica_{number:02d}": {"n_weights": network.n_weights, "final": _final(one, n_train), **one}
        for number, one in enumerate(replicas)
    }
    return Result("run", json.loads(point.to_json()), {}, tree)


def replica(step, test_error, n_delta):
    """The group of one replica, as far as tables and the explorer read it; `n_delta` is the last of its record."""
    step = np.asarray(step)
    overlaps = np.linspace(1000, n_delta, len(step)).round().astype(np.int64)
    overlaps[-1] = n_delta
    return {
        "converged": n_delta == 0,
        "steps_done": int(step[-1]),
        "record": {
            "step": step,
            "n_delta": overlaps,
            "loss": 1e-4 * overlaps,
            "gradient_norm": 1e-3 * np.sqrt(overlaps),
            "test_error": np.asarray(test_error, float),
        },
    }


def _final(one, n_train):
    """Δ and f of as many patterns as the record says, or of as many as it takes, with overlaps of half the margin."""
    n_delta = int(one["record"]["n_delta"][-1]) if len(one["record"]["n_delta"]) else 0
    delta = np.where(np.arange(max(n_train, n_delta)) < n_delta, 0.5 + 0.001 * np.arange(max(n_train, n_delta)), -0.5)
    labels = np.where(np.arange(len(delta)) % 2 == 0, 1.0, -1.0)
    return {"delta": delta, "output": labels * (1.0 - delta)}


def _replica(width, depth, ratio, steps, generator):
    fitted = ratio >= 1
    end = max(int(steps * min(1, 0.1 + 0.9 / ratio**2)) - int(generator.integers(0, 5)), 2) if fitted else steps
    step = np.unique(np.append(np.logspace(0, math.log10(steps), 40).round().astype(int), 0))
    step = np.append(step[step < end], end)
    best = 0.1 + 0.15 / (1 + width) + 0.01 * generator.standard_normal()
    overfit = 0.08 * math.exp(-((math.log(ratio) / 0.7) ** 2)) * (step / end) ** 2
    n_delta = 0 if fitted else round(0.6 * Network(10, width, depth, "relu").n_weights) + 1
    return replica(step, (best + (0.5 - best) * np.exp(-step / (0.02 * steps)) + overfit).clip(0, 1), n_delta)
