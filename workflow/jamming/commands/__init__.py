"""The verbs of the command line, one module per stage of the workflow.

Each verb reads files, calls one function and writes one file. Heavy imports stand inside the verbs, so that none pays
for another's. A new stage is a module here with an `add_verbs`, and its name in STAGES.
"""

from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

# Those with the most jobs first: a job imports the stages up to its own.
STAGES = ("training", "observables", "figures", "data", "claims", "summaries")
STAGES += ("documents", "provenance", "release", "explorer", "plan", "configuration", "minimizers")


def stages() -> Iterator[ModuleType]:
    """The modules of the stages, each imported when it is asked for."""
    return (import_module(f".{name}", __name__) for name in STAGES)
