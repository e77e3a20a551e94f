"""What the verbs of all stages share."""

import argparse
from collections.abc import Callable
from pathlib import Path

# Options that are text; every other one is a path.
TEXT = ("spec", "settings", "points", "preset")


class Verbs:
    """The verbs of a parser; each option named in `add` is required."""

    def __init__(self, parser: argparse.ArgumentParser):
        self._parsers = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def __contains__(self, verb: str) -> bool:
        return verb in self._parsers.choices

    def add(self, function: Callable, help: str, *options: str) -> argparse.ArgumentParser:
        """A verb named like its function, which is called with the parsed arguments."""
        added = self._parsers.add_parser(function.__name__.replace("_", "-"), help=help, description=help)
        added.set_defaults(function=function)
        for option in options:
            added.add_argument(f"--{option}", required=True, type=str if option in TEXT else Path)
        added.add_argument("--threads", type=int, default=1, help="threads of the numerical libraries")
        return added


def report(line: str) -> None:
    """A line of the job's log, there at once."""
    print(line, flush=True)
