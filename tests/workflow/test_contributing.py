"""CONTRIBUTING.md's walkthrough, step by step: applied to a copy of the project, tested there, and drawn."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from helpers.workflow_copy import ROOT, copy_of_the_project, planned, snakemake

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
# <!-- where --> and the block below it
STEPS = re.findall(r"^<!-- ([^\n]+) -->\n```\w+\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def apply(folder, where, block):
    """One step: `new FILE`, `FILE: end`, or `FILE: after|before|replace "text"` with a text that one line contains."""
    if new := re.fullmatch(r"new (\S+)", where):
        assert not (folder / new[1]).exists(), f"{new[1]} is there already"
        (folder / new[1]).write_text(block, encoding="utf-8")
        return
    pattern, place, text = re.fullmatch(r'(\S+): (after|before|replace|end)(?: "(.+)")?', where).groups()
    paths = sorted(folder.glob(pattern))
    assert paths, f"there is no {pattern}"
    for path in paths:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        if place == "end":
            at = len(lines)
        else:
            found = [number for number, line in enumerate(lines) if text in line]
            assert len(found) == 1, f"{path.name} has {len(found)} lines with {text}"
            at = found[0] + (place == "after")
        # A function in front of another.
        lines[at : at + (place == "replace")] = [block, "\n\n"] if place == "before" else [block]
        path.write_text("".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    folder = copy_of_the_project(tmp_path_factory.mktemp("contributing") / "jamming")
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "pyproject.toml", folder)
    for where, block in STEPS:
        apply(folder, where, block)
    return folder


def test_every_block_of_the_walkthrough_is_applied():
    assert len(STEPS) == TEXT.count("```yaml") + TEXT.count("```python") == 17
    shown = set(re.findall(r"`(workflow/[\w/.]+\.\w+|config/[\w/.]+\.\w+)`", TEXT))
    edited = {where.split(":")[0] for where, _ in STEPS if not where.startswith("new")}
    assert shown >= edited - {"config/presets/*.yaml"}, "the text names each file that a step edits"


@pytest.mark.parametrize("preset", ["smoke", "quick", "paper"])
def test_a_new_sweep_and_all_that_follows_is_planned(changed, preset):
    jobs = planned(snakemake(changed, "figures/weights.pdf", "-n", "-q", "rules", "--config", f"preset={preset}"))
    wanted = {"generate_data": 1, "train": 2, "measure_weights": 2, "tabulate_weights": 1, "draw_weights": 1}
    assert wanted.items() <= jobs.items() and jobs["total"] == 7


def test_another_figure_does_not_notice(changed, tmp_path):
    before = copy_of_the_project(tmp_path / "before")
    jobs = [planned(snakemake(folder, "figures/fig12.pdf", "-n", "-q", "rules")) for folder in (before, changed)]
    assert jobs[0] == jobs[1]


def test_the_new_code_is_in_style_and_passes_its_test(changed):
    run = {"cwd": changed, "capture_output": True, "text": True}
    tools = (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["snakefmt", "--check", "workflow"])
    for words in (*tools, ["pytest", "-q", "tests/observables/test_weights.py"]):
        done = subprocess.run([sys.executable, "-m", *words], **run)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_new_figure_is_drawn(changed):
    snakemake(changed, "figures/weights.pdf", "--cores", "2", "--config", "preset=smoke")
    assert (changed / "figures" / "weights.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
def test_the_new_claim_is_measured_and_listed(changed):
    snakemake(changed, "results/smoke/claims/weights.json", "--cores", "2", "--config", "preset=smoke")
    assert '"weights-grow"' in (changed / "results/smoke/claims/weights.json").read_text(encoding="utf-8")
    listed = "from jamming.claims.catalogue import read_catalogue; print(read_catalogue('config/claims.yaml')[-1].id)"
    environment = {**os.environ, "PYTHONPATH": str(changed / "workflow")}
    run = {"cwd": changed, "env": environment, "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, "-c", listed], **run)
    assert done.stdout == "weights-grow\n", done.stderr
