"""A made-up folder of results as the workflow leaves it, with files that record their inputs."""

import json

import numpy as np

from helpers import synthetic
from jamming import inventory, tables
from jamming.storage import store
from jamming.storage.layout import PIXELS, place_of

PRESET = "smoke"
SETTINGS = {
    "max_loss": synthetic.MAX_LOSS,
    "n_bootstrap": 20,
    "seed": 1,
    "drawn_network": {"dim": 5, "depth": 3, "width": 6},
}
MADE = {
    "jamming": "0.1.0",
    "python": "3.11.0",
    "packages": {"numpy": "2.4.6"},
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "dirty": False,
    "command": ["__main__.py"],
    "threads": 1,
    "device": "cpu",
    "written": "2020-01-01T00:00:00+00:00",
}


def make_folder(results, replicas=1, figures=None):
    """Write data, runs, lines, observables and tables to `results`; return them as read, {place: Result}.

    The tables are those of `figures`, else all.
    """
    made = {}

    def write(kind, spec, tree, inputs):
        place = place_of(kind, spec)
        hashes = {name: store.sha256_of(results / where) for name, where in inputs.items()}
        store.write(results / place, kind, spec, tree, {**MADE, "inputs": hashes})
        made[place] = store.read(results / place, kind)

    write("pixels", {"dataset": "mnist", "source": "a folder of mine"}, {"digits": np.arange(3)}, {})
    found = synthetic.make_results(width=4, n_points=4, replicas=replicas)
    for kind, sweeps in found.items():
        for result in (result for results_of in sweeps.values() for result in results_of):
            run = result.spec.get("run", result.spec)
            data = _dataset(run) if kind != "lines" else _line_dataset(run)
            if data and place_of("dataset", data) not in made:
                inputs = {"pixels": PIXELS} if data["dataset"] == "mnist" else {}
                write("dataset", data, {"labels": np.array([1, -1])}, inputs)
            inputs = {"dataset": place_of("dataset", data)} if data else {}
            if "run" in result.spec:
                place = place_of("run", run)
                # The effective number of parameters is made up without runs.
                if place not in made:
                    write(
                        "run", run, {name: {"seed_data": 1, "seed_initial": 2} for name in _replicas_of(result)}, inputs
                    )
                inputs = {"run": place} if kind == "gaps" else {"run": place, **inputs}
            write(result.kind, result.spec, result.tree, inputs)
    analysis = tables.Analysis.from_settings(SETTINGS)
    for figure in inventory.figures() if figures is None else figures:
        module = inventory.module_of(figure)
        needs = tables.needs(module)
        places = [
            place_of(result.kind, result.spec)
            for kind, sweeps in needs.items()
            for sweep in sweeps
            for result in found[kind][sweep]
        ]
        tree = tables.tabulate(module, found, analysis)
        spec = {"figure": figure, "preset": PRESET, "settings": SETTINGS}
        write("table", spec, tree, {place: place for place in places})
    return made


def explored(made):
    """The places of the runs, lines, gaps and spectra that the explorer reads."""
    shown = ("runs/", "lines/", "observables/gaps/", "observables/spectra/")
    # Runs that stand behind an observable without having been trained have nothing to draw.
    return [place for place in made if place.startswith(shown) and not place.startswith("runs/mnist_L3/")]


def make_claims(results, made):
    """A claims.json with one claim that was measured on two runs."""
    places = [place for place in made if place.startswith("runs/relu_L2/")][:2]
    claim = {
        "id": "jump",
        "statement": "N_Δ/N jumps at the transition",
        "published": "0.75",
        "unit": "",
        "value": 0.72,
        "verdict": "reproduced",
        "inputs": {place: store.sha256_of(results / place) for place in places},
    }
    document = {"preset": PRESET, "commit": MADE["commit"], "dirty": False, "package": "0.1.0", "claims": [claim]}
    (results / "claims.json").write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return places


def _replicas_of(result):
    return [name for name in result.tree if name.startswith("replica_")]


def _dataset(run):
    if run["dataset"] == "random":
        return {"dataset": "random", "dim": run["network"]["dim"], "n_patterns": 4000, "seed": 1}
    return {"dataset": "mnist", "dim": run["network"]["dim"], "seed": 1}


def _line_dataset(line):
    return {"dataset": "mnist", "dim": line["dim"], "seed": 1} if line["dataset"] == "mnist" else {}
