"""The names of all figures, observables, groups of claims and data sets, found from the files of their modules.

Adding a module is enough to add one. No module that computes imports this one, so a new figure makes no other figure
run again. The source of the modules is read and not imported, since Snakemake loads this module for each job.
"""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent

SAME_AS = {
    "generalization/fig1": "fig1",
    "generalization/fig2": "fig3",
    "generalization/figA1": "fig11",
    "generalization/figA2": "fig12",
}
"""Figures of [S] that are the same as a figure of [G]."""


class InventoryError(ValueError):
    """An unknown name. The message is one sentence with the names that exist."""


@dataclass(frozen=True)
class Observable:
    """How an observable is measured.

    `settings` are the keys of the config's `analysis` that its function `measure` takes. `reads_data` tells whether it
    takes the dataset, too. `of_sweep` tells whether one job measures all points of a sweep.
    """

    settings: tuple[str, ...]
    reads_data: bool
    of_sweep: bool


@cache
def figures() -> tuple[str, ...]:
    """Every figure by name, those of [G] first: "fig1", …, "generalization/figB2"."""
    folder = PACKAGE / "tables"
    found = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("[!_]*.py")}
    return tuple(sorted({*found, *SAME_AS}, key=_reading_order))


def module_of(figure: str) -> str:
    """The name of the module of a figure, the same in `tables` and in `figures`: "fig1", "generalization.fig3".

    Raises InventoryError for an unknown figure.
    """
    if figure not in figures():
        raise InventoryError(f"there is no figure '{figure}'; the figures are {', '.join(figures())}.")
    return SAME_AS.get(figure, figure).replace("/", ".")


@cache
def claim_groups() -> tuple[str, ...]:
    """The groups of claims: the modules of `claims` that have statistics."""
    return tuple(name for name, text in _modules("claims") if re.search(r"^STATISTICS\b", text, re.MULTILINE))


def checked_group(group: str) -> str:
    """The group itself. Raises InventoryError for an unknown one."""
    if group not in claim_groups():
        raise InventoryError(f"there is no group of claims '{group}'; the groups are {', '.join(claim_groups())}.")
    return group


@cache
def observables() -> dict[str, Observable]:
    """The observables by name: the modules of `observables` that have a function `measure(run, …)`."""
    found = {}
    for name, text in _modules("observables"):
        tree = ast.parse(text)
        measure = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "measure"]
        if measure:
            taken = [argument.arg for argument in measure[0].args.args if argument.arg != "run"]
            settings = tuple(argument for argument in taken if argument != "dataset")
            of_sweep = re.search(r"^OF_SWEEP = True$", text, re.MULTILINE) is not None
            found[name] = Observable(settings, "dataset" in taken, of_sweep)
    return found


def observable(kind: str) -> Observable:
    """The observable of this name. Raises InventoryError for an unknown one."""
    if kind not in observables():
        raise InventoryError(f"there is no observable '{kind}'; the observables are {', '.join(observables())}.")
    return observables()[kind]


@cache
def datasets() -> tuple[str, ...]:
    """The data sets: the pools (modules of `datasets` with `generate(dim, n_patterns, seed)`), and MNIST."""
    pools = [name for name, text in _modules("datasets") if re.search(r"^def generate\(dim\b", text, re.MULTILINE)]
    return (*pools, "mnist")


def _modules(package: str) -> list[tuple[str, str]]:
    """Name and source of each module of a package."""
    paths = sorted((PACKAGE / package).glob("[!_]*.py"))
    return [(path.stem, path.read_text(encoding="utf-8")) for path in paths]


def _reading_order(figure: str) -> tuple:
    """A key that sorts fig2 before fig10, and [G] before [S]."""
    words = re.split(r"(\d+)", figure)
    return figure.count("/"), [int(word) if word.isdigit() else word for word in words]
