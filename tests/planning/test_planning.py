"""The plan: its jobs are those of the workflow, its sums are right, and a wrong plan is noticed."""

import dataclasses
import json
import re

import numpy as np
import pytest

from helpers.planned_jobs import needed_by
from helpers.speeds import SPEEDS
from helpers.workflow_copy import copy_of_the_project, environment, snakemake
from jamming.__main__ import main
from jamming.config import ConfigError, load, read_lines, read_points
from jamming.planning.cost import (
    Job,
    PlanError,
    expected_attempts,
    expected_steps,
    measured,
    plan,
    together,
)
from jamming.spec import Network
from jamming.storage import store
from jamming.training.widths import RUNGS_UP

RULES = {"train": "train", "lines": "find_transition", "data": "generate_data", "fetch": "fetch_mnist"}
RULES |= {"tables": "tabulate", "figures": "draw"}


def planned_for(preset, speeds=SPEEDS, **changes):
    config = load(preset)
    for path, value in changes.items():
        place, *keys, last = config, *path.split("__")
        for key in keys:
            place = place[key]
        place[last] = value
    return plan(config, read_points(config), read_lines(config), speeds)


@pytest.mark.parametrize("preset", ["smoke", "quick", "paper"])
def test_the_jobs_are_those_of_the_workflow(preset, plan_of):
    counted = {}
    for job in together(planned_for(preset)).values():
        kind, points = job.kind, job.name.count("/") == 1
        rule = RULES.get(kind, f"measure_{job.name.replace('/', '_')}" if points else "measure")
        counted[rule] = counted.get(rule, 0) + 1
    assert counted == {name: count for name, count in needed_by(plan_of(preset), "all").items() if name != "all"}


def test_one_training_by_hand():
    """The largest P of relu_L3 in smoke: P/N = 2, a part of 1500 steps that falls with P/N, and two replicas."""
    job = planned_for("smoke")["fig6"]["train/relu_L3/P00308_h0007"]
    steps = 1500 * (308 / 154) / 2.4
    step = 1e-5 + 308 * (1e-10 * 154 + 2e-9 * (7 + 21))
    assert job.steps == pytest.approx(2 * steps)
    assert job.seconds == pytest.approx(1.5 + 2 * steps * step)
    # 11 states of 154 weights and 22 biases, Δ and f of each pattern, 33 records of 8 numbers, and the file's own.
    assert job.disk == pytest.approx(2 * (11 * 176 * 8 + 2 * 308 * 8 + 33 * 8 * 8 + 30_000), rel=0.02)


def test_a_training_of_all_replicas_together_by_hand():
    """The same point: the constant cost of a step counts once, its patterns twice. Searches do not change."""
    together = {"relu": (3e-4, 2e-11, 1e-10), "tanh": (1, 1, 1)}
    batched = planned_for("smoke", dataclasses.replace(SPEEDS, together=together))
    job, alone = (
        batched["fig6"]["train/relu_L3/P00308_h0007"],
        planned_for("smoke")["fig6"]["train/relu_L3/P00308_h0007"],
    )
    step = 3e-4 + 2 * 308 * (2e-11 * 154 + 1e-10 * (7 + 21))
    assert job.seconds == pytest.approx(1.5 + 1500 * (308 / 154) / 2.4 * step)
    assert (job.steps, job.memory, job.disk) == (alone.steps, alone.memory, alone.disk)
    assert [job for job in batched["fig5"].values() if job.kind == "lines"] == [
        job for job in planned_for("smoke")["fig5"].values() if job.kind == "lines"
    ]


def test_one_measurement_by_hand():
    """Both replicas, Ñ = 153."""
    spectra = planned_for("smoke")["fig7"]["spectra/relu_L2/P00312_h0008"]
    assert spectra.seconds == pytest.approx(0.4 + 2 * (1e-3 + 1e-10 * 153**3))
    assert spectra.memory > 8e7 + 4 * 8 * 153**2


def test_a_sweep_is_measured_in_one_job():
    """All P of relu_L5 in smoke: Python starts once, and the files are those of all points."""
    jobs = planned_for("smoke")["fig12"]
    assert [name for name in jobs if name.startswith("preactivations/")] == ["preactivations/relu_L5"]
    points = list(read_points(load("smoke"))["relu_L5"].values())
    network, replicas = points[0].network, points[0].replicas
    of_a_pattern = 1e-10 * network.n_weights + 1e-9 * (network.dim + network.n_hidden)
    looked = replicas * sum(1e-4 + 2 * point.n_train * of_a_pattern for point in points)
    job = jobs["preactivations/relu_L5"]
    assert len(points) > 1 and job.seconds == pytest.approx(0.4 + 10 * looked)
    assert job.disk == len(points) * replicas * 30_000


