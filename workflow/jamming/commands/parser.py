"""The parser of the command line, shared by the verbs of all stages."""

import argparse
from collections.abc import Callable
from pathlib import Path

# Options that take text. Every other option takes a path.
TEXT = ("spec", "settings", "preset")
# Options that take several files.
MANY = {"inputs": "*", "tables": "+"}


class Verbs:
    """The verbs of a parser. --help describes the verbs for people, and below them it lists the verbs for rules."""

    def __init__(self, parser: argparse.ArgumentParser):
        self._parser, self._of_rules = parser, []
        self._parsers = parser.add_subparsers(dest="verb", required=True, metavar="VERB", title="verbs for people")

    def __contains__(self, verb: str) -> bool:
        return verb in self._parsers.choices

    def add(
        self, function: Callable, help: str, *options: str, for_people: bool | None = None
    ) -> argparse.ArgumentParser:
        """Add a verb with the name of its function, and return its parser. All named `options` are required.

        The function is called with the parsed arguments. A verb with options is for rules, and one without is for
        people, unless `for_people` says otherwise.
        """
        name = function.__name__.replace("_", "-")
        if (not options) if for_people is None else for_people:
            added = self._parsers.add_parser(name, help=help, description=help)
        else:
            added = self._parsers.add_parser(name, description=help)
            self._of_rules.append(name)
            self._parser.epilog = f"verbs for rules and make: {', '.join(self._of_rules)}; VERB --help describes each."
        added.set_defaults(function=function)
        for option in options:
            kind = str if option in TEXT else Path
            added.add_argument(f"--{option}", required=True, type=kind, nargs=MANY.get(option))
        added.add_argument("--threads", type=int, default=1, help="threads of the numerical libraries")
        return added


def report(line: str) -> None:
    """Write a line to the job's log at once, without buffering."""
    print(line, flush=True)
