"""A check that a file holds the results of the point, sweep or line in its name."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Protocol

from . import layout
from .store import Result, StoreError

POINT = re.compile(r"P\d+(_h\d+)?")
AGAIN = "delete it and run the workflow again."


class Described(Protocol):
    """A result, or what was kept of it."""

    kind: str
    spec: dict


def check_asked(found: Mapping[Path, Described]) -> None:
    """Compare each result with the path of its file, and with the other results of its sweep.

    Points of a sweep differ in P and width alone. So this also finds a file from a run with other settings. Files that
    are not named like a point are not checked. Raises StoreError that names the file.
    """
    settings: dict[tuple[str, str], tuple[Path, object]] = {}
    for path, result in found.items():
        if not POINT.fullmatch(path.stem):
            continue
        check_place(path, result)
        sweep, shared = layout.sweep_of(result.spec), _shared(result.spec)
        first, same = settings.setdefault((result.kind, sweep), (path, shared))
        if same != shared:
            raise StoreError(
                f"{path} was made with other settings than {first}; delete the wrong one and run the workflow again."
            )


def check_place(path: Path, result: Described) -> None:
    """Compare the kind and the settings in a file with its path. Raises StoreError that names the file."""
    try:
        place = layout.place_of(result.kind, result.spec)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise StoreError(f"{path} does not say which result it holds; {AGAIN}") from None
    parts = PurePath(place).parts
    if path.absolute().parts[-len(parts) :] != parts:
        raise StoreError(f"{path} holds what belongs in {place}; {AGAIN}")


def check_dataset(path: Path, dataset: Result, kind: str, spec: Mapping) -> None:
    """Check that a run or line with this spec is trained on this dataset. Raises StoreError that names the file."""
    try:
        found, needed = layout.place_of(dataset.kind, dataset.spec), layout.input_of(kind, spec, "dataset")
    except (KeyError, TypeError):
        raise StoreError(f"{path} does not say which dataset it holds; {AGAIN}") from None
    if found != needed:
        raise StoreError(f"{path} holds what belongs in {found}, but {needed} is needed; give the right file.")


def _shared(spec: Mapping) -> dict:
    """The settings that all points of a sweep or line share, from the spec of a point or of an observable of it."""
    trained = spec.get("run", spec)
    shared = {name: value for name, value in trained.items() if name != "n_train"}
    if "network" in shared:
        shared["network"] = {**trained["network"], "width": None}
    return {**spec, "run": shared} if "run" in spec else shared
