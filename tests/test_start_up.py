"""What a job loads before it works: with hundreds of jobs that take seconds, time must not go into imports."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from test_training import POINT
from test_transition import CROSS_ENTROPY
from test_transition import POINT as LINE_POINT

import jamming
from jamming import datasets, store

PACKAGE = str(Path(jamming.__file__).resolve().parents[1])


def imported_by(words, **more):
    """The names of all modules that a verb imports, from Python's own account of them."""
    environment = {**os.environ, "PYTHONPATH": PACKAGE, **more}
    command = [sys.executable, "-X", "importtime", "-m", "jamming", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return {line.split("|")[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


@pytest.fixture
def dataset(tmp_path):
    path = tmp_path / "random.h5"
    spec = {"dataset": "random", "dim": 5, "n_patterns": 600, "seed": 1}
    store.write(path, "dataset", spec, datasets.generate("random", 5, 600, 1), {})
    return path


def job(verb, point, tmp_path, *more):
    return [verb, "--spec", point.to_json(), *more, "--device", "cpu", "--out", tmp_path / "out.h5"]


SHORT = replace(POINT, protocol=replace(POINT.protocol, steps=20), replicas=1)
HEAVY = {"torch", "scipy", "matplotlib", "jsonschema", "yaml", "rich"}


def test_training_imports_numpy_and_h5py_only(dataset, tmp_path):
    imported = imported_by(job("train", SHORT, tmp_path, "--data", dataset))
    assert {"numpy", "h5py"} <= imported and not HEAVY & imported
    assert store.read(tmp_path / "out.h5", "run").provenance["backend"].startswith("compiled")


@pytest.mark.parametrize("protocol", [LINE_POINT.protocol, CROSS_ENTROPY], ids=["hinge", "cross-entropy"])
def test_a_search_imports_numpy_and_h5py_only(protocol, tmp_path):
    point = replace(LINE_POINT, protocol=replace(protocol, steps=20))
    imported = imported_by(job("find-transition", point, tmp_path))
    assert {"numpy", "h5py"} <= imported and not HEAVY & imported


def test_torch_is_imported_where_it_trains(dataset, tmp_path):
    words = job("train", SHORT, tmp_path, "--data", dataset)
    assert "torch" in imported_by([*words, "--backend", "torch"])


def test_a_measurement_imports_what_it_needs(dataset, tmp_path):
    """Pre-activations are counted with numpy, gaps are fitted with scipy; neither draws or trains."""
    imported_by(job("train", SHORT, tmp_path, "--data", dataset))
    run, out = ["--run", tmp_path / "out.h5"], ["--out", tmp_path / "measured.h5"]
    settings = ["--settings", json.dumps({"cusp_threshold": 1e-4})]
    imported = imported_by(["measure-preactivations", *settings, *run, "--data", dataset, *out])
    assert not HEAVY & imported
    settings = ["--settings", json.dumps({"theta_range": [0.01, 0.3], "gamma_range": [0.01, 0.5]})]
    assert not (HEAVY - {"scipy"}) & imported_by(["measure-gaps", *settings, *run, *out])
