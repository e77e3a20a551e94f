"""What is measured on a trained network. Each module has functions of arrays, and one `measure` from results to a tree.

A tree is what `store.write` writes. Every `measure` gives one group per replica, named as in the run it was
measured on, which opens with the same attributes (`summary`).
"""

import json
from collections.abc import Iterator

import numpy as np

from .. import datasets, network
from ..criteria import end_of
from ..spec import Point
from ..storage import store


class ObservableError(ValueError):
    """Something cannot be measured on these data; the message is one sentence that says what, where and the cure."""


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
    """What every observable says of a replica: n_train, converged, and how it ended (`criteria.End`)."""
    end = end_of(replica, point.protocol.margin)
    return {"n_train": point.n_train, "converged": bool(replica["converged"]), **end.to_tree()}


def final_params(replica: dict) -> np.ndarray:
    """The parameters at the end of training, shape (n_params,), float64."""
    return np.asarray(replica["state"]["params"][-1], dtype=np.float64)


def split_of(run: store.Result, name: str, dataset: store.Result) -> "datasets.Split":
    """The training and the fresh patterns of one replica of a run.

    Raises ObservableError when the network does not give its recorded outputs on them: then the dataset file is
    another one than the run was trained on, and no observable of the pair would mean anything.
    """
    point, replica = point_of(run), run.tree[name]
    split = datasets.split(dataset, point.n_train, replica["seed_data"])
    outputs, _ = network.forward(final_params(replica), split.train_inputs, point.network)
    recorded = replica["final"]["output"]
    # Single precision loses about half of the digits of a sum over a few layers; a wrong dataset is off by order one.
    # A run in mixed precision can end before its double part.
    allowed = 1e-8 if point.dtype == "float64" else 1e-3
    if outputs.shape != recorded.shape or np.max(np.abs(outputs - recorded)) > allowed * (1 + np.max(np.abs(recorded))):
        raise ObservableError(
            f"{name} of the run {_where(run)} was not trained on this dataset; give the dataset file it names, "
            "or train it again."
        )
    return split


def _where(run: store.Result) -> str:
    return f"{run.spec.get('sweep')}, P = {run.spec.get('n_train')}"
