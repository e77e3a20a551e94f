"""Continuous integration for users: the files parse, and each command in them exists."""

import re
import shlex

import pytest
import yaml

from helpers.changed_config import PRESETS
from helpers.workflow_copy import ROOT

GITHUB = ROOT / ".github"
# YAML 1.1 reads the key `on` as true.
WORKFLOW = yaml.safe_load((GITHUB / "workflows" / "ci.yml").read_text())
JOBS = WORKFLOW["jobs"]
COMMANDS = [(name, step["run"]) for name, job in JOBS.items() for step in job["steps"] if "run" in step]


@pytest.mark.parametrize(("job", "command"), COMMANDS, ids=lambda value: value)
def test_a_command_is_a_target_of_make_with_arguments_that_exist(job, command):
    program, *words = shlex.split(command)
    assert program == "make"
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    variables = dict(word.split("=", 1) for word in words if "=" in word)
    target = next((word for word in words if "=" not in word), "all")
    assert target in targets and variables.keys() <= {"ARGS"}
    arguments = shlex.split(variables.get("ARGS", ""))
    for before, word in zip(["", *arguments], arguments, strict=False):
        if word.startswith("tests/"):
            assert (ROOT / word).is_file()
        if word.startswith("preset="):
            assert word.removeprefix("preset=") in PRESETS
        if before == "-m":
            markers = (ROOT / "pyproject.toml").read_text()
            assert f'"{word.removeprefix("not ")}: ' in markers
        if before == "-k":
            assert f"{word}" in (ROOT / arguments[0]).read_text()


def test_it_covers_what_it_should():
    said = "\n".join(command for _, command in COMMANDS)
    for words in ("make lint", "-m 'not slow'", "-m slow", "-k plans", "preset=smoke", "--report", "test_slurm.py"):
        assert words in said
    assert WORKFLOW[True]["schedule"] == [{"cron": "17 3 1 * *"}], "once a month"
    assert "schedule" in JOBS["reproduce"]["if"] and ("reproduce", "make") in COMMANDS


def test_jobs_have_limits_and_the_pythons_that_setup_takes():
    for name, job in JOBS.items():
        assert job["timeout-minutes"] <= 180 and job["runs-on"] != "ubuntu-latest", name
        assert job["steps"][0]["uses"].startswith("actions/checkout@")
    assert WORKFLOW["permissions"] == {"contents": "read"}
    tried = JOBS["test"]["strategy"]["matrix"]["python"]
    assert all(version in (ROOT / "README.md").read_text() for version in tried) and len(tried) == 3


def test_actions_are_commits_which_no_one_can_move():
    text = (GITHUB / "workflows" / "ci.yml").read_text(encoding="utf-8")
    used = re.findall(r"uses: (.*)", text)
    assert used and all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action) for action in used)


def test_the_other_files_are_what_their_readers_take():
    dependabot = yaml.safe_load((GITHUB / "dependabot.yml").read_text())
    assert dependabot["version"] == 2 and dependabot["updates"][0]["package-ecosystem"] == "github-actions"
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage["software-stack-deployment"]["conda"] is True and usage["report"] is True
    for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.md"):
        _, front, body = path.read_text().split("---\n")
        assert {"name", "about"} <= yaml.safe_load(front).keys() and len(body.splitlines()) < 15
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text()
