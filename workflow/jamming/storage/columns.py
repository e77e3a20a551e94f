"""The columns of each kind of result, and a check that a file holds them as they are declared here.

A declared column must hold numbers (or text) of the declared shape. A missing column is named as soon as something asks
for it. Other kinds and other columns pass.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..spec import Network
from .files import StoreError

AGAIN = "delete it and run the workflow again."
NUMBER, TEXT = "", "text"
MOST = 10**6  # a larger number in the settings is no size

_END = "margin n_weights n_delta loss n_dead dead_loss outlier_loss overlap bulk_loss fall bulk_fall gradient"
_OBSERVED = {f"n_train converged {_END}": NUMBER}
_LAYERS = {"density": "L B", "mass_at_zero": "L"}
_POWER_LAW, _RANK = "range_low range_high n_in_range sum_log", "n_eff gap tolerance bound n_zero_columns n_symmetries"

OF_FILE = {
    "pixels": {"images": "M 784", "digits": "M"},
    "dataset": {"inputs": "M d", "labels": "M"},
    "preactivations": {"threshold": NUMBER, "edges": "B+1"},
    "spectra": {"max_loss": NUMBER},
}
"""Kind → the columns at the root → their shape. Equal letters are equal sizes."""

OF_REPLICA = {
    "run": {
        "seed_data seed_initial converged steps_done n_params n_weights": NUMBER,
        "record/": {"step n_delta loss misclassified gradient_norm learning_rate test_error": "T"},
        "state/": {"step": "K", "params": "K Ñ"},
        "final/": {"delta output": "P"},
        "timing/": {"wall_time": "T"},
    },
    "line": {
        "status": TEXT,
        "n_star n_below": NUMBER,
        "attempts/": {"width n_weights n_delta loss misclassified steps fitted_at fitted": "A"},
        "timing/": {"seconds": "A"},
    },
    "gaps": _OBSERVED
    | {
        f"{side}/": {"edges": f"{side}+1", "counts": side, _POWER_LAW: NUMBER}
        for side in ("positive", "positive_by_loss", "negative")
    },
    "preactivations": _OBSERVED
    | {"n_cusp n_fresh": NUMBER, "train/": _LAYERS, "fresh/": _LAYERS}
    | {"plateau/": {"threshold": "K", "train_count fresh_count": "L K"}},
    "spectra": _OBSERVED
    | {"measured n_params n_hidden rank_h0 n_zero_hp n_negative_hp n_positive_hp n_negative_h": NUMBER}
    | {"zero_tolerance": NUMBER, "eigenvalues/": {"h0 hp h": "Ñ"}},
    "effective": _OBSERVED
    | {"n_params n_hidden n_eff_initial n_eff_final": NUMBER}
    | {
        f"{time}/": {f"{_RANK} n_vectors n_vectors_used": NUMBER, "singular_values": time}
        for time in ("initial", "final")
    },
}
"""The same for each replica. A name with a stroke is a group."""


class Group(dict):
    """A group of a file. Asking for a column that it does not hold raises StoreError with the file and the column."""

    def __init__(self, path: Path, place: str, tree: Mapping):
        super().__init__(
            (name, Group(path, f"{place}{name}/", value) if isinstance(value, Mapping) else value)
            for name, value in tree.items()
        )
        self._path, self._place = path, place

    def __missing__(self, name: str) -> object:
        raise StoreError(f"{self._path} has no column {self._place}{name}; {AGAIN}")


def check_columns(path: Path, kind: str, spec: Mapping, tree: Mapping) -> None:
    """Compare a tree with the declaration of its kind. Raises StoreError that names the file and the column."""
    sizes = _sizes(spec)
    _check(path, "", tree, OF_FILE.get(kind, {}), sizes)
    if kind in OF_REPLICA:
        found = sorted(name for name in tree if name.startswith("replica_"))
        if found != [f"replica_{number:02d}" for number in range(sizes.get("replicas", len(found)))]:
            raise StoreError(f"{path} holds other replicas than its settings say; {AGAIN}")
        for name in found:
            _check(path, "", tree, {f"{name}/": OF_REPLICA[kind]}, dict(sizes))


def _check(path: Path, place: str, tree: Mapping, declared: Mapping, sizes: dict[str, int]) -> None:
    for names, shape in declared.items():
        for name in names.split():
            value = tree.get(name.removesuffix("/"))
            if value is None:
                continue
            if isinstance(shape, Mapping):
                if not isinstance(value, Mapping):
                    raise StoreError(f"{path}: {place}{name} is no group; {AGAIN}")
                _check(path, f"{place}{name}", value, shape, sizes)
            elif (wrong := _wrong(value, shape, sizes)) is not None:
                raise StoreError(f"{path}: the column {place}{name} holds {wrong}; {AGAIN}")


def _wrong(value: object, shape: str, sizes: dict[str, int]) -> str | None:
    """What is wrong with a value, or None. Letters that stand for no size yet get one."""
    if isinstance(value, Mapping):
        return "other columns where numbers belong"
    if shape == TEXT:
        return None if isinstance(value, str) else "no text where text belongs"
    array, letters = np.asarray(value), shape.split()
    if array.dtype.kind not in "biuf":
        return "text where numbers belong"
    if array.ndim != len(letters):
        return f"{array.ndim} dimensions where {len(letters)} belong"
    right = tuple(_size(letter, found, sizes) for letter, found in zip(letters, array.shape, strict=True))
    return None if array.shape == right else f"numbers of shape {array.shape} where {right} belongs"


def _size(letter: str, found: int, sizes: dict[str, int]) -> int:
    """The right size for "784", "B" or "B+1", if `found` is the size in the file."""
    if letter.isdigit():
        return int(letter)
    name, _, more = letter.partition("+")
    return sizes.setdefault(name, found - int(more or 0)) + int(more or 0)


def _sizes(spec: Mapping) -> dict[str, int]:
    """The sizes that the settings of a result imply, as far as they are numbers: replicas, P, L, Ñ, d."""
    trained = spec.get("run", spec)
    try:
        network = Network(**trained["network"])
        sizes = {"P": trained["n_train"], "replicas": trained["replicas"]}
        numbers = (network.dim, network.width, network.depth, *sizes.values())
        if all(type(number) is int and 0 <= number < MOST for number in numbers):
            return sizes | {"L": network.depth, "Ñ": network.n_params, "d": network.dim}
    except (KeyError, TypeError):
        pass
    return {"d": spec["dim"]} if "dim" in spec else {}
