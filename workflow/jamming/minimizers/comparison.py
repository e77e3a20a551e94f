"""Run all methods on the same networks and patterns, row by row. A finished row is not run again."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from ..datasets import random, split
from ..kernels import build
from ..kernels.compiled import CompiledHingeAdam
from ..network import initial_params
from ..spec import Network, seed_of
from ..storage import store
from .evaluations import Ended, Evaluations
from .methods import METHODS

MARGIN = 0.5
LARGEST = 8
"""A row records the fraction of 𝓛 that this many patterns with the largest overlaps carry."""


def compare(settings: Mapping, rows: Path, mnist: store.Result, report: Callable[[str], None] = print) -> list[dict]:
    """All rows that `settings` (config/minimizers.yaml) ask for. Missing rows are computed and added to `rows`.

    A row is one network minimized by one method. It names the kind of processor on which its time was measured.
    """
    made = {json.dumps(row["asked"], sort_keys=True): row for row in read_rows(rows)}
    rows.parent.mkdir(parents=True, exist_ok=True)
    wanted = []
    for asked in asked_for(settings):
        key = json.dumps(asked, sort_keys=True)
        if key not in made:
            made[key] = row = {"asked": asked, **minimize(asked, mnist)}
            with rows.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            what = f"{asked['problem']} P/N = {asked['ratio']} seed {asked['seed']} {asked['method']}"
            report(f"{what}: 𝓛 = {row['loss']:.2g} after {row['evaluations']} evaluations, {row['seconds']:.1f} s")
        wanted.append(made[key])
    return wanted


def read_rows(path: Path) -> list[dict]:
    """The finished rows of a file. An incomplete last line is removed from the file."""
    if not path.exists():
        return []
    whole, _, rest = path.read_text(encoding="utf-8").rpartition("\n")
    if rest:
        path.write_text(whole + "\n" if whole else "", encoding="utf-8")
    return [json.loads(line) for line in whole.split("\n") if line]


def asked_for(settings: Mapping) -> Iterator[dict]:
    """The request of each row, in the order of the stages."""
    for stage in settings["stages"]:
        for ratio in stage["ratios"]:
            for seed in range(stage["seeds"]):
                for method in stage["methods"]:
                    yield {
                        "problem": stage["problem"],
                        "network": settings["problems"][stage["problem"]],
                        "ratio": ratio,
                        "seed": seed,
                        "method": method,
                        "way": settings["methods"][method],
                        "evaluations": stage["evaluations"],
                    }


def minimize(asked: Mapping, mnist: store.Result) -> dict:
    """Minimize one network by one method; return the columns of its row."""
    shape = dict(asked["network"])
    dataset = shape.pop("dataset")
    network, words = Network(**shape), (asked["problem"], asked["ratio"], asked["seed"])
    n_train = round(asked["ratio"] * network.n_weights)
    if dataset == "mnist":
        data = split(mnist, n_train, seed_of(1, *words, "data"))
        inputs, labels = data.train_inputs, data.train_labels
    else:
        inputs, labels = random.generate(network.dim, n_train, seed_of(1, *words, "data"))
    start = initial_params(network, seed_of(1, *words, "initial"))
    kernel = CompiledHingeAdam(network, start, inputs, labels.astype(np.float64), MARGIN)
    evaluations = Evaluations(kernel, asked["evaluations"])
    way = dict(asked["way"])
    with suppress(Ended):
        METHODS[way.pop("method")](evaluations, start, **way)
    evaluations.finish()
    kernel.move_to(evaluations.point)
    kernel.compute_gradient()
    squares = np.sort(kernel.delta.clip(0) ** 2)
    return {
        "n_weights": network.n_weights,
        "n_train": n_train,
        "evaluations": evaluations.count,
        "seconds": evaluations.rows[-1][1],
        "loss": evaluations.loss,
        "n_delta": evaluations.n_delta,
        "gradient_norm": float(np.linalg.norm(kernel.gradient)),
        "outliers": float(squares[-LARGEST:].sum() / squares.sum()) if squares.any() else 0.0,
        "trace": evaluations.rows,
        "processor": build.processor_level(),
    }


def to_tree(rows: list[dict]) -> dict:
    """The tree of a "minimizers" file: one group per row, with its `trace` (T, 4) as in `Evaluations.rows`."""
    return {
        f"row_{number:04d}": {
            **{name: value for name, value in row.items() if name not in ("asked", "trace")},
            "asked": json.dumps(row["asked"], sort_keys=True),
            "trace": np.array(row["trace"], dtype=np.float64),
        }
        for number, row in enumerate(rows)
    }


def from_tree(tree: Mapping) -> list[dict]:
    """The rows of a "minimizers" file."""
    return [{**row, "asked": json.loads(row["asked"])} for _, row in sorted(tree.items())]
