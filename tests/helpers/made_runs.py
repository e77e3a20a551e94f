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
    inputs, labels = datasets.random.generate(network.dim, n_patterns, seed=1)
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
        "final": {"output": output, "delta": delta},
    }


def run_of(point: Point, replicas: list[dict]) -> store.Result:
    tree = {f"replica_{index:02d}": replica for index, replica in enumerate(replicas)}
    return store.Result("run", json.loads(point.to_json()), {}, tree)


def through_a_file(path, kind: str, tree: dict) -> dict:
    """The tree as it comes back from disk, so that a value without a place in HDF5 is noticed."""
    store.write(path, kind, {}, tree, {})
    return store.read(path, kind).tree
