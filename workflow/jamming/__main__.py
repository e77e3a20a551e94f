"""The command line: `python -m jamming VERB`. The modules of `commands` define the verbs."""

import argparse
import io
import os
import sys

from . import commands
from .commands.parser import Verbs
from .storage import store


def main(words: list[str] | None = None) -> int:
    words = sys.argv[1:] if words is None else words
    # @FILE stands for the words in a file, one per line, because Linux limits a command to 128 kB.
    about = "The commands of the workflow's rules, and commands for people."
    parser = argparse.ArgumentParser(prog="python -m jamming", description=about, fromfile_prefix_chars="@")
    verbs = Verbs(parser)
    for stage in commands.stages():
        stage.add_verbs(verbs)
        if words and words[0] in verbs:
            break
    arguments = parser.parse_args(words)
    # Others must not be able to write to the files made here. A log in another encoding than UTF-8 must not stop a job.
    os.umask(os.umask(0o077) | 0o002)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(arguments.threads)
    try:
        arguments.function(arguments)
    except (store.StoreError, ValueError, ArithmeticError) as error:
        # The message of these errors is one sentence for the user. JAMMING_TRACEBACK=1 shows the traceback as well.
        if os.environ.get("JAMMING_TRACEBACK"):
            raise
        print(f"jamming {arguments.verb}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
