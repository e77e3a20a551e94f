"""The imports of a job: with hundreds of short jobs, imports must not take most of the time."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import jamming
from helpers.small_trainings import CROSS_ENTROPY, LINE_POINT, POINT
from jamming import commands, datasets
from jamming.__main__ import main
from jamming.storage import store

PACKAGE = str(Path(jamming.__file__).resolve().parents[1])


AND_SAY = "import sys; from jamming.__main__ import main; code = main(); print(*sys.modules); sys.exit(code)"


def imported_by(words, **more):
    """The names of all modules that a process which does a verb has imported at its end."""
    environment = {**os.environ, "PYTHONPATH": PACKAGE, **more}
    done = subprocess.run(
        [sys.executable, "-c", AND_SAY, *map(str, words)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return set(done.stdout.splitlines()[-1].split())


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


def test_gaps_preactivations_and_spectra_import_numpy_and_h5py_only(dataset, tmp_path):
    imported_by(job("train", SHORT, tmp_path, "--data", dataset))
    run, out = ["--run", tmp_path / "out.h5"], ["--out", tmp_path / "measured.h5"]
    settings = {"theta_range": [0.01, 0.3], "gamma_range": [0.01, 0.5], "cusp_threshold": 1e-4}
    settings = ["--settings", json.dumps({**settings, "max_loss": 1e3, "max_spectra": 1})]
    for verb, more in (("gaps", []), ("preactivations", ["--data", dataset]), ("spectra", ["--data", dataset])):
        imported = imported_by(["measure", verb, *settings, *run, *more, *out])
        assert {"numpy", "h5py"} <= imported and not (HEAVY | {"importlib.metadata"}) & imported, verb
    measured = store.read(tmp_path / "measured.h5", "spectra")
    assert measured.tree["replica_00"]["measured"] and set(measured.provenance["packages"]) == {"numpy", "h5py"}


def test_a_job_imports_the_verbs_of_stages_up_to_its_own(dataset, tmp_path):
    imported = imported_by(job("train", SHORT, tmp_path, "--data", dataset))
    assert {name for name in imported if name.startswith("jamming.commands.")} == {
        "jamming.commands.training",
        "jamming.commands.parser",
    }


def test_help_and_a_mistake_name_all_verbs(capsys):
    for words in (["--help"], ["no-such-verb"], []):
        with pytest.raises(SystemExit):
            main(words)
        said = "".join(capsys.readouterr())
        assert not words or ("train" in said and "plan" in said)
    with pytest.raises(SystemExit):
        main(["--help"])
    people, rules = capsys.readouterr().out.split("verbs for rules and make:")
    assert "    provenance " in people and "    plan " in people and "train" not in people and "train, " in rules
    listed = {path.stem for path in Path(commands.__file__).parent.glob("*.py")} - {"__init__", "parser"}
    assert set(commands.STAGES) == listed and len(commands.STAGES) == len(listed)
