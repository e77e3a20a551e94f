"""Results as a command takes them: a list of files, sorted by what each says of itself."""

from collections.abc import Collection, Iterable
from pathlib import Path

from . import layout, store
from .asked import check_asked
from .store import Result

Found = dict[str, dict[str, dict[Path, Result]]]


def read_results(paths: Iterable[Path], skip: Collection[str] = ("state",)) -> Found:
    """`found[kind][sweep][path]`, in the order of the paths, with kinds as tables ask for them ("runs", "gaps").

    States, which only observables read, are left out. Raises StoreError for a file that is missing, damaged, no result
    of a point of a sweep or line, or of another point than its name says.
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
    """`results[kind][sweep]`, the list of a sweep's results."""
    return {kind: {sweep: list(of.values()) for sweep, of in sweeps.items()} for kind, sweeps in found.items()}


def places(found: Found) -> dict[str, Path]:
    """The path of each file by its place in results/<preset>, under which a result keeps the hashes of its inputs."""
    return {
        layout.place_of(result.kind, result.spec): path
        for sweeps in found.values()
        for results in sweeps.values()
        for path, result in results.items()
    }
