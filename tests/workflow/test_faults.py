"""Faults: what is preserved, and the one sentence that is printed.

Elsewhere: damaged and foreign HDF5 as `store.read` sees them (test_store), useless checkpoints of a training
(test_training), corrupt downloads and hostile pickles (test_fetch), files whose times lie (test_incremental, which
also runs without HOME, in the C locale and in a path with spaces and other letters).
"""

import ast
import dataclasses
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import h5py
import numpy as np
import pytest

from helpers.made_runs import dataset_for, point_for, replica_of, run_of
from helpers.same_bits import assert_same_bits
from helpers.small_disk import small_disk
from helpers.workflow_copy import ROOT, copy_of_the_project, environment, said, snakemake
from jamming import datasets
from jamming import network as net
from jamming.__main__ import main
from jamming.spec import LinePoint, Network, Point, Protocol
from jamming.storage import store
from jamming.training import checkpoint, loop, width_search
from jamming.training.checkpoint import Checkpoint

# Random, and said when a test fails; set the variable to see the same kills again.
SEED = int(os.environ.get("JAMMING_FAULT_SEED", random.SystemRandom().randrange(2**32)))
KILLS_OF_EACH = 7

PACKAGE = {"PYTHONPATH": str(ROOT / "workflow"), "JAMMING_SAVE_EVERY_SECONDS": "0.05"}
POINT = Point(
    sweep="relu_L2",
    dataset="random",
    network=Network(dim=5, width=6, depth=2, activation="relu"),
    protocol=Protocol("hinge_adam_annealed", 0.5, 80_000, 1e-2, 1e-6, 0),
    n_train=400,
    replicas=2,
    dtype="float64",
    seed=1,
)
LINE_POINT = LinePoint(
    line="line_hinge_L2",
    dataset="random",
    depth=2,
    activation="relu",
    dim=0,
    protocol=dataclasses.replace(POINT.protocol, steps=80_000),
    n_train=60,
    replicas=2,
    dtype="float64",
    seed=1,
    first_ratio=1.2,
    max_ratio=6.0,
)
MEASURED = point_for(Network(dim=16, width=16, depth=2, activation="relu"), n_train=900, replicas=4)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A dataset to train on; a run and the dataset of a measurement that takes a second."""
    folder = tmp_path_factory.mktemp("inputs")
    spec = {"dataset": "random", "dim": 5, "n_patterns": 2000, "seed": 1}
    store.write(folder / "random_d5.h5", "dataset", spec, datasets.generate("random", 5, 2000, 1), {})
    dataset = dataset_for(MEASURED.network, 4000)
    store.write(folder / "random_d16.h5", "dataset", dataset.spec, dataset.tree, {})
    replicas = [
        replica_of(MEASURED, dataset, net.initial_params(MEASURED.network, seed), seed)
        for seed in range(MEASURED.replicas)
    ]
    run = run_of(MEASURED, replicas)
    store.write(folder / "run.h5", "run", run.spec, run.tree, {})
    return folder


BRIEF = dataclasses.replace(POINT, protocol=dataclasses.replace(POINT.protocol, steps=10_000), replicas=1)


def train_words(inputs, point=BRIEF):
    return ["train", "--spec", point.to_json(), "--data", inputs / "random_d5.h5", "--device", "cpu"]


def words_of(kind, inputs):
    if kind == "run":
        return train_words(inputs, POINT)
    if kind == "line":
        return ["find-transition", "--spec", LINE_POINT.to_json(), "--device", "cpu"]
    settings = json.dumps({"max_loss": 10.0, "max_spectra": 4})
    return [
        "measure",
        "spectra",
        "--settings",
        settings,
        "--run",
        inputs / "run.h5",
        "--data",
        inputs / "random_d16.h5",
    ]


def command(words, out):
    return [sys.executable, "-m", "jamming", *map(str, words), "--out", str(out)]


def jamming(words, out, **changes):
    done = subprocess.run(
        command(words, out), env=environment(**PACKAGE, **changes), capture_output=True, encoding="utf-8"
    )
    return done


# kill -9 of a job


def killed_again_and_again(kind, inputs, folder):
    """Kill the job `KILLS_OF_EACH` times, and start over if its result is there. Returns what each kill left."""
    moments, words = random.Random(f"{SEED} {kind}"), words_of(kind, inputs)
    started = time.monotonic()
    assert jamming(words, folder / "whole.h5").returncode == 0
    whole, lasts = store.read(folder / "whole.h5", kind).tree, time.monotonic() - started
    kills, resumes, number = 0, 0, 0
    while True:
        out = folder / f"{number}.h5"
        job = subprocess.Popen(
            command(words, out), env=environment(**PACKAGE), stdout=subprocess.PIPE, encoding="utf-8"
        )
        if kills < KILLS_OF_EACH:
            with suppress(subprocess.TimeoutExpired):
                job.wait(timeout=moments.uniform(0, lasts))
        if kills < KILLS_OF_EACH and job.poll() is None:
            job.send_signal(signal.SIGKILL)
            kills += 1
        resumes += "going on" in job.communicate()[0]
        if out.exists():
            # A result that is there is whole.
            assert_same_bits(store.read(out, kind).tree, whole)
            number += 1
            if kills == KILLS_OF_EACH:
                break
    done = {f"{n}.h5" for n in range(number)} | {"whole.h5"}
    left = {path.name for path in folder.iterdir()} - done
    return {"kills": kills, "resumes": resumes, "left": left, "results": number}


@pytest.mark.slow
def test_kill_9_of_a_job_at_random_times_changes_nothing(inputs, tmp_path):
    """Three kinds of jobs, two at a time. That all results have the same bits is checked at each of them."""
    print(f"JAMMING_FAULT_SEED={SEED}")
    kinds = ("run", "line", "spectra")
    for kind in kinds:
        (tmp_path / kind).mkdir()
    with ThreadPoolExecutor(2) as pool:
        found = dict(
            zip(kinds, pool.map(lambda k: killed_again_and_again(k, inputs, tmp_path / k), kinds), strict=True)
        )
    print(found)
    assert sum(each["kills"] for each in found.values()) >= 20
    assert found["run"]["resumes"] + found["line"]["resumes"] > 0
    # Temporary files of a killed job go with its next start; a measurement has no lock to know them by.
    assert not found["run"]["left"] and not found["line"]["left"]
    assert all(name.endswith(".tmp") for name in found["spectra"]["left"])


# kill -9 of Snakemake and of the whole group; two at once

CUT_OFF = ["results/smoke/runs/relu_L2/P00800_h0008.h5", "--cores", "1", "--config", "preset=smoke"]
# So many patterns that no network fits them: all steps are made.
CUT_OFF += ["sweeps={relu_L2: {n_train: [800], replicas: 1, protocol: {steps: 400000}}}"]


def started(folder, **options):
    """A Snakemake process with its job in a separate process group, once the job has saved a new state.

    `options` are options of subprocess.Popen.
    """
    resume = folder / "results/smoke/runs/relu_L2/.P00800_h0008.h5.resume"
    before = resume.stat().st_mtime_ns if resume.exists() else 0
    process = subprocess.Popen(
        [sys.executable, "-m", "snakemake", *CUT_OFF],
        cwd=folder,
        env=environment(JAMMING_SAVE_EVERY_SECONDS="0.05"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        **options,
    )
    deadline = time.monotonic() + 600
    while not (resume.exists() and resume.stat().st_mtime_ns > before):
        assert process.poll() is None and time.monotonic() < deadline, "the job was to save its state"
        time.sleep(0.02)
    return process


@pytest.mark.slow
def test_kill_9_of_snakemake_and_of_all_its_processes(tmp_path):
    """A second one is refused. After a kill with its job the next goes on; after a kill alone, it waits."""
    print(f"JAMMING_FAULT_SEED={SEED}")
    moments = random.Random(SEED)
    folder = copy_of_the_project(tmp_path / "jamming")
    result, log = folder / CUT_OFF[0], folder / "results/smoke/logs/train/relu_L2/P00800_h0008.log"
    snakemake(folder, *CUT_OFF)
    whole = store.read(result, "run").tree
    result.unlink()

    for alone in (False, True):
        first = started(folder)
        if alone:
            second = snakemake(folder, *CUT_OFF, check=False)
            assert second.returncode == 1 and "Directory cannot be locked" in said(second)
            assert "Traceback" not in said(second) and first.poll() is None
        time.sleep(moments.uniform(0, 0.5))
        assert not result.exists()
        (os.kill if alone else os.killpg)(first.pid, signal.SIGKILL)
        first.wait()
        if not alone:
            locked = snakemake(folder, *CUT_OFF, check=False)
            assert locked.returncode == 1 and "--unlock" in said(locked) and "Traceback" not in said(locked)
        snakemake(folder, "--unlock", *CUT_OFF)
    # The job that was left behind is waited for, unless it has ended meanwhile.
    done = snakemake(folder, *CUT_OFF)
    assert "Nothing to be done" in said(done) or "waiting for it to end" in log.read_text(encoding="utf-8")
    assert_same_bits(store.read(result, "run").tree, whole)
    assert [path.name for path in result.parent.iterdir()] == [result.name]


@pytest.mark.slow
def test_stopping_snakemake_in_the_background(tmp_path):
    """A script starts it with SIGINT ignored. SIGTERM to the job, or to the whole group, saves the state and ends both.

    SIGTERM to Snakemake alone starts no further job: Snakemake waits for its job to end.
    """
    folder = copy_of_the_project(tmp_path / "jamming")
    result, log = folder / CUT_OFF[0], folder / "results/smoke/logs/train/relu_L2/P00800_h0008.log"
    snakemake(folder, *CUT_OFF)
    whole = store.read(result, "run").tree
    result.unlink()

    def in_background():
        return started(folder, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))

    for first_only in (True, False):
        process = in_background()
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.2)
        assert process.poll() is None and not result.exists()
        if first_only:
            os.kill(int(result.with_name(f".{result.name}.lock").read_text()), signal.SIGTERM)
        else:
            os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(timeout=60) == 1 and not result.exists()
        lines = log.read_text(encoding="utf-8").splitlines()
        assert lines[-1].startswith("stopped by SIGTERM; the state is saved in ")
        assert first_only or "going on from step" in lines[0]

    process = in_background()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=120) == 1
    assert "going on from step" in log.read_text(encoding="utf-8")
    assert_same_bits(store.read(result, "run").tree, whole)
    assert [path.name for path in result.parent.iterdir()] == [result.name]
    assert "Nothing to be done" in said(snakemake(folder, *CUT_OFF))


# Disks that are full or cannot be written


def one_sentence(done):
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_a_full_disk(inputs, tmp_path):
    """The job ends with one sentence; older results stay; with room again it ends with the same bits."""
    with small_disk(tmp_path / "disk", 1024) as disk:
        earlier = dataclasses.replace(BRIEF, n_train=20)
        assert jamming(train_words(inputs, earlier), disk / "earlier.h5").returncode == 0
        before = (disk / "earlier.h5").read_bytes()
        filler = disk / "filler"
        with suppress(OSError), open(filler, "wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        sentence = one_sentence(jamming(train_words(inputs), disk / "point.h5"))
        assert re.search(r"cannot write .*point\.h5.*No space left on device.*; free some space", sentence)
        assert (disk / "earlier.h5").read_bytes() == before
        assert not (disk / "point.h5").exists() and not list(disk.glob(".*.tmp"))
        filler.unlink()
        assert jamming(train_words(inputs), disk / "point.h5").returncode == 0
        assert jamming(train_words(inputs), tmp_path / "whole.h5").returncode == 0
        assert_same_bits(*(store.read(path, "run").tree for path in (disk / "point.h5", tmp_path / "whole.h5")))


@pytest.mark.parametrize("kilobytes", [4, 24, 52])
def test_a_training_on_a_small_disk(inputs, tmp_path, kilobytes):
    """The first file that finds no room may be the lock, a saved state or the result."""
    with small_disk(tmp_path / "disk", kilobytes) as disk:
        (disk / "older").write_bytes(b"older")
        sentence = one_sentence(jamming(train_words(inputs), disk / "folder" / "point.h5"))
        assert re.search(r"cannot write .*No space left on device.*free some space", sentence)
        left = {path.name for path in (disk / "folder").glob("*")}
        assert left <= {".point.h5.lock", ".point.h5.resume"} and (disk / "older").read_bytes() == b"older"
        if ".point.h5.resume" in left:
            assert store.read(disk / "folder" / ".point.h5.resume", "resume").tree


def test_results_that_cannot_be_written(inputs, tmp_path):
    with small_disk(tmp_path / "disk", 1024) as disk:
        (disk / "point.h5").write_bytes(b"older")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        for kind in ("run", "spectra"):
            sentence = one_sentence(jamming(words_of(kind, inputs), disk / "point.h5"))
            assert re.search(r"cannot write .*point\.h5.*Read-only file system.*make the folder writable", sentence)
        assert [path.name for path in disk.iterdir()] == ["point.h5"]
        assert (disk / "point.h5").read_bytes() == b"older"


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    with small_disk(tmp_path / "disk", 1000) as disk:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        words = ["-s", str(ROOT / "Snakefile"), "-n", "figures/fig4.pdf", "--config", "preset=smoke"]
        done = snakemake(disk, *words, check=False)
        assert done.returncode == 1 and "Traceback" not in said(done)
        assert re.search(r"disk cannot be written, .*--directory", said(done))


@pytest.mark.slow
def test_a_checkout_that_cannot_be_written_and_results_elsewhere(tmp_path):
    with small_disk(tmp_path / "checkout", 20 * 1024) as checkout:
        copy_of_the_project(checkout)
        subprocess.run(["mount", "-o", "remount,ro", checkout], check=True)
        words = ["-s", str(checkout / "Snakefile"), "--directory", str(tmp_path / "elsewhere"), "--cores", "2"]
        run = "results/smoke/runs/tanh_L3/P00120_h0007.h5"
        words += ["figures/fig4.pdf", run, "--config", "preset=smoke"]
        snakemake(tmp_path, *words)
        assert (tmp_path / "elsewhere" / "figures" / "fig4.pdf").read_bytes().startswith(b"%PDF")
        assert store.read(tmp_path / "elsewhere" / run, "run").tree
        assert "Nothing to be done" in said(snakemake(tmp_path, *words))


# Files that are not what they should be


def damage(path, how):
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:3000])
    elif how == "zero-length":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("P, N, N_star\n")
    elif how == "foreign":
        with h5py.File(path, "w") as file:
            file["x"] = 1
    elif how == "other kind":
        store.write(path, "table", {}, {}, {})
    elif how == "folder":
        path.unlink()
        path.mkdir()


@pytest.mark.parametrize("how", ["truncated", "zero-length", "text", "foreign", "other kind", "folder"])
@pytest.mark.parametrize("verb", ["train", "measure gaps", "measure spectra", "tabulate", "draw", "generate-data"])
def test_a_damaged_input_is_named_and_nothing_is_written(inputs, tmp_path, capsys, verb, how):
    """Whatever reads it, in one sentence that ends in what to do."""
    if verb == "draw" and how == "other kind":
        pytest.skip("a table is what draw reads")
    broken, out = tmp_path / "runs" / "relu_L5" / "broken.h5", tmp_path / "out" / "out.h5"
    broken.parent.mkdir(parents=True)
    shutil.copy(inputs / "run.h5", broken)
    damage(broken, how)
    ranges = json.dumps({"theta_range": [0.01, 0.3], "gamma_range": [0.01, 0.3], "max_loss": 1, "max_spectra": 1})
    analysis = json.dumps({"max_loss": 1.0, "n_bootstrap": 10, "seed": 1})
    words = {
        "train": ["--spec", POINT.to_json(), "--data", broken],
        "measure gaps": ["--settings", ranges, "--run", broken],
        "measure spectra": ["--settings", ranges, "--run", inputs / "run.h5", "--data", broken],
        "tabulate": ["fig6", "--settings", analysis, "--inputs", broken, "--preset", "x"],
        "draw": ["fig6", "--table", broken],
        "generate-data": ["--spec", json.dumps({"dataset": "mnist", "dim": 5, "seed": 1}), "--pixels", broken],
    }[verb]
    suffix = ".pdf" if verb == "draw" else ".h5"
    assert main([*verb.split(), *map(str, words), "--out", str(out.with_suffix(suffix))]) == 1
    error = capsys.readouterr().err
    assert re.match(rf"jamming {verb.split()[0]}: \S*broken\.h5 .*; (delete it and run|give the right file)", error)
    assert error.count("\n") == 1
    assert not out.parent.exists() or not [path for path in out.parent.iterdir() if path.suffix != ".lock"]


SHORT = dataclasses.replace(LINE_POINT, protocol=dataclasses.replace(LINE_POINT.protocol, steps=12), replicas=1)


def find(folder, report=lambda line: None):
    with Checkpoint(folder / "line.h5", {}, report=report) as checkpoint:
        return width_search.find_transition(SHORT, None, checkpoint, report=report)


@pytest.fixture(scope="module")
def search_saved(tmp_path_factory):
    """The tree of a search, and its last saved state, in the middle of a width."""
    folder = tmp_path_factory.mktemp("search")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "SAVE_EVERY_SECONDS", 0)
        patch.setattr(loop, "MOST_STEPS", 1)
        return find(folder), (folder / ".line.h5.resume").read_bytes()


@pytest.mark.parametrize("how", ["truncated", "zero-length", "text", "foreign", "other kind", "a flipped bit"])
def test_a_search_does_not_go_on_from_a_damaged_state(tmp_path, search_saved, how):
    whole, content = search_saved
    saved, said = tmp_path / ".line.h5.resume", []
    saved.write_bytes(content)
    if how == "a flipped bit":
        with h5py.File(saved) as file:
            offset = file["current/attempts/loss"].id.get_offset()
        saved.write_bytes(content[:offset] + bytes([content[offset] ^ 1]) + content[offset + 1 :])
    else:
        damage(saved, how)
    assert_same_bits(find(tmp_path, said.append), whole)
    assert any(line.startswith("starting over") and "cannot be used" in line for line in said)
    assert not any("going on" in line for line in said)


def test_a_search_goes_on_from_a_sound_state(tmp_path, search_saved):
    """Otherwise the test above could pass because no search ever goes on."""
    whole, content = search_saved
    (tmp_path / ".line.h5.resume").write_bytes(content)
    said = []
    assert_same_bits(find(tmp_path, said.append), whole)
    assert not any("starting over" in line for line in said)


# Clocks, locales


def test_no_duration_is_taken_from_the_clock_on_the_wall():
    """The wall clock jumps: summer time, a manual change, a virtual machine that slept."""
    for path in (ROOT / "workflow" / "jamming").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) != ("time", "time"), path
                if (node.value.id, node.attr) == ("datetime", "now"):
                    assert path.name == "store.py"


@pytest.mark.slow
def test_an_input_from_the_future_is_named(tmp_path):
    """Snakemake refuses results older than their input and says so; touching the input is the cure."""
    folder = copy_of_the_project(tmp_path / "jamming")
    words = ["figures/fig4.pdf", "--cores", "1", "--config", "preset=smoke"]
    snakemake(folder, *words, "--until", "tabulate")
    table = folder / "results/smoke/tables/fig4.h5"
    os.utime(table, (time.time() + 3600, time.time() + 3600))
    done = snakemake(folder, *words, check=False)
    assert done.returncode == 1 and "Traceback" not in said(done)
    assert re.search(r"fig4\.\w+ has older modification time .* than input results/smoke/tables/fig4\.h5", said(done))
    table.touch()
    snakemake(folder, *words)
    assert store.read(table, "table") and "Nothing to be done" in said(snakemake(folder, *words))


def test_a_log_that_takes_ascii_only(inputs, tmp_path):
    """Messages hold Greek letters. If the log cannot hold them, they are escaped, and the job goes on."""
    ascii_only = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = jamming(train_words(inputs), tmp_path / "point.h5", **ascii_only)
    assert done.returncode == 0, done.stderr
    assert r"N_\u0394=" in done.stdout
    assert np.all(np.isfinite(store.read(tmp_path / "point.h5", "run").tree["replica_00"]["final"]["delta"]))
