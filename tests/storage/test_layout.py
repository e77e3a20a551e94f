"""Paths of results: the kind and spec in a file give the path at which the rules put it."""

import json
from dataclasses import replace

import pytest

from jamming.config import load, read_lines, read_points
from jamming.storage import layout, store
from jamming.storage.results import places, read_results, without_paths

POINT = next(iter(read_points(load("smoke"))["relu_L3"].values()))
LINE = next(iter(read_lines(load("smoke"))["line_hinge_L2"].values()))
RUN, SEARCH = json.loads(POINT.to_json()), json.loads(LINE.to_json())


@pytest.mark.parametrize(
    ("kind", "spec", "place"),
    [
        ("run", RUN, "runs/relu_L3/P00080_h0007.h5"),
        ("line", SEARCH, "lines/line_hinge_L2/P00040.h5"),
        ("gaps", {"run": RUN, "settings": {}}, "observables/gaps/relu_L3/P00080_h0007.h5"),
        # One that was added as CONTRIBUTING.md says has a place as well.
        ("weights", {"run": RUN, "settings": {}}, "observables/weights/relu_L3/P00080_h0007.h5"),
        ("table", {"figure": "generalization/fig3"}, "tables/generalization/fig3.h5"),
        ("dataset", {"dataset": "random", "dim": 7}, "data/random_d7.h5"),
        ("pixels", {}, "../mnist/pixels.h5"),
    ],
)
def test_a_result_knows_its_place(kind, spec, place):
    assert layout.place_of(kind, spec) == place


def test_a_kind_without_a_place_is_refused():
    with pytest.raises(layout.LayoutError, match="'soup' have no known place"):
        layout.place_of("soup", {})


def test_inputs_are_found_by_the_name_of_their_hash():
    of_run = {"run": RUN, "settings": {}}
    assert layout.input_of("spectra", of_run, "run") == "runs/relu_L3/P00080_h0007.h5"
    assert layout.input_of("spectra", of_run, "dataset") == "data/random_d7.h5"
    assert layout.input_of("table", {}, "runs/a/b.h5") == "runs/a/b.h5"
    with pytest.raises(layout.LayoutError, match="made from 'x', which has no known place"):
        layout.input_of("run", RUN, "x")


def test_results_are_sorted_by_what_they_say_wherever_they_lie(tmp_path):
    others = [replace(POINT, n_train=n) for n in (300, 90)]
    given = [("run", json.loads(point.to_json())) for point in others]
    given += [("gaps", {"run": RUN, "settings": {}}), ("line", SEARCH)]
    paths = [tmp_path / f"{number}.h5" for number in range(len(given))]
    replicas = {f"replica_{number:02d}": {} for number in range(POINT.replicas)}
    for path, (kind, spec) in zip(paths, given, strict=True):
        store.write(path, kind, spec, {**replicas, "state": {"a": 1}, "n": 2}, {})
    found = read_results(paths)
    assert {kind: list(sweeps) for kind, sweeps in found.items()} == {
        "runs": ["relu_L3"],
        "gaps": ["relu_L3"],
        "lines": ["line_hinge_L2"],
    }
    runs = without_paths(found)["runs"]["relu_L3"]
    assert [run.spec["n_train"] for run in runs] == [300, 90], "in the order given"
    assert all(run.tree == {**replicas, "n": 2} for run in runs)
    assert places(found)["runs/relu_L3/P00300_h0007.h5"] == paths[0] and len(places(found)) == 4


def test_a_file_of_no_sweep_is_named(tmp_path):
    store.write(tmp_path / "table.h5", "table", {"figure": "fig1"}, {}, {})
    with pytest.raises(
        store.StoreError, match=r"table\.h5 holds 'table', not a result of a sweep; give the right file"
    ):
        read_results([tmp_path / "table.h5"])
