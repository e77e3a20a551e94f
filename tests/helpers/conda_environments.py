"""The conda environments in envs/, as their files list them."""

import re
from pathlib import Path

import yaml

from helpers.workflow_copy import ROOT

ENVS = sorted((ROOT / "envs").glob("*.yaml"))
# conda-forge's names for what the package index calls otherwise
CONDA_NAMES = {"pytorch-cpu": "torch", "pytorch-gpu": "torch", "matplotlib-base": "matplotlib"}
# what only conda can install
CONDA_ONLY = {"python": "3.11", "cuda-version": "12.9"}


def dependencies(env: Path) -> dict[str, str]:
    """Name → version of a conda environment's dependencies: `name =version`, or `name==version` from the index."""
    versions = {}
    entries = yaml.safe_load(env.read_text())["dependencies"]
    from_index = [entry for group in entries if isinstance(group, dict) for entry in group["pip"]]
    for entry in [entry for entry in entries if isinstance(entry, str)] + from_index:
        separator = "==" if entry in from_index else " ="
        match = re.fullmatch(rf"([a-z0-9_-]+){separator}([0-9][0-9.]*)", entry)
        assert match, f"{env.name}: {entry!r} is not of the form 'name{separator}version'"
        versions[match[1]] = match[2]
    return versions
