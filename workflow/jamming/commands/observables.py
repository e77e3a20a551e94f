"""The verb that measures an observable on finished runs. Every module of `observables` is one."""

import argparse
import json
from importlib import import_module
from pathlib import Path

from .. import inventory
from ..storage import store
from ..storage.asked import check_asked
from .parser import Verbs


def measure(arguments: argparse.Namespace) -> None:
    """Measure an observable on each run. Raises ValueError if the numbers of --run and --out differ."""
    kind, settings = arguments.kind, json.loads(arguments.settings)
    observable = inventory.observable(kind)
    if len(arguments.run) != len(arguments.out):
        raise ValueError(f"there are {len(arguments.run)} --run and {len(arguments.out)} --out; give one for each.")
    if observable.reads_data and arguments.data is None:
        raise ValueError(f"the observable '{kind}' needs --data, the dataset of the runs; give it.")
    module = import_module(f"..observables.{kind}", __package__)
    files = {"dataset": arguments.data} if observable.reads_data else {}
    data = [store.read(path, "dataset") for path in files.values()]
    for path, out in zip(arguments.run, arguments.out, strict=True):
        run = store.read(path, "run", skip=getattr(module, "UNREAD", ()))
        check_asked({path: run})
        tree = module.measure(run, *data, **{name: settings[name] for name in observable.settings})
        spec = {"run": run.spec, "settings": settings}
        store.write(out, kind, spec, tree, store.provenance({"run": path, **files}, arguments.threads))


def add_verbs(verbs: Verbs) -> None:
    added = verbs.add(measure, "measure an observable of runs", "settings")
    added.add_argument("kind", help="the observable: gaps, preactivations, spectra, effective")
    added.add_argument("--run", required=True, type=Path, nargs="+", help="runs on the same dataset")
    added.add_argument("--data", type=Path, help="the dataset of the runs, if the observable needs it")
    added.add_argument("--out", required=True, type=Path, nargs="+", help="files to write, one for each run")
