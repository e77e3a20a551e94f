"""Results of kinds "dataset" and "run" made by hand, for the tests of the observables: no training, known content."""

import json

import numpy as np

from jamming import datasets, losses
from jamming import network as net
from jamming.spec import Network, Point, Protocol
from jamming.storage import store


def point_for(network: Network, n_train: int, margin: float = 0.5, replicas: int = 1) -> Point:
    protocol = Protocol("hinge_adam_annealed", margin=margin, steps=10, rate=1e-3, floor=1e-7, drop_every=10)
    return Point("made", "random", network, protocol, n_train, replicas, dtype="float64", seed=0)


def dataset_for(network: Network, n_patterns: int) -> store.Result:
    inputs, labels = datasets.pool("random").generate(network.dim, n_patterns, seed=1)
    return store.Result("dataset", {"dataset": "random"}, {}, {"inputs": inputs, "labels": labels})


def replica_of(point: Point, dataset: store.Result, params: np.ndarray, seed: int = 0) -> dict:
    """The tree of one replica that ended training with these parameters."""
    data = datasets.split(dataset, point.n_train, seed)
    output, _ = net.forward(params, data.train_inputs, point.network)
    delta = losses.overlaps(output, data.train_labels, point.protocol.margin)
    return {
        "seed_data": seed,
        "converged": not np.any(delta > 0),
        "state": {"params": np.array([np.zeros_like(params), params])},
        **ended(delta, output=output),
    }


def ended(delta, margin: float = 0.5, output=None, before: float = 1.0) -> dict:
    """`final` and `record` of a replica that ended with these Δ (P,); labels are +1 and −1 in turn without `output`.

    Before the last part of its training its 𝓛 was `before` times as large.
    """
    delta = np.asarray(delta, float)
    labels = np.where(np.arange(len(delta)) % 2 == 0, 1.0, -1.0)
    loss = losses.quadratic_hinge(delta)
    record = {
        "step": np.array([0, 7, 10]),
        "n_delta": np.full(3, np.sum(delta > 0)),
        "loss": np.array([1.0, before * loss, loss]),
        "gradient_norm": 0.2 * np.sqrt([1.0, before * loss, loss]),
        "misclassified": np.zeros(3),
    }
    return {"final": {"delta": delta, "output": labels * (margin - delta) if output is None else output}} | {
        "record": record
    }


def run_of(point: Point, replicas: list[dict]) -> store.Result:
    n_weights = point.network.n_weights
    tree = {f"replica_{index:02d}": {"n_weights": n_weights, **replica} for index, replica in enumerate(replicas)}
    return store.Result("run", json.loads(point.to_json()), {}, tree)


def through_a_file(path, kind: str, tree: dict) -> dict:
    """The tree after writing and reading it, so that a value that HDF5 cannot hold is noticed."""
    store.write(path, kind, {}, tree, {})
    return store.read(path, kind).tree
