"""The sweeps the figures show, and how to walk through the replicas in their results."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..criteria import is_near_jamming

if TYPE_CHECKING:
    from ..storage.store import Result

RELU = {"relu_L2": "L2", "relu_L3": "L3", "relu_L5": "L5"}
"""ReLU networks on random data: sweep → name of its group in a table."""
TANH = {"tanh_L3": "L3"}
MNIST = {"mnist_L5": "L5"}


def present(sweeps: Mapping[str, str], results: Mapping[str, Sequence["Result"]]) -> dict[str, str]:
    """Those of `sweeps` that have results."""
    return {sweep: group for sweep, group in sweeps.items() if results[sweep]}


def replicas(results: Sequence["Result"]) -> Iterator[dict]:
    """The replicas' trees in all results of a sweep, in the order of results and of replicas."""
    for result in results:
        for name in sorted(result.tree):
            if name.startswith("replica_"):
                yield result.tree[name]


def near_jamming(results: Sequence["Result"], max_loss: float) -> list[dict]:
    """The replicas of an observable that are jammed with 𝓛 < `max_loss`, sorted by 𝓛."""
    chosen = (
        replica
        for replica in replicas(results)
        if is_near_jamming(replica["n_delta"], replica["n_weights"], replica["loss"], max_loss)
    )
    return sorted(chosen, key=lambda replica: replica["loss"])
