"""Verbs that measure observables of finished runs."""

import argparse
import json

from .. import store
from .verbs import Verbs


def measure_gaps(arguments: argparse.Namespace) -> None:
    from ..observables import gaps

    settings = json.loads(arguments.settings)
    run = store.read(arguments.run, "run", skip=("state",))
    tree = gaps.measure(run, tuple(settings["theta_range"]), tuple(settings["gamma_range"]))
    _write_observable(arguments, "gaps", settings, run, tree)


def measure_preactivations(arguments: argparse.Namespace) -> None:
    from ..observables import preactivations

    settings = json.loads(arguments.settings)
    run, dataset = store.read(arguments.run, "run"), store.read(arguments.data, "dataset")
    tree = preactivations.measure(run, dataset, threshold=settings["cusp_threshold"])
    _write_observable(arguments, "preactivations", settings, run, tree)


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


def add_verbs(verbs: Verbs) -> None:
    verbs.add(measure_gaps, "measure the distributions of Δ", "settings", "run", "out")
    verbs.add(measure_preactivations, "measure pre-activations and the mass at zero", "settings", "run", "data", "out")
    verbs.add(measure_spectra, "measure the spectra of H_0, H_p and H", "settings", "run", "data", "out")
    verbs.add(measure_effective, "measure the effective number of parameters", "run", "data", "out")
