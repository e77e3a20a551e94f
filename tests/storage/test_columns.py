"""Columns that are missing, hold text or have another shape: whoever reads them names the file and the column."""

import copy
import re
from pathlib import Path

import numpy as np
import pytest

from helpers import synthetic
from helpers.made_runs import dataset_for
from jamming.__main__ import main
from jamming.spec import Network
from jamming.storage import columns, layout, store


@pytest.fixture(scope="module")
def results():
    """One result of each kind, with everything that a file of this kind can hold measured."""
    made = synthetic.make_results(width=4, n_points=4, replicas=2)
    found = {}
    for kind, sweeps in made.items():
        found[layout.asked_as(kind)] = max(
            (one for of in sweeps.values() for one in of), key=lambda one: len(leaves(one.tree))
        )
    found["dataset"] = dataset_for(Network(3, 4, 2, "relu"), 20)
    pixels = {"images": np.zeros((5, 784), np.uint8), "digits": np.zeros(5, np.uint8)}
    return found | {"pixels": store.Result("pixels", {}, {}, pixels)}


PATH = Path("folder/result.h5")
KINDS = ("runs", "lines", "gaps", "preactivations", "spectra", "effective", "dataset", "pixels")


def leaves(tree, before=()):
    """The place of each number, text and array of a tree."""
    if not isinstance(tree, dict):
        return [before]
    return [place for name, value in tree.items() for place in leaves(value, (*before, name))]


def at(tree, place):
    for name in place:
        tree = tree[name]
    return tree


def changed(result, place, change):
    """The tree of the result with one column changed; a change to None leaves the column out."""
    tree = copy.deepcopy(result.tree)
    group = at(tree, place[:-1])
    value = change(group.pop(place[-1]))
    if value is not None:
        group[place[-1]] = value
    return tree


def check(result, tree):
    """As `store.read` does, without the time of writing and reading."""
    columns.check_columns(PATH, result.kind, result.spec, tree)
    return columns.Group(PATH, "", tree)


def declared(kind, place):
    """Whether a column stands in the declaration of its kind."""
    known = columns.OF_REPLICA[kind] if place[0].startswith("replica_") else columns.OF_FILE.get(kind, {})
    for name in place[place[0].startswith("replica_") :]:
        found = {one.rstrip("/"): shape for names, shape in known.items() for one in names.split()}
        known = found.get(name)
        if known is None:
            return False
    return True


def as_text(value):
    return np.full(value.shape, "x") if np.ndim(value) else "x" if not isinstance(value, str) else 3.0


def with_another_dimension(value):
    return np.array([value, value]) if not isinstance(value, str) else np.array([1.0])


def in_a_group(value):
    return {"value": value}


@pytest.mark.parametrize("change", [as_text, with_another_dimension, in_a_group])
@pytest.mark.parametrize("kind", KINDS)
def test_a_column_of_another_type_or_shape_is_named(results, kind, change):
    result = results[kind]
    for place in leaves(result.tree):
        assert declared(result.kind, place), place
        with pytest.raises(store.StoreError, match=rf"result\.h5: the column {'/'.join(place)} holds .*; delete it"):
            check(result, changed(result, place, change))


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_of_another_length_is_named(results, kind):
    """Or another column, from which its length differs."""
    result = results[kind]
    for place in leaves(result.tree):
        value = at(result.tree, place)
        if not np.ndim(value) or place[-1] == "singular_values":
            continue
        tree = changed(result, place, lambda value: np.concatenate([value, value[:1]]))
        with pytest.raises(store.StoreError, match=r"result\.h5: the column \S+ holds numbers of shape"):
            check(result, tree)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_column_is_named_by_whoever_asks_for_it(results, kind):
    result = results[kind]
    for place in leaves(result.tree):
        found = check(result, changed(result, place, lambda value: None))
        with pytest.raises(store.StoreError, match=rf"result\.h5 has no column {'/'.join(place)}; delete it"):
            at(found, place)


def test_a_replica_more_or_less_is_refused(results, tmp_path):
    result = results["runs"]
    for tree in (
        {"replica_00": {}},
        {f"replica_{number:02d}": {} for number in range(3)},
        {"replica_00": {}, "replica_1": {}},
    ):
        store.write(tmp_path / "result.h5", "run", result.spec, tree, {})
        with pytest.raises(store.StoreError, match=r"result\.h5 holds other replicas than its settings say"):
            store.read(tmp_path / "result.h5", "run")


@pytest.mark.parametrize(
    "network", [3, {}, {"dim": "a", "width": 10**12, "depth": 2, "activation": "relu"}, {"dim": [], "width": {}}]
)
def test_settings_that_imply_no_sizes_pass(results, tmp_path, network):
    """They are refused by name elsewhere (`asked`)."""
    result = results["runs"]
    store.write(tmp_path / "result.h5", "run", {**result.spec, "network": network}, result.tree, {})
    assert store.read(tmp_path / "result.h5", "run").tree.keys() == result.tree.keys()


def test_kinds_and_columns_without_a_declaration_pass(results, tmp_path):
    store.write(tmp_path / "a.h5", "mine", {}, {"replica_07": {"loss": "text"}}, {})
    assert store.read(tmp_path / "a.h5", "mine").tree == {"replica_07": {"loss": "text"}}
    run = results["runs"]
    store.write(tmp_path / "b.h5", "run", run.spec, {**run.tree, "mine": np.array(["text"])}, {})
    assert store.read(tmp_path / "b.h5", "run").tree["mine"] == ["text"]


@pytest.mark.parametrize("verb", ["tabulate", "explore"])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda value: None, "has no column replica_01/record/n_delta; delete it"),
        (as_text, "the column replica_01/record/n_delta holds text where numbers belong; delete it"),
    ],
    ids=["missing", "text"],
)
def test_a_table_and_the_page_say_it_in_one_sentence(results, tmp_path, capsys, verb, change, says):
    result = results["runs"]
    path = tmp_path / layout.place_of("run", result.spec)
    store.write(path, "run", result.spec, changed(result, ("replica_01", "record", "n_delta"), change), {})
    words = ["--inputs", str(path), "--preset", "x", "--out", str(tmp_path / "out")]
    if verb == "tabulate":
        words += ["fig6", "--settings", synthetic.SETTINGS]
    assert main([verb, *words]) == 1
    assert re.fullmatch(rf"jamming {verb}: \S+\.h5:? {says} .*\n", capsys.readouterr().err)
