"""The cluster profiles on a real Slurm of one node (tests/slurm/): the resources of jobs there, and their ends.

Five workflows run at the same time, since each mostly waits for Slurm and for Snakemake to ask it:
`figure` draws two figures while its training is cancelled once, `cuda` asks for a GPU and fails without one, `killed`
loses its Snakemake, `limit` meets the end of its time, and `generic`, whose training is cancelled once, submits by
profiles/cluster-generic.
"""

import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.same_bits import assert_same_bits
from helpers.workflow_copy import BIN, ROOT, copy_of_the_project, snakemake
from jamming.storage import store

pytestmark = pytest.mark.slow

SCRIPTS = ROOT / "tests" / "slurm"
CONF = Path("/etc/slurm/slurm.conf")
# When to give up; it takes a tenth of that where nothing else runs.
SECONDS = 1200

# One network far above the transition, which therefore trains to its last step: long enough to be met at work.
CONFIG = """
preset: smoke
random: {n_patterns: 2000}
sweeps:
  relu_L5: {n_train: [600], replicas: 1, protocol: {steps: 400000}}
analysis: {max_loss: 1.0}
"""
RUN = "results/smoke/runs/relu_L5/P00600_h0006.h5"
RESUME = "results/smoke/runs/relu_L5/.P00600_h0006.h5.resume"
LOCK = "results/smoke/runs/relu_L5/.P00600_h0006.h5.lock"
LOG = "results/smoke/logs/train/relu_L5/P00600_h0006.log"
DATA = "results/smoke/data/random_d6.h5"


def reason_to_skip():
    if not (Path("/etc/debian_version").exists() and shutil.which("apt-get")):
        return "a Slurm for tests is made of Debian's packages"
    if os.geteuid() != 0:
        return "only root can start a Slurm"
    if CONF.exists() and "tests/slurm/start.sh" not in CONF.read_text():
        return f"{CONF} belongs to a Slurm of this machine"
    return ""


@pytest.fixture(scope="module")
def slurm():
    if reason := reason_to_skip():
        pytest.skip(reason)
    try:
        started = subprocess.run([SCRIPTS / "start.sh"], capture_output=True, text=True)
        if started.returncode == 77:
            pytest.skip(started.stderr.splitlines()[-1])
        assert started.returncode == 0, started.stdout + started.stderr
        yield
    finally:
        subprocess.run([SCRIPTS / "stop.sh"], check=True)


def wait_for(condition, what, until):
    while not (found := condition()):
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.2)
    return found


class Workflow:
    """A Snakemake that submits to Slurm, in a folder of its own; `name` marks its jobs."""

    def __init__(self, name, finished, folder):
        self.name, self.folder, self.starts, self.process = name, shutil.copytree(finished, folder / name), 0, None

    def start(self, *words, profile="slurm"):
        self.starts += 1
        self.output = self.folder / f"snakemake_{self.starts}.out"
        words = [*words, "--profile", f"profiles/{profile}", "--configfile", "mine.yaml", "--latency-wait", "10"]
        if profile == "slurm":
            words += ["--slurm-jobname-prefix", self.name, "--slurm-init-seconds-before-status-checks", "1"]
        with open(self.output, "w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "snakemake", *words],
                cwd=self.folder,
                env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "JAMMING_SAVE_EVERY_SECONDS": "0.3"},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self):
        return self.output.read_text()

    def jobs(self, rule=""):
        """Slurm's records of this workflow's jobs in the order of submission, with the names that `scontrol` uses."""
        listed = subprocess.run(["squeue", "-h", "-t", "all", "-o", "%i %j"], capture_output=True, text=True).stdout
        numbers = sorted(int(line.split()[0]) for line in listed.splitlines() if f" {self.name}_" in line)
        shown = [
            subprocess.run(["scontrol", "-d", "-o", "show", "job", str(number)], capture_output=True, text=True).stdout
            for number in numbers
        ]
        jobs = [dict(re.findall(r"(\S+?)=(\S*)", text)) for text in shown]
        return [job for job in jobs if rule in job["Comment"]]

    def training(self):
        """The training that is running in Slurm and has saved a state, if there is one."""
        running = [job for job in self.jobs("rule_train") if job["JobState"] == "RUNNING"]
        return running[0] if running and (self.folder / RESUME).exists() else None

    def log(self):
        path = self.folder / LOG
        return path.read_text() if path.exists() else ""


