"""Verbs that measure observables of finished runs."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from ..storage import store
from .parser import Verbs


def measure_gaps(arguments: argparse.Namespace) -> None:
    from ..observables import gaps

    settings = json.loads(arguments.settings)
    for one in _one_by_one(arguments):
        run = store.read(one.run, "run", skip=("state",))
        tree = gaps.measure(run, tuple(settings["theta_range"]), tuple(settings["gamma_range"]))
        _write_observable(one, "gaps", settings, run, tree)


def measure_preactivations(arguments: argparse.Namespace) -> None:
    from ..observables import preactivations

    settings, dataset = json.loads(arguments.settings), store.read(arguments.data, "dataset")
    for one in _one_by_one(arguments):
        run = store.read(one.run, "run")
        tree = preactivations.measure(run, dataset, threshold=settings["cusp_threshold"])
        _write_observable(one, "preactivations", settings, run, tree)


def measure_spectra(arguments: argparse.Namespace) -> None:
    from ..observables import spectra

    settings = json.loads(arguments.settings)
    run, dataset = store.read(arguments.run, "run"), store.read(arguments.data, "dataset")
    tree = spectra.measure(run, dataset, max_loss=settings["max_loss"], max_runs=settings["max_spectra"])
    _write_observable(arguments, "spectra", settings, run, tree)


def measure_effective(arguments: argparse.Namespace) -> None:
    from ..observables import effective

    run, dataset = store.read(arguments.run, "run"), store.read(arguments.data, "dataset")
    _write_observable(arguments, "effective", {}, run, effective.measure(run, dataset))


def _write_observable(arguments: argparse.Namespace, kind: str, settings: dict, run: store.Result, tree: dict) -> None:
    files = {"run": arguments.run, **({"dataset": arguments.data} if "data" in arguments else {})}
    spec = {"run": run.spec, "settings": settings}
    store.write(arguments.out, kind, spec, tree, store.provenance(files, arguments.threads))


def _one_by_one(arguments: argparse.Namespace) -> Iterator[argparse.Namespace]:
    """The arguments with each --run and its --out in turn. Raises ValueError if these are not as many."""
    if len(arguments.run) != len(arguments.out):
        raise ValueError(f"there are {len(arguments.run)} --run and {len(arguments.out)} --out; give one for each.")
    for run, out in zip(arguments.run, arguments.out, strict=True):
        yield argparse.Namespace(**{**vars(arguments), "run": run, "out": out})


def _add_lists(added: argparse.ArgumentParser) -> None:
    added.add_argument("--run", required=True, type=Path, nargs="+", help="runs on the same data")
    added.add_argument("--out", required=True, type=Path, nargs="+", help="as many files to write")


def add_verbs(verbs: Verbs) -> None:
    _add_lists(verbs.add(measure_gaps, "measure the distributions of Δ", "settings"))
    _add_lists(verbs.add(measure_preactivations, "measure pre-activations and the mass at zero", "settings", "data"))
    verbs.add(measure_spectra, "measure the spectra of H_0, H_p and H", "settings", "run", "data", "out")
    verbs.add(measure_effective, "measure the effective number of parameters", "run", "data", "out")
