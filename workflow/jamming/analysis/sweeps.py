"""The sweeps that the figures show, and functions that list the replicas in their results."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..criteria import End, end_of

if TYPE_CHECKING:
    from ..storage.store import Result

RELU = {"relu_L2": "L2", "relu_L3": "L3", "relu_L5": "L5"}
"""Sweeps of ReLU networks on random data: sweep → name of its group in a table."""
TANH = {"tanh_L3": "L3"}
MNIST = {"mnist_L5": "L5"}


def present(sweeps: Mapping[str, str], results: Mapping[str, Sequence["Result"]]) -> dict[str, str]:
    """The sweeps that have results."""
    return {sweep: group for sweep, group in sweeps.items() if results[sweep]}


def replicas(results: Sequence["Result"]) -> Iterator[dict]:
    """The trees of all replicas of a sweep, in the order of results and of replicas."""
    for result in results:
        for name in sorted(result.tree):
            if name.startswith("replica_"):
                yield result.tree[name]


def near_jamming(results: Sequence["Result"], max_loss: float) -> list[dict]:
    """The replicas of an observable that are jammed with 𝓛 < `max_loss`, sorted by 𝓛 without dead patterns."""
    chosen = [(End.from_tree(replica), replica) for replica in replicas(results)]
    near = [(end.living_loss, replica) for end, replica in chosen if end.is_near_jamming(max_loss)]
    return [replica for _, replica in sorted(near, key=lambda pair: pair[0])]


def ends(results: Sequence["Result"]) -> list[End]:
    """How each run of a sweep ended, in the order of `replicas`. The results are of kind "run"."""
    return [end_of(replica, result.spec["protocol"]["margin"]) for result in results for replica in replicas([result])]