@pytest.fixture(scope="module")
def workflows(slurm, tmp_path_factory):
    """The workflows by name, after all have ended."""
    base = tmp_path_factory.mktemp("slurm")
    finished = copy_of_the_project(base / "project")
    (finished / "mine.yaml").write_text(CONFIG)
    snakemake(finished, DATA, "--cores", "1", "--configfile", "mine.yaml")
    made = {name: Workflow(name, finished, base) for name in ("figure", "cuda", "killed", "limit", "generic")}
    until = time.monotonic() + SECONDS
    try:
        longer = "sweeps={relu_L5: {protocol: {steps: 9000000}}}"
        made["limit"].start(RUN, "--config", longer)
        made["figure"].start("figures/fig12.pdf", "figures/fig3.pdf")
        made["killed"].start(RUN)
        made["generic"].start(RUN, profile="cluster-generic")
        on_gpus = ["--config", "device=cuda", "--set-resources", "train:slurm_partition=gpu"]
        made["cuda"].start(RUN, *on_gpus, "--retries", "0")
        disturb(made, until)
        for name in ("figure", "killed", "cuda", "generic"):
            wait_for(lambda name=name: made[name].process.poll() is not None, f"the end of {name}", until)
        yield made
    except AssertionError as error:
        said = [f"{name}:\n{workflow.said()}" for name, workflow in made.items()]
        raise AssertionError("\n".join([str(error), *said])) from error
    finally:
        for workflow in made.values():
            if workflow.process and workflow.process.poll() is None:
                workflow.process.kill()
                workflow.process.wait()


def soon(run_time):
    """A time limit in minutes: the job may run as long again and half a minute more, since a busy machine is slow."""
    hours, minutes, seconds = map(int, run_time.split(":"))
    return math.ceil((2 * (3600 * hours + 60 * minutes + seconds) + 30) / 60)


def disturb(made, until):
    """Cancel two trainings, kill a Snakemake and start it again, and shorten a time limit; then Ctrl-C.

    The training of the killed Snakemake is stopped until the next one's job has met it, which is soon enough.
    """
    waiting, orphan = {"figure", "generic", "killed", "met", "limit", "interrupted"}, None

    def step():
        nonlocal orphan
        if "figure" in waiting and (job := made["figure"].training()):
            subprocess.run(["scancel", job["JobId"]], check=True)
            waiting.remove("figure")
        if "generic" in waiting and (made["generic"].folder / RESUME).exists():
            (number,) = re.findall(r"external jobid '(\d+)'", made["generic"].said())
            subprocess.run(["scancel", number], check=True)
            waiting.remove("generic")
        if "killed" in waiting and made["killed"].training():
            orphan = int((made["killed"].folder / LOCK).read_text())
            os.kill(orphan, signal.SIGSTOP)
            made["killed"].process.kill()
            made["killed"].process.wait()
            snakemake(made["killed"].folder, "--unlock", "--configfile", "mine.yaml", "--cores", "1")
            made["killed"].start(RUN)
            waiting.remove("killed")
        if "met" in waiting and "already; waiting" in made["killed"].log():
            os.kill(orphan, signal.SIGCONT)
            waiting.remove("met")
        if "limit" in waiting and (job := made["limit"].training()):
            limit = f"TimeLimit={soon(job['RunTime'])}"
            subprocess.run(["scontrol", "update", f"JobId={job['JobId']}", limit], check=True)
            waiting.remove("limit")
        if "interrupted" in waiting and "going on from step" in made["limit"].log():
            os.kill(made["limit"].process.pid, signal.SIGINT)
            waiting.remove("interrupted")
        return not waiting

    try:
        wait_for(step, f"one of {waiting}", until)
    finally:
        if "met" in waiting and orphan:
            os.kill(orphan, signal.SIGKILL)


