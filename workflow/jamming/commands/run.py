"""The verb that runs the workflow for a person, used by `make`. The log goes to a file; one line shows the progress."""

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from .parser import Verbs

LOG = Path("results/make.log")
DONE = re.compile(r"^(\d+) of (\d+) steps \(")
SAID = re.compile(r"^(Figures: |Claims: |Open |Nothing to be done)")
"""The lines that the terminal shows: those of `show-made`, and "Nothing to be done"."""
LAST_LINES = 30


def run(arguments: argparse.Namespace) -> None:
    """Run Snakemake with these words. Raises SystemExit with Snakemake's exit code if that is not 0."""
    started = time.monotonic()
    LOG.parent.mkdir(parents=True, exist_ok=True)
    command = ["snakemake", *arguments.words]
    with (
        LOG.open("w", encoding="utf-8", errors="replace") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as made,
    ):
        try:
            said = follow(made.stdout, log, sys.stdout, sys.stdout if arguments.verbose else None)
        except KeyboardInterrupt:
            # Snakemake got the signal, too, and passes it to its jobs, which save their state.
            said = []
            for line in made.stdout:
                log.write(line)
    if made.returncode:
        text = LOG.read_text(encoding="utf-8").splitlines()
        print(*text[-LAST_LINES:], f"Snakemake stopped; all it said is in {LOG}.", sep="\n", file=sys.stderr)
        raise SystemExit(made.returncode)
    print(*said, f"It took {_clock(time.monotonic() - started)}; the log is {LOG}.", sep="\n")


def follow(lines: Iterable[str], log: TextIO, terminal: TextIO, everything: TextIO | None) -> list[str]:
    """Write lines to the log as they come, and return the lines that are for the user.

    On a terminal the last line shows the number of finished jobs, and the time of the others at the same pace.
    """
    said, started, shows = [], time.monotonic(), terminal.isatty() and everything is None
    for line in lines:
        log.write(line)
        log.flush()
        if everything is not None:
            everything.write(line)
        if SAID.match(line):
            said.append(line.rstrip())
        if shows and (progress := DONE.match(line)):
            done, steps = map(int, progress.groups())
            left = (time.monotonic() - started) / done * (steps - done)
            filled = 30 * done // steps
            bar = "█" * filled + "░" * (30 - filled)
            terminal.write(f"\r{bar} {done} of {steps} jobs, about {_clock(left)} left \x1b[K")
            terminal.flush()
    if shows:
        terminal.write("\r\x1b[K")
    return said


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


def add_verbs(verbs: Verbs) -> None:
    added = verbs.add(run, "run the workflow; words after -- go to snakemake, and its log goes to a file")
    added.add_argument("--verbose", action="store_true", help="print what Snakemake prints, too")
    added.add_argument("words", nargs="*", help="targets and options of snakemake")
