"""Datasets. `generate` makes each of them once per preset; `split` gives each run its training set and fresh data."""

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import numpy as np

from ..storage import store
from . import mnist
from .errors import DatasetError, FetchError

__all__ = ["DatasetError", "FetchError", "Split", "generate", "pool", "split"]


@dataclass(frozen=True)
class Split:
    """A training set and the patterns outside it.

    Inputs are float64, (P, dim) and (M − P, dim), with |x| = √dim; labels are float64 ±1, (P,) and (M − P,).
    `has_test` tells whether a test error has a meaning. Random labels cannot be predicted, so random data has fresh
    patterns but no test error.
    """

    train_inputs: np.ndarray
    train_labels: np.ndarray
    test_inputs: np.ndarray
    test_labels: np.ndarray
    has_test: bool


def generate(name: str, dim: int, n_patterns: int | None, seed: int, pixels: store.Result | None = None) -> dict:
    """The tree of a "dataset" file: inputs (M, dim) float64 and labels (M,) int8.

    `name` is a pool such as "random", with M = n_patterns, or "mnist". "mnist" has all M images of `pixels` (a result
    of kind "pixels"); its `n_patterns` is None or M. Raises DatasetError for anything else.
    """
    if name == "mnist":
        if pixels is None:
            raise DatasetError("the dataset 'mnist' needs the pixels; make the file of kind 'pixels' first.")
        images, digits = pixels.tree["images"], pixels.tree["digits"]
        if n_patterns not in (None, len(images)):
            raise DatasetError(f"n_patterns = {n_patterns} for 'mnist' is impossible; it always has {len(images)}.")
        inputs, labels = mnist.principal_components(images, digits, dim, seed)
    else:
        if n_patterns is None:
            raise DatasetError(f"{name} data needs n_patterns; give a number of at least 2.")
        inputs, labels = pool(name).generate(dim, n_patterns, seed)
    return {"inputs": inputs, "labels": labels}


def pool(name: str) -> ModuleType:
    """The module of a pool, which is a data set drawn from a distribution.

    It has a function `generate(dim, n_patterns, seed)`, and `LEARNABLE` = True if its labels can be predicted, so that
    a test error has a meaning. It is imported by its name, so that a new pool trains no network again. Raises
    DatasetError for an unknown one.
    """
    try:
        module = import_module(f".{name}", __name__)
        module.generate  # noqa: B018
    except (ImportError, AttributeError):
        raise DatasetError(f"there is no dataset '{name}'; take 'random' or 'mnist'.") from None
    return module


def split(dataset: store.Result, n_train: int, seed: int) -> Split:
    """The training set of `n_train` patterns, and the rest. It depends on the dataset, n_train and the seed alone.

    Pools: the training set is drawn without replacement, with both labels in equal numbers (±1), in random order. The
    rest is the fresh data. At most half of the pool may be drawn. Two runs share a fraction n_train/M of their patterns
    on average, so the pool should be at least ten times larger.

    mnist: the training set is the first n_train patterns. Both parts are centred with the training mean and projected
    to |x| = √dim. The seed is not used: replicas differ in their initial state only.

    Raises DatasetError if the dataset cannot give such a training set.
    """
    name = dataset.spec["dataset"]
    inputs, labels = dataset.tree["inputs"], dataset.tree["labels"]
    largest = len(labels) if name == "mnist" else len(labels) // 2
    if not 2 <= n_train <= largest:
        raise DatasetError(
            f"a training set of P = {n_train} cannot be drawn from the {len(labels)} patterns of '{name}'; "
            f"P must be between 2 and {largest}{'' if name == 'mnist' else ' (half of the pool)'}."
        )
    if name == "mnist":
        train, test = slice(0, n_train), slice(n_train, None)
        centre = inputs[train].mean(axis=0)
        train_inputs, test_inputs = mnist.onto_sphere(inputs[train], centre), mnist.onto_sphere(inputs[test], centre)
    else:
        train, test = _draw(labels, n_train, seed)
        train_inputs, test_inputs = inputs[train], inputs[test]
    return Split(
        train_inputs=train_inputs,
        train_labels=labels[train].astype(np.float64),
        test_inputs=test_inputs,
        test_labels=labels[test].astype(np.float64),
        has_test=len(test_inputs) > 0 and (name == "mnist" or getattr(pool(name), "LEARNABLE", False)),
    )


def _draw(labels: np.ndarray, n_train: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of a balanced training set, in random order, and of the patterns left, in the order of the pool."""
    generator = np.random.default_rng(seed)
    n_plus = n_train // 2 + (n_train % 2 and int(generator.integers(2)))
    drawn = []
    for sign, n_drawn in ((1, n_plus), (-1, n_train - n_plus)):
        pool = np.flatnonzero(labels == sign)
        if pool.size < n_drawn:
            raise DatasetError(
                f"{n_drawn} patterns with label {sign:+d} are needed and the pool holds {pool.size}; "
                "make a pool with both labels in equal numbers."
            )
        drawn.append(generator.choice(pool, n_drawn, replace=False))
    train = generator.permutation(np.concatenate(drawn))
    left = np.ones(labels.size, dtype=bool)
    left[train] = False
    return train, np.flatnonzero(left)