def test_jobs_ask_slurm_for_what_the_workflow_says(workflows):
    first, second = workflows["figure"].jobs("rule_train")
    assert first["TRES"].startswith("cpu=1,mem=4000M,") and first["TimeLimit"] == "1-00:00:00"
    assert second["TRES"].startswith("cpu=1,mem=8000M,"), "the second attempt gets more memory"
    assert first["Partition"] == second["Partition"] == "cpu" and "TresPerJob" not in first


def test_figures_are_drawn_through_slurm(workflows):
    figure = workflows["figure"]
    assert figure.process.returncode == 0, figure.said()
    assert (figure.folder / "figures/fig12.pdf").read_bytes().startswith(b"%PDF")
    assert (figure.folder / "figures/fig3.pdf").read_bytes().startswith(b"%PDF")
    assert all(job["JobState"] == "COMPLETED" for job in figure.jobs()[1:])


def test_short_jobs_share_a_submission(workflows):
    """Two tables and two figures are one job of Slurm, in turn on one CPU, for the sum of their times."""
    *others, last = workflows["figure"].jobs()
    assert len(others) == 3 and last["Comment"].startswith("rule_figures_")
    assert last["TRES"].startswith("cpu=1,mem=2000M,") and last["TimeLimit"] == "01:20:00"


def test_a_cancelled_job_is_submitted_again_and_goes_on(workflows):
    first, second = workflows["figure"].jobs("rule_train")
    assert first["JobState"] == "CANCELLED" and second["JobState"] == "COMPLETED"
    assert "going on from step" in workflows["figure"].log()


def test_a_gpu_is_asked_for_where_the_device_is_cuda(workflows):
    (job,) = workflows["cuda"].jobs()
    assert job["TresPerJob"] == "gres:gpu:1" and job["JOB_GRES"] == "gpu:1" and job["Partition"] == "gpu"
    assert job["StartTime"] != "Unknown", "the request was granted"


def test_a_failing_job_is_reported_with_its_log(workflows):
    """There is no GPU for the request, and the training says so."""
    cuda = workflows["cuda"]
    assert cuda.process.returncode == 1
    assert "SLURM status is: 'FAILED'" in cuda.said()
    assert "device is 'cuda' but torch sees no CUDA device" in cuda.said()


def test_the_work_of_a_killed_snakemake_is_picked_up(workflows):
    """Its job goes on in Slurm; the next Snakemake submits it again, and nothing is trained twice."""
    killed = workflows["killed"]
    assert killed.starts == 2 and killed.process.returncode == 0, killed.said()
    assert [job["JobState"] for job in killed.jobs("rule_train")] == ["COMPLETED", "COMPLETED"]
    assert "works on .P00600_h0006.h5.resume already" in killed.log() and "is there already" in killed.log()
    runs = [store.read(workflows[name].folder / RUN, "run") for name in ("figure", "killed", "generic")]
    for run in runs[1:]:
        assert_same_bits(run.tree, runs[0].tree)


def test_a_job_near_its_time_limit_saves_its_state_and_goes_on(workflows):
    limit = workflows["limit"]
    first, _ = limit.jobs("rule_train")
    assert first["TimeLimit"] < "00:10:00" and first["JobState"] == "FAILED"
    assert "stopped by SIGTERM; the state is saved in" in limit.said(), "Snakemake shows the log of what failed"
    assert "going on from step" in limit.log()
    limit.process.wait(timeout=SECONDS)
    assert limit.jobs("rule_train")[1]["JobState"] in ("CANCELLED", "FAILED"), "Ctrl-C cancels what is running"
    assert "stopped by SIGTERM" in limit.log()


def test_the_generic_profile_submits_notices_and_submits_again(workflows):
    generic = workflows["generic"]
    assert generic.process.returncode == 0, generic.said()
    assert len(re.findall(r"external jobid '\d+'", generic.said())) == 2
    assert "stopped by SIGTERM; the state is saved in" in generic.said() and "going on from step" in generic.log()