def test_shared_jobs_count_once():
    by_figure = planned_for("smoke")
    assert set(by_figure["fig7"]) & set(by_figure["fig8"])
    everything = together(by_figure)
    assert sum(job.seconds for job in everything.values()) < sum(
        job.seconds for jobs in by_figure.values() for job in jobs.values()
    )
    assert all(set(jobs) <= set(everything) for jobs in by_figure.values())


def test_twice_the_steps_take_twice_as_long():
    def training(steps):
        jobs = planned_for("smoke", sweeps__relu_L3__protocol__steps=steps)["fig6"]
        return jobs["train/relu_L3/P00308_h0007"]

    once, twice = training(10_000), training(20_000)
    assert twice.steps == 2 * once.steps
    assert twice.seconds - 1.5 == pytest.approx(2 * (once.seconds - 1.5))


def test_networks_below_jamming_stop_early_and_others_do_not():
    point = next(iter(read_points(load("smoke"))["relu_L2"].values()))
    steps = [expected_steps(dataclasses.replace(point, n_train=round(ratio * 136))) for ratio in (0.5, 1.8, 2.5, 3.0)]
    assert steps == sorted(steps) and steps[0] == 750 < steps[1] < 1500 and steps[2:] == [1500, 1500]


def test_at_a_constant_rate_networks_stop_as_early_however_long_the_protocol():
    *_, point = read_points(load("quick"))["generalization_L5"].values()
    far_below = dataclasses.replace(point, n_train=10)
    protocols = [dataclasses.replace(point.protocol, steps=steps) for steps in (20_000, 200_000)]
    steps = [expected_steps(dataclasses.replace(far_below, protocol=protocol)) for protocol in protocols]
    assert steps == pytest.approx([5000, 5000])


BY_LBFGS = {
    "sweeps__relu_L3__protocol__name": "hinge_lbfgs_annealed",
    "sweeps__relu_L3__protocol__lbfgs_steps": 20_000,
    "sweeps__relu_L3__protocol__steps": 40_000,
}


def test_lbfgs_fits_up_to_larger_p_and_sooner():
    config = load("quick")
    config["sweeps"]["relu_L3"]["protocol"].update(name="hinge_lbfgs_annealed", lbfgs_steps=20_000, steps=40_000)
    point = next(iter(read_points(config)["relu_L3"].values()))
    ratios = (1.5, 2.4, 2.9, 3.1, 3.5)
    steps = [expected_steps(dataclasses.replace(point, n_train=round(ratio * 784))) for ratio in ratios]
    assert steps == [4000, 4000, 4000, 40_000, 40_000]
    handed_over = dataclasses.replace(point, protocol=dataclasses.replace(point.protocol, lbfgs_loss=1e-3))
    assert expected_steps(handed_over) == 4000 + 20_000


def test_a_step_of_lbfgs_counts_as_two_of_adam():
    """Networks that fit use L-BFGS all the time, and the others in half of their steps."""
    jobs = planned_for("quick", **BY_LBFGS)["fig6"]
    adam = planned_for("quick", **BY_LBFGS | {"sweeps__relu_L3__protocol__name": "hinge_adam_annealed"})["fig6"]
    both = [(jobs[name], adam[name]) for name in jobs if name.startswith("train/relu_L3/")]
    fits = [(one, other) for one, other in both if one.steps < 40_000]
    assert fits
    for one, other in both:
        ratio = (one.seconds - 1.5) / one.steps / ((other.seconds - 1.5) / other.steps)
        assert ratio == pytest.approx(2.0 if (one, other) in fits else 1.5, rel=0.01)


def test_a_search_by_lbfgs_makes_few_steps_where_it_fits():
    point = read_lines(load("quick"))["line_hinge_L3"]["P01000"]
    protocol = dataclasses.replace(point.protocol, name="hinge_lbfgs_annealed", lbfgs_steps=1000, steps=9000)
    tried = expected_attempts(dataclasses.replace(point, protocol=protocol))
    fits = [steps for network, steps in tried if network.n_weights >= 0.8 * 1000 + 120]
    fails = [steps for network, steps in tried if network.n_weights < 0.8 * 1000 + 120]
    assert fits and all(0 < steps <= 200 for steps in fits) and set(fails) == {9000}


