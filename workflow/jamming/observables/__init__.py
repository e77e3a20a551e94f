"""Observables: measurements on trained networks. Each module has functions of arrays, and a function `measure`.

`measure` takes the result of a run and returns the tree of a result file (`store.write`). The tree holds one group per
replica, with the name that the replica has in the run. Each group begins with the attributes of `summary`.
"""

import json
from collections.abc import Iterator

import numpy as np

from .. import datasets, network
from ..criteria import end_of
from ..spec import Point
from ..storage import store


class ObservableError(ValueError):
    """An observable cannot be measured. The message is one sentence: what is wrong, in which run, and what to do."""


def point_of(run: store.Result) -> Point:
    """The point whose replicas a run file holds."""
    return Point.from_json(json.dumps(run.spec))


def replicas(run: store.Result) -> Iterator[tuple[str, dict]]:
    """Name and tree of each replica, in order. Raises ObservableError if the run holds none."""
    names = sorted(name for name in run.tree if name.startswith("replica_"))
    if not names:
        raise ObservableError(f"The run {_where(run)} holds no replica; delete its file and train it again.")
    for name in names:
        yield name, run.tree[name]


def summary(point: Point, replica: dict) -> dict:
    """The attributes of a replica that every observable keeps: n_train, converged, and those of `criteria.End`."""
    end = end_of(replica, point.protocol.margin)
    return {"n_train": point.n_train, "converged": bool(replica["converged"]), **end.to_tree()}


def final_params(replica: dict) -> np.ndarray:
    """The parameters at the end of training, shape (n_params,), float64."""
    return np.asarray(replica["state"]["params"][-1], dtype=np.float64)


def split_of(run: store.Result, name: str, dataset: store.Result) -> "datasets.Split":
    """The training and the fresh patterns of the replica `name` of a run.

    Raises ObservableError if the network does not give its recorded outputs on them. Then the run was trained on
    another dataset file, and no observable of the two would mean anything.
    """
    point, replica = point_of(run), run.tree[name]
    split = datasets.split(dataset, point.n_train, replica["seed_data"])
    outputs, _ = network.forward(final_params(replica), split.train_inputs, point.network)
    recorded = replica["final"]["output"]
    # Single precision loses about half of the digits over a few layers. A wrong dataset changes outputs by order one.
    # A run in mixed precision can end before its stage in double precision.
    allowed = 1e-8 if point.dtype == "float64" else 1e-3
    if outputs.shape != recorded.shape or np.max(np.abs(outputs - recorded)) > allowed * (1 + np.max(np.abs(recorded))):
        raise ObservableError(
            f"{name} of the run {_where(run)} was not trained on this dataset; give the dataset file it names, "
            "or train it again."
        )
    return split


def _where(run: store.Result) -> str:
    return f"{run.spec.get('sweep')}, P = {run.spec.get('n_train')}"
