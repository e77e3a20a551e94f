"""A result with another point's name, or with other settings than its sweep, is refused by name."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest

from helpers.made_runs import point_for
from helpers.small_trainings import LINE_POINT, POINT, random_patterns
from jamming.__main__ import main
from jamming.spec import Network
from jamming.storage import layout, store
from jamming.storage.asked import check_asked
from jamming.storage.results import read_results


def write(folder, point, kind="run"):
    spec = json.loads(point.to_json())
    spec = spec if kind == "run" else {"run": spec, "settings": {}}
    path = folder / layout.place_of(kind, spec)
    store.write(path, kind, spec, {f"replica_{number:02d}": {} for number in range(point.replicas)}, {})
    return path


@pytest.fixture
def points():
    first = point_for(Network(dim=5, width=8, depth=2, activation="relu"), n_train=80)
    return [first, dataclasses.replace(first, n_train=204)]


@pytest.mark.parametrize("kind", ["run", "gaps"])
def test_what_was_asked_for_is_accepted(tmp_path, points, kind):
    paths = [write(tmp_path, point, kind) for point in points]
    assert len(read_results(paths)[layout.asked_as(kind)][points[0].sweep]) == 2


@pytest.mark.parametrize("kind", ["run", "gaps"])
def test_a_result_under_the_name_of_another_point_is_refused(tmp_path, points, kind):
    first, second = (write(tmp_path, point, kind) for point in points)
    shutil.copy(second, first)
    with pytest.raises(store.StoreError, match=r"P00080_h0008\.h5 holds what belongs in .*P00204_h0008\.h5; delete"):
        read_results([first, second])


def test_a_result_of_another_sweep_is_refused(tmp_path, points):
    path = write(tmp_path, points[0])
    shutil.copytree(path.parent, path.parents[1] / "another")
    with pytest.raises(store.StoreError, match=r"another/P00080_h0008\.h5 holds what belongs in"):
        read_results([path.parents[1] / "another" / path.name])


@pytest.mark.parametrize("change", [{"seed": 7}, {"replicas": 9}, {"dtype": "float32"}, {"protocol": {"steps": 7}}])
@pytest.mark.parametrize("kind", ["run", "gaps"])
def test_a_result_of_other_settings_is_refused(tmp_path, points, change, kind):
    """As if it were copied from another preset, in which a point has the same name."""
    first, second = points
    if "protocol" in change:
        change = {"protocol": dataclasses.replace(second.protocol, **change["protocol"])}
    paths = [write(tmp_path, first, kind), write(tmp_path, dataclasses.replace(second, **change), kind)]
    with pytest.raises(store.StoreError, match=r"P00204_h0008\.h5 was made with other settings than .*P00080_h0008"):
        read_results(paths)


@pytest.mark.parametrize("spec", [{}, {"sweep": "relu_L2"}, {"sweep": 3, "network": []}, {"run": []}, {"line": {}}])
def test_a_result_that_does_not_say_what_it_is_is_refused(tmp_path, spec):
    path = tmp_path / "P00080_h0008.h5"
    with pytest.raises(store.StoreError, match=r"P00080_h0008\.h5 does not say which result it holds"):
        check_asked({path: store.Result("run", spec, {}, {})})


def test_files_with_names_of_their_own_are_left_alone(tmp_path, points):
    check_asked({tmp_path / "mine.h5": store.Result("run", json.loads(points[0].to_json()), {}, {})})


@pytest.mark.parametrize("spec", [{"dataset": "random", "dim": 6}, {"dataset": "mnist", "dim": 5}, {"dim": 5}, {}])
@pytest.mark.parametrize("verb", ["train", "find-transition"])
def test_a_training_refuses_another_dataset(tmp_path, capsys, verb, spec):
    """As if random_d6.h5 were copied over random_d5.h5."""
    point = POINT if verb == "train" else dataclasses.replace(LINE_POINT, dataset="random")
    data, out = tmp_path / "random_d5.h5", tmp_path / "out.h5"
    tree = random_patterns().tree
    store.write(data, "dataset", spec, tree | {"inputs": np.zeros((2000, spec.get("dim", 5)))}, {})
    words = ["--spec", point.to_json(), "--data", str(data), "--device", "cpu", "--out", str(out)]
    assert main([verb, *words]) == 1
    says = (
        r"holds what belongs in \S+, but data/random_d5\.h5 is needed; give" if len(spec) == 2 else "does not say which"
    )
    assert re.match(rf"jamming {verb}: \S+/random_d5\.h5 {says}", capsys.readouterr().err)
    assert not out.exists()
