"""Snakemake's command line in forks of one process that has imported it: imports are two thirds of a dry-run's time.

Run as a program, it reads a request from each line of its standard input: a JSON object with the words, the folder,
the environment and the files for what is printed. It answers each with the exit code.
"""

import json
import os
import sys


def main():
    # What the Snakefile imports, without the package: that is the one beside the Snakefile.
    import h5py  # noqa: F401
    import jsonschema  # noqa: F401
    import numpy  # noqa: F401
    from snakemake.cli import main as snakemake

    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            break
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    else:
        return
    # The fork goes on as a Snakemake that was started in the folder.
    files = (os.devnull, os.O_RDONLY), (request["stdout"], os.O_WRONLY), (request["stderr"], os.O_WRONLY)
    for descriptor, (path, flags) in enumerate(files):
        os.dup2(os.open(path, flags), descriptor)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.path[0] = request["folder"]
    sys.argv = ["snakemake", *request["words"]]
    snakemake(request["words"])


if __name__ == "__main__":
    main()
