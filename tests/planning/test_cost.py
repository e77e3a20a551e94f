"""The jobs of a plan are those of the workflow, their costs are as computed by hand, and a wrong plan is noticed."""

import dataclasses
import subprocess
import sys

import pytest

from helpers.planned_jobs import needed_by
from helpers.speeds import SPEEDS, speeds
from helpers.workflow_copy import environment
from jamming import datasets
from jamming.__main__ import main
from jamming.config import load, read_lines, read_points
from jamming.planning import cost, speed
from jamming.planning.cost import PlanError, measured, memory_of_measurement, plan
from jamming.spec import Network
from jamming.storage import store

# relu_L3 of smoke: d = h = 7, N = 154, Ñ = 176; 1500 steps of Adam, two replicas.
POINT = "train/relu_L3/P00308_h0007"


def planned_for(preset, of=SPEEDS, **changes):
    config = load(preset)
    for path, value in changes.items():
        place, *keys, last = config, *path.split("__")
        for key in keys:
            place = place[key]
        place[last] = value
    return plan(config, read_points(config), read_lines(config), of)


@pytest.mark.parametrize("preset", ["smoke", "quick", "paper"])
def test_the_jobs_are_those_of_the_workflow(preset, plan_of):
    counted = {}
    for job in planned_for(preset).values():
        rule = f"measure_{job.name.replace('/', '_')}" if job.rule == "measure_sweep" else job.rule
        counted[rule] = counted.get(rule, 0) + 1
    assert counted == {name: count for name, count in needed_by(plan_of(preset), "all").items() if name != "all"}


def test_one_training_by_hand():
    job = planned_for("smoke")[POINT]
    step = 1e-5 + 308 * (1e-10 * 154 + 2e-9 * (7 + 21))
    assert job.steps == 2 * 1500
    assert job.seconds == pytest.approx(0.5 + 2 * 1500 * step)
    # 11 states of 176 parameters, and Δ and f of each pattern.
    assert job.disk == pytest.approx(2 * (11 * 176 * 8 + 2 * 308 * 8 + 30_000))


def test_replicas_trained_together_share_the_constant_part_of_a_step():
    job = planned_for("smoke", speeds(together=True))[POINT]
    assert job.seconds == pytest.approx(0.5 + 1500 * (1e-5 + 2 * 308 * (1e-10 * 154 + 2e-9 * (7 + 21))))
    lines = [
        [job for job in planned_for("quick", of).values() if job.rule == "find_transition"]
        for of in (SPEEDS, speeds(together=True))
    ]
    assert lines[0] == lines[1], "replicas of a search are at different widths"


def test_each_stage_has_its_own_speed():
    """In mixed precision most steps are in single precision; those of L-BFGS are in double."""
    double, mixed = (planned_for("smoke", dtype=dtype)[POINT].seconds - 0.5 for dtype in ("float64", "mixed"))
    assert 0.5 < mixed / double < 0.7
    protocol = {
        "sweeps__relu_L3__protocol__name": "hinge_lbfgs_annealed",
        "sweeps__relu_L3__protocol__lbfgs_steps": 500,
    }
    assert (planned_for("smoke", **protocol)[POINT].seconds - 0.5) / double == pytest.approx((3 * 500 + 1000) / 1500)


def test_networks_far_below_jamming_are_likely_to_stop_early():
    """P/N = 2 makes all steps, a quarter of that a quarter of the steps; at most both make all."""
    (_, point), *_ = read_points(load("smoke"))["relu_L3"].items()
    jobs = [cost._training(dataclasses.replace(point, n_train=n_train), SPEEDS) for n_train in (400, 308, 77)]
    assert [job.likely_seconds / job.seconds for job in jobs] == pytest.approx([1, 1, 0.25])
    assert {job.steps for job in jobs} == {3000}


def test_a_search_counts_as_four_trainings_of_its_first_network():
    point = next(iter(read_lines(load("smoke"))["line_hinge_L3"].values()))
    job = planned_for("smoke")[f"lines/line_hinge_L3/{point.name}"]
    first = point.network(cost.first_width(point))
    step = 1e-5 + point.n_train * (1e-10 * first.n_weights + 2e-9 * (first.dim + first.n_hidden))
    assert job.steps == 4 * point.replicas * point.protocol.steps
    assert job.seconds == pytest.approx(0.5 + job.steps * step)
    assert job.likely_seconds == pytest.approx(job.seconds * 2.6 / 4)


