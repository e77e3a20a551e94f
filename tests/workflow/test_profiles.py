"""The resources of jobs, for every executor: from one place, growing with the attempt; and the profiles parse."""

import re
import stat
import subprocess

import pytest
import yaml

from helpers.workflow_copy import ROOT, copy_of_the_project, said, snakemake

PROFILES = sorted(path.name for path in (ROOT / "profiles").iterdir())


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_of_the_project(tmp_path_factory.mktemp("profiles") / "jamming")


SPECTRA = "results/smoke/observables/spectra/relu_L5/P00278_h0006.h5"


def asked(project, *words, device="device=cpu"):
    """Rule → the resources of its first job, from a dry-run of a figure and an observable with the smallest preset."""
    done = snakemake(project, "figures/fig12.pdf", SPECTRA, "-n", *words, "--config", "preset=smoke", device)
    jobs = re.split(r"^ *(?:local)?rule (\w+):$", said(done), flags=re.MULTILINE)[1:]
    found = {}
    for name, text in zip(jobs[::2], jobs[1::2], strict=True):
        resources = re.findall(r"\b(mem_mb|runtime|gpu)=(\d+)", text)
        found.setdefault(name, {resource: int(value) for resource, value in resources})
    return found


def test_requests_stand_in_one_place():
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        if path.name != "resources.smk":
            assert not re.search(r"\b(mem_mb|runtime|gpu|mem_gb) *=", path.read_text()), (
                f"{path.name}; use resources_of"
            )


def test_memory_and_time_grow_with_the_attempt(project):
    first, second, tenth = (asked(project, "--attempt", attempt) for attempt in ("1", "2", "10"))
    for rule in ("generate_data", "measure", "measure_preactivations_relu_L5", "tabulate", "draw"):
        for resource in ("mem_mb", "runtime"):
            assert second[rule][resource] == 2 * first[rule][resource], (rule, resource)
            assert tenth[rule][resource] == 4 * first[rule][resource], (rule, resource)
    assert first["train"] == {"mem_mb": 4000, "runtime": 1440, "gpu": 0}
    assert second["train"] == {"mem_mb": 8000, "runtime": 1440, "gpu": 0}, "it goes on, and needs no more time"


def test_a_gpu_is_asked_for_by_training_alone_and_only_for_cuda(project):
    found = asked(project, device="device=cuda")
    assert found["train"]["gpu"] == 1
    assert not any("gpu" in resources for rule, resources in found.items() if rule != "train")


@pytest.mark.parametrize("profile", [name for name in PROFILES if name != "default"])
def test_a_cluster_s_profile_is_read_with_the_default_one(project, profile):
    done = snakemake(project, "figures/fig12.pdf", "-n", "--profile", f"profiles/{profile}")
    assert "Using profile" in said(done) and "workflow specific profile profiles/default" in said(done)


def test_profiles_agree_on_what_is_common():
    slurm, generic = (
        yaml.safe_load((ROOT / "profiles" / name / "profile.yaml").read_text()) for name in ("slurm", "cluster-generic")
    )
    for key in ("retries", "group-components", "resources", "set-resource-scopes", "latency-wait"):
        assert slurm[key] == generic[key], key
    assert slurm["slurm-status-command"] == "squeue" and "slurm-array-jobs" not in slurm
    default = yaml.safe_load((ROOT / "profiles" / "default" / "profile.yaml").read_text())
    assert not default.keys() & (slurm.keys() | generic.keys()), "the default profile would win"


def test_groups_of_the_rules_are_those_of_the_profile():
    rules = "\n".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    slurm = yaml.safe_load((ROOT / "profiles" / "slurm" / "profile.yaml").read_text())
    named = {entry.split("=")[0] for entry in slurm["group-components"]}
    assert set(re.findall(r'group:\s+(?:submission_of\()?"(\w+)"', rules)) == named


@pytest.mark.parametrize("profile", PROFILES)
def test_tables_are_in_a_group_only_where_submissions_are_shared(project, profile):
    """Elsewhere the group would cost a dry-run a time that grows as the square of the number of results."""
    done = snakemake(project, "figures/fig3.pdf", "figures/fig4.pdf", "-n", "--profile", f"profiles/{profile}")
    before, *groups = said(done).split("Group job figures")
    assert ("rule tabulate:" in before) == (profile == "default")
    assert len(groups) == (2 if profile == "default" else 1)


# profiles/cluster-generic, with batch systems made up for the purpose


@pytest.fixture
def batch_system(tmp_path, monkeypatch):
    """A PATH with commands that record their calls or answer as told."""

    def add(name, script):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return add


def run(script, *words, folder=ROOT):
    path = ROOT / "profiles" / "cluster-generic" / script
    assert path.stat().st_mode & stat.S_IXUSR
    return subprocess.run([path, *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_a_submission_says_what_it_asks_for_and_prints_the_number(batch_system, tmp_path):
    batch_system("sbatch", f'printf "%s\\n" "$@" > {tmp_path}/called; echo 17')
    assert run("submit.sh", "train", "2", "4000", "1440", "/some where/job.sh", folder=tmp_path) == "17\n"
    called = (tmp_path / "called").read_text().splitlines()
    assert {"--cpus-per-task=2", "--mem=4000", "--time=1440", "--signal=TERM@60", "--parsable"} <= set(called)
    assert called[-1].endswith("'/some where/job.sh'")


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        ("COMPLETED", "success"),
        ("RUNNING", "running"),
        ("PENDING", "running"),
        ("FAILED", "failed"),
        ("TIMEOUT", "failed"),
        ("CANCELLED", "failed"),
        ("OUT_OF_MEMORY", "failed"),
        ("", "running"),
    ],
)
def test_a_status_is_one_of_three_words(batch_system, state, answer):
    batch_system("scontrol", f'echo "   JobState={state} Reason=None Dependency=(null)"')
    assert run("status.sh", "17") == f"{answer}\n"


def test_no_shell_stands_between_a_signal_and_what_saves_its_state():
    """Slurm signals every process of a step. A bash would end at once, and Python be killed before it saves."""
    for path in ("train.smk", "lines.smk"):
        assert '"exec python -m jamming ' in (ROOT / "workflow" / "rules" / path).read_text(), path
