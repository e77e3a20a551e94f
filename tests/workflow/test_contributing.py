"""The walkthrough in CONTRIBUTING.md: each part is applied to a finished run, and plans exactly its own jobs."""

import re
import shutil
import subprocess
import sys

import pytest

from helpers import shared
from helpers.planned_jobs import planned_jobs
from helpers.shared import SMOKE
from helpers.workflow_copy import ROOT, environment, said, snakemake

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
# <!-- where --> and the block below it
STEP = re.compile(r"^<!-- ([^\n]+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PARTS = {
    title: STEP.findall(text)
    for title, text in re.findall(r"^## Add an? ([\w ]+)\n(.*?)(?=^## )", TEXT, re.MULTILINE | re.DOTALL)
}


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


# What the parts of the page plan, in their order, on top of what is finished: the jobs by what they make.
POINTS = [f"relu_L4/P{n_train:05d}_h0006" for n_train in (180, 280)]
SWEEP = {f"runs/{point}" for point in POINTS}
OBSERVABLE = {f"observables/weights/{point}" for point in POINTS}
FIGURE = {"tables/weights", "figures/weights"}
CLAIM = {"claims/weights", "claims"}
TAUGHT = "results/smoke/runs/teacher_L2/P00100_h0005.h5"
PAPER = {"paper", "paper/jamming"}
"""Where figures and claims are quoted."""


@pytest.fixture(scope="module")
def copy(finished_smoke, tmp_path_factory):
    """A copy of a finished run, to which the steps are applied."""
    folder = shared.copy_of_a_run(finished_smoke, tmp_path_factory.mktemp("contributing") / "jamming")
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture(scope="module")
def planned_by_part(copy):
    """After each part: the outputs of the jobs of some targets, without `results/smoke` and suffixes."""
    found = {}
    everything = ("all", "claims", "paper", "notebook")
    alone = {
        "sweep": [f"results/smoke/runs/{point}.h5" for point in POINTS],
        "observable": [f"results/smoke/observables/weights/{point}.h5" for point in POINTS],
        "data set": [TAUGHT],
    }
    for part, steps in PARTS.items():
        for where, block in steps:
            apply(copy, where, block)
        found[part] = made_by(snakemake(copy, *everything, "-n", *SMOKE))
        if part in alone:
            found[f"{part} alone"] = made_by(snakemake(copy, *alone[part], "-n", *SMOKE))
    return found


def made_by(done):
    outputs = [job.outputs[0] for job in planned_jobs(said(done)) if job.outputs]
    assert len(outputs) == len(set(outputs))
    return {output.removeprefix("results/smoke/").rpartition(".")[0] for output in outputs}


def test_every_block_of_the_walkthrough_is_applied():
    assert list(PARTS) == ["sweep", "observable", "figure", "claim", "data set"]
    assert sum(map(len, PARTS.values())) == TEXT.count("```yaml") + TEXT.count("```python")
    shown = set(re.findall(r"`(workflow/[\w/.]+\.\w+|config/[\w/.]+\.\w+)`", TEXT))
    edited = {where.split(":")[0] for steps in PARTS.values() for where, _ in steps if not where.startswith("new")}
    assert shown >= edited, "the text names each file that a step edits"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "made"),
    [
        ("sweep", set()),
        ("sweep alone", SWEEP),
        ("observable", set()),
        ("observable alone", SWEEP | OBSERVABLE),
        ("figure", SWEEP | OBSERVABLE | FIGURE | PAPER),
        ("claim", SWEEP | OBSERVABLE | FIGURE | PAPER | CLAIM),
        ("data set", SWEEP | OBSERVABLE | FIGURE | PAPER | CLAIM),
        ("data set alone", {"data/teacher_d7", "runs/teacher_L2/P00100_h0005"}),
    ],
)
def test_each_part_plans_its_own_jobs_and_no_other(planned_by_part, part, made):
    assert planned_by_part[part] == made


@pytest.mark.slow
def test_what_the_page_adds_is_made_and_can_be_traced(planned_by_part, copy):
    snakemake(copy, "figures/weights.pdf", "results/smoke/claims.json", TAUGHT, "--cores", "2", *SMOKE)
    assert (copy / "figures" / "weights.pdf").read_bytes().startswith(b"%PDF")
    assert '"weights-grow"' in (copy / "results/smoke/claims.json").read_text(encoding="utf-8")
    path = "results/smoke/observables/weights/relu_L4/P00180_h0006.h5"
    for target in (path, "figures/weights.pdf", "results/smoke/claims.json#weights-grow"):
        words = [sys.executable, "-m", "jamming", "provenance", target]
        run = {"cwd": copy, "env": environment(PYTHONPATH="workflow"), "capture_output": True, "text": True}
        done = subprocess.run(words, **run)
        assert done.returncode == 0 and "relu_L4" in done.stdout, said(done)


@pytest.mark.slow
def test_the_new_code_is_in_style_and_passes_its_test(planned_by_part, copy):
    run = {"cwd": copy, "capture_output": True, "text": True, "env": environment(PYTHONPATH="workflow")}
    tests = [f"tests/{name}.py" for name in ("observables/test_weights", "datasets/test_teacher")]
    for words in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["pytest", "-q", *tests]):
        done = subprocess.run([sys.executable, "-m", *words], **run)
        assert done.returncode == 0, said(done)