def test_a_search_ends_beside_the_transition():
    point = read_lines(load("paper"))["line_hinge_L3"]["P01000"]
    tried = expected_attempts(point)
    fails = [(network.n_weights, steps) for network, steps in tried if network.n_weights < 0.8 * 1000 + 120]
    fits = [(network.n_weights, steps) for network, steps in tried if network.n_weights >= 0.8 * 1000 + 120]
    assert {steps for _, steps in fails} == {point.protocol.steps} and 1 <= len(fits) <= RUNGS_UP
    assert all(steps < point.protocol.steps for _, steps in fits), "from above, as the search comes down"
    in_time = read_lines(load("paper"))["line_ce_L5_d25"]["P02000"]
    assert len(expected_attempts(in_time)) > len(expected_attempts(dataclasses.replace(in_time, shortest_time=0)))


def test_an_unknown_sweep_is_one_sentence():
    config = load("smoke")
    points = read_points(config)
    del points["relu_L5"]
    with pytest.raises(PlanError, match=r"figure fig5 needs 'relu_L5', which the config does not have; add it\."):
        plan(config, points, read_lines(config), SPEEDS)


# Against benchmarks


def write_benchmarks(folder, jobs, factor):
    for job in jobs:
        path = folder / f"{job.name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\tmax_rss\n{job.seconds * factor:.4f}\t0:00:01\t0.00\n")


def test_benchmarks_are_read_by_the_name_of_the_job(tmp_path):
    jobs = list(together(planned_for("smoke")).values())
    write_benchmarks(tmp_path, jobs[::2], 2)
    found = measured(jobs, tmp_path)
    assert found == {job.name: pytest.approx(2 * job.seconds, abs=1e-3) for job in jobs[::2]}
    with pytest.raises(PlanError, match="holds no benchmark of these jobs; give results/PRESET/benchmarks"):
        measured(jobs, tmp_path / "elsewhere")


@pytest.mark.parametrize(("factor", "code"), [(1.0, 0), (1.4, 0), (0.7, 0), (1.7, 1), (0.5, 1)])
def test_the_check_fails_beyond_a_factor_of_one_and_a_half(tmp_path, capsys, monkeypatch, factor, code):

    from jamming.planning import speed

    monkeypatch.setattr(speed, "measure", lambda *_, **__: SPEEDS)
    write_benchmarks(tmp_path, together(planned_for("smoke")).values(), factor)
    assert main(["plan", "--preset", "smoke", "--check", str(tmp_path)]) == code
    out, error = capsys.readouterr()
    assert f"{1 / factor:.2f}" in out.split("against")[1]
    assert ("more than a factor 1.5 apart" in error) == bool(code)


# What is measured


def test_the_formula_is_found_again():
    from jamming.planning.speed import fit

    networks = [Network(d, h, depth, "relu") for d, h, depth in ((8, 8, 2), (20, 20, 2), (13, 13, 5), (10, 4, 5))]
    rows = [
        (net, n, 2e-5 + n * (3e-10 * net.n_weights + 4e-9 * (net.dim + net.n_hidden)))
        for net in networks
        for n in (100, 3000)
    ]
    coefficients, error = fit(rows)
    np.testing.assert_allclose(coefficients, (2e-5, 3e-10, 4e-9), rtol=1e-6)
    assert error < 1e-6
    slower = [(net, n, seconds * (1.2 if n == 100 else 1)) for net, n, seconds in rows]
    assert 0.01 < fit(slower)[1] < 0.2


def test_steps_of_all_replicas_are_measured_where_they_are_made(monkeypatch):
    """The clock counts only steps of batches, each as long as the formula says."""
    from jamming.kernels.batched import BatchedHingeAdam
    from jamming.planning import speed

    elapsed = [0.0]

    def timed(self, rates):
        net, patterns = self.network, self.labels.numel()
        elapsed[0] += len(rates) * (2e-3 + patterns * (3e-10 * net.n_weights + 4e-9 * (net.dim + net.n_hidden)))

    def made(*_):
        return Network(5, 5, 2, "relu"), 100, 1.0

    monkeypatch.setattr(BatchedHingeAdam, "advance", timed)
    monkeypatch.setattr(speed.time, "perf_counter", lambda: elapsed[0])
    for name in ("_hinge_step", "_cross_entropy_step", "_evaluation"):
        monkeypatch.setattr(speed, name, made)
    for name in ("_spectrum", "_effective", "_start"):
        monkeypatch.setattr(speed, name, lambda *_: (1.0, 1.0))
    monkeypatch.setattr(speed, "_slope", lambda points: (1.0, 1.0))
    speeds = speed.measure("cpu", "batched", seconds=0.0)
    assert speeds.backend == "batched torch" and set(speeds.together) == {"relu", "tanh"}
    np.testing.assert_allclose(speeds.together["relu"], (2e-3, 3e-10, 4e-9), rtol=1e-6)
    assert speed.measure("cpu", "torch", seconds=0.0).together == {}