def test_a_step_of_sgd_takes_a_batch_and_now_and_then_a_look_at_all():
    sgd = next(step for step in SPEEDS.steps if step.method == "sgd")
    assert cost.patterns_of(sgd, 400) == pytest.approx(200 + 400 / 10 / 3)
    assert cost.patterns_of(sgd, 20_000) == pytest.approx(1024 + 20_000 / 19 / 3)


def test_one_measurement_by_hand():
    """Both replicas, Ñ = 153: three spectra each, or the two states for N_eff."""
    spectra = planned_for("smoke")["spectra/relu_L2/P00312_h0008"]
    assert spectra.seconds == pytest.approx(0.5 + 2 * 3 * 1e-10 * 153**3)
    assert spectra.memory == 1e9 + 4 * 8 * 153**2 == memory_of_measurement("spectra", Network(8, 8, 2, "relu"))


def test_a_sweep_is_measured_in_one_job():
    jobs = planned_for("smoke")
    points = read_points(load("smoke"))["relu_L5"].values()
    assert [name for name in jobs if name.startswith("preactivations/relu_L5")] == ["preactivations/relu_L5"]
    assert jobs["preactivations/relu_L5"].disk == sum(point.replicas for point in points) * 30_000


def test_an_unknown_sweep_is_one_sentence():
    config = load("smoke")
    points = read_points(config)
    del points["relu_L5"]
    with pytest.raises(PlanError, match=r"figure fig5 needs 'relu_L5', which the config does not have; add it\."):
        plan(config, points, read_lines(config), SPEEDS)


def test_the_disk_of_a_run_is_what_it_takes(tmp_path):
    """A real run of the smoke preset, compared with its line in the plan."""
    point = next(iter(read_points(load("smoke"))["relu_L3"].values()))
    spec = {"dataset": "random", "dim": 7, "n_patterns": 4000, "seed": 1}
    store.write(tmp_path / "data.h5", "dataset", spec, datasets.generate("random", 7, 4000, 1), {})
    words = ["train", "--spec", point.to_json(), "--data", tmp_path / "data.h5", "--out", tmp_path / "run.h5"]
    command = [sys.executable, "-m", "jamming", *map(str, words)]
    subprocess.run(command, check=True, env=environment(PYTHONPATH="workflow"), capture_output=True)
    job = planned_for("smoke")[f"train/relu_L3/{point.name}"]
    assert 0.4 < (tmp_path / "run.h5").stat().st_size / job.disk < 2.5


def write_benchmarks(folder, jobs, factor):
    """Benchmarks as Snakemake writes them on a busy machine: by the clock all takes ten times as long."""
    for job in jobs:
        path = folder / f"{job.name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        seconds = job.likely_seconds * factor
        path.write_text(f"s\tmean_load\tcpu_time\n{10 * seconds:.4f}\t1.0\t{seconds:.4f}\n")


def test_benchmarks_are_read_by_the_name_of_the_job(tmp_path):
    jobs = list(planned_for("smoke").values())
    write_benchmarks(tmp_path, jobs[::2], 2)
    (tmp_path / f"{jobs[0].name}.tsv").write_text("s\tmean_load\tcpu_time\n0.2\tNA\tNA\n")
    found = measured(jobs, tmp_path)
    assert found == {jobs[0].name: 0.2} | {
        job.name: pytest.approx(2 * job.likely_seconds, abs=1e-3) for job in jobs[2::2]
    }
    with pytest.raises(PlanError, match="holds no benchmark of these jobs; give results/PRESET/benchmarks"):
        measured(jobs, tmp_path / "elsewhere")


@pytest.mark.parametrize(("factor", "code"), [(1.0, 0), (1.4, 0), (0.7, 0), (1.7, 1), (0.5, 1)])
def test_the_check_fails_beyond_a_factor_of_one_and_a_half(tmp_path, capsys, monkeypatch, factor, code):
    monkeypatch.setattr(speed, "measure", lambda *_: SPEEDS)
    write_benchmarks(tmp_path, planned_for("smoke").values(), factor)
    assert main(["plan", "--preset", "smoke", "--check", str(tmp_path)]) == code
    out, error = capsys.readouterr()
    assert f"{1 / factor:.2f}" in out.split("against")[1]
    assert ("more than a factor 1.5 apart" in error) == bool(code)
