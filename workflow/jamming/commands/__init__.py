"""The verbs of the command line, one module per stage of the workflow.

Each verb reads files, calls one function and writes one file. Heavy imports stand inside the verbs, so that a verb does
not load the packages of another one. A new stage needs a module here with a function `add_verbs`, and its name in
STAGES.
"""

from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

# Stages with the most jobs come first, since a job imports all stages up to its own.
STAGES = ("training", "observables", "figures", "data", "claims", "summaries")
STAGES += ("documents", "provenance", "release", "explorer", "plan", "configuration", "minimizers", "run")


def stages() -> Iterator[ModuleType]:
    """The modules of the stages, each imported only when the iteration reaches it."""
    return (import_module(f".{name}", __name__) for name in STAGES)
