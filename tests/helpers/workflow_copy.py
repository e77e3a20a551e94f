"""A copy of the project in a temporary folder, and Snakemake in it: for the tests that run or plan the workflow."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("Snakefile", "LICENSE", "CITATION.cff", "workflow", "config", "envs", "profiles", "paper", "reference")
BIN = Path(sys.executable).parent


def copy_of_the_project(folder):
    """The sources and the compiled training step, since compiling it takes longer than most tests."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("*.pyc", "*.pdf"), dirs_exist_ok=True)
        else:
            shutil.copy2(source, folder / name)
    return folder


def environment(**changes):
    """The environment of the tests, with their interpreter first on PATH. A change to None removes a variable."""
    variables = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **changes}
    return {name: value for name, value in variables.items() if value is not None}


def snakemake(folder, *words, check=True, **changes):
    """The outcome of Snakemake's command line in the folder; `changes` are changes of the environment."""
    if changes:
        done = subprocess.run(
            [sys.executable, "-m", "snakemake", *words],
            cwd=folder,
            env=environment(**changes),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
    else:
        done = _forked(folder, words)
    if check:
        assert done.returncode == 0, said(done)
    return done


@functools.cache
def _forks():
    """The process of helpers/snakemake_forks.py. It ends when this process closes its standard input."""
    program = Path(__file__).with_name("snakemake_forks.py")
    return subprocess.Popen([sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _forked(folder, words):
    forks, words = _forks(), [str(word) for word in words]
    with tempfile.NamedTemporaryFile() as stdout, tempfile.NamedTemporaryFile() as stderr:
        request = {"words": words, "folder": str(folder), "environment": environment()}
        request |= {"stdout": stdout.name, "stderr": stderr.name}
        print(json.dumps(request), file=forks.stdin, flush=True)
        code = int(forks.stdout.readline())
        printed = (file.read().decode(errors="replace") for file in (stdout, stderr))
        return subprocess.CompletedProcess(words, code, *printed)


def said(done):
    return done.stdout + done.stderr


def planned(done):
    """Rule → number of jobs, from the table that a dry-run prints."""
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", said(done), re.MULTILINE)}
