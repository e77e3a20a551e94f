"""Read the result files that a command was given, and sort them by kind and sweep."""

from collections.abc import Collection, Iterable
from pathlib import Path

from . import layout, store
from .asked import check_asked
from .store import Result

Found = dict[str, dict[str, dict[Path, Result]]]


def read_results(paths: Iterable[Path], skip: Collection[str] = ("state",)) -> Found:
    """The results as `found[kind][sweep][path]`, in the order of the paths, with the kinds of tables ("runs", "gaps").

    States are skipped, since only observables read them. Raises StoreError for a file that is missing or damaged, that
    is no result of a point of a sweep or line, or that holds another point than its name says.
    """
    found: Found = {}
    for path in paths:
        result = store.read(path, None, skip)
        try:
            sweep = layout.sweep_of(result.spec)
        except (KeyError, TypeError):
            raise store.StoreError(
                f"{path} holds '{result.kind}', not a result of a sweep; give the right file."
            ) from None
        found.setdefault(layout.asked_as(result.kind), {}).setdefault(sweep, {})[path] = result
    for sweeps in found.values():
        for of_sweep in sweeps.values():
            check_asked(of_sweep)
    return found


def without_paths(found: Found) -> dict[str, dict[str, list[Result]]]:
    """The results as `results[kind][sweep]`, a list for each sweep."""
    return {kind: {sweep: list(of.values()) for sweep, of in sweeps.items()} for kind, sweeps in found.items()}


def places(found: Found) -> dict[str, Path]:
    """{place in results/<preset>: path} of all files. The provenance of a result names its inputs by these places."""
    return {
        layout.place_of(result.kind, result.spec): path
        for sweeps in found.values()
        for results in sweeps.values()
        for path, result in results.items()
    }