@pytest.mark.slow
def test_a_plan_of_this_machine(tmp_path, capsys):
    """All speeds are really measured. The time of looking at a network agrees with the time of training it."""
    from jamming.planning import speed

    speeds = speed.measure(dtype="mixed", seconds=0.01)
    assert all(value >= 0 for cost in (*speeds.step.values(), speeds.evaluation) for value in cost)
    assert all(sum(cost) > 0 for cost in (*speeds.step.values(), speeds.spectrum, speeds.effective))
    # The compiled step needs numpy, the measurements scipy besides.
    assert 0.05 < speeds.start["training"] < speeds.start["measuring"] < 30
    assert 1e7 < speeds.base["training"] < speeds.base["measuring"] < 2e9
    assert speeds.backend != "unknown" and 0 <= speeds.error < 2
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setattr(speed, "measure", lambda *_, **__: speeds)
        assert main(["plan", "--preset", "paper"]) == 0
    out = capsys.readouterr().out
    for name in ("fig1 ", "fig12", "generalization/figB2", "all"):
        assert re.search(rf"│ {name} *│ *[\d,]+ │ *[\d.e+]+ │", out), name
    assert "CPU-hours" in out and "of the time is training" in out


def test_the_disk_of_a_run_is_what_it_takes(tmp_path):
    """A real run of the smoke preset, compared with its line in the plan."""
    import subprocess
    import sys

    from jamming import datasets

    point = next(iter(read_points(load("smoke"))["relu_L3"].values()))
    spec = {"dataset": "random", "dim": 7, "n_patterns": 4000, "seed": 1}
    store.write(tmp_path / "data.h5", "dataset", spec, datasets.generate("random", 7, 4000, 1), {})
    words = ["train", "--spec", point.to_json(), "--data", tmp_path / "data.h5", "--out", tmp_path / "run.h5"]
    command = [sys.executable, "-m", "jamming", *map(str, words)]
    subprocess.run(command, check=True, env=environment(PYTHONPATH="workflow"), capture_output=True)
    job = planned_for("smoke")["fig6"][f"train/relu_L3/{point.name}"]
    assert 0.4 < (tmp_path / "run.h5").stat().st_size / job.disk < 2.5


# The configuration, as Snakemake reads it


def test_the_configuration_is_the_one_snakemake_merges(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("sweeps: {relu_L2: {replicas: 7, protocol: {rate: 1e-3}}}\n")
    config = load("smoke", [mine])
    assert config["preset"] == "smoke" and config["sweeps"]["relu_L2"]["replicas"] == 7
    assert config["sweeps"]["relu_L2"]["protocol"]["rate"] == 1e-3
    folder = copy_of_the_project(tmp_path / "copy")
    words = ["figures/fig6.pdf", "-n", "-p", "--configfile", str(mine), "--config", "preset=smoke"]
    specs = re.findall(r"--spec '(\{[^']*\"relu_L2\"[^']*\})'", snakemake(folder, *words).stdout)
    points = read_points(config)["relu_L2"].values()
    assert sorted(specs) == sorted(point.to_json() for point in points)


@pytest.mark.parametrize(
    ("text", "words"), [("- 1\n", "must be a mapping"), ("a: [\n", "cannot be read"), (None, "cannot be")]
)
def test_a_file_that_is_no_configuration_is_one_sentence(tmp_path, text, words):
    path = tmp_path / "mine.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        load("smoke", [path])
    assert "mine.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_a_job_knows_its_kind():
    assert Job("train/relu_L2/P00100_h0004", 1, 1, 1).trains
    assert Job("spectra/relu_L2/P00100_h0004", 1, 1, 1).kind == "spectra"
    assert json.dumps(dataclasses.asdict(Job("fetch", 1.0, 1.0, 1.0)))
