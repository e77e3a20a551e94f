"""The benchmarks run with tiny sizes; compared engines do the same work; the bounds of a Verlet list hold."""

import json
import subprocess
import sys
from collections import defaultdict

import numpy as np
import pytest
from matplotlib.figure import Figure

from helpers.speeds import SPEEDS
from helpers.workflow_copy import ROOT, environment
from jamming.config import load as config_of
from jamming.config import read_lines, read_points
from jamming.documents.generated import between_marks
from jamming.planning.cost import plan

FOLDER = ROOT / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    """Import a file of benchmarks/ by its name."""
    monkeypatch.syspath_prepend(FOLDER)
    names = {path.stem for path in FOLDER.glob("*.py")}
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield __import__
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The folder that the command writes, with tiny sizes, from another folder than the project's."""
    out = tmp_path_factory.mktemp("benchmarks")
    words = [sys.executable, FOLDER / "run.py", "--quick", "--out", out]
    # As in the Makefile: the benchmarks import one another from their own folder.
    variables = environment(PYTHONSAFEPATH=None)
    done = subprocess.run(words, cwd=out, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


def test_one_command_measures_everything(measured):
    data = json.loads((measured / "benchmarks.json").read_text())
    assert set(data) == {"machine", "training_step", "scaling", "motion", "dry_run", "spectra", "effective", "start_up"}
    assert data["machine"]["cores"] >= 1 and data["machine"]["backend"]
    for row in [*data["training_step"], *data["scaling"]]:
        assert row["seconds"] > 0 and row["limit"] > 0
    assert {row["against"] for row in data["scaling"]} == {"n_weights", "n_train", "replicas"}
    for row in [*data["spectra"], *data["effective"]]:
        assert row["threads"] == 1 and row["memory_gb"] > 0.05
    assert data["dry_run"][0]["jobs"] > 100 and data["dry_run"][0]["memory_mb"] > 20


def test_every_kind_of_job_of_quick_has_its_start_measured(measured):
    rows = {row["kind"]: row for row in json.loads((measured / "benchmarks.json").read_text())["start_up"]["rows"]}
    config = config_of("quick")
    jobs = plan(config, read_points(config), read_lines(config), SPEEDS).values()
    assert set(rows) == {job.name.split("/")[0] for job in jobs if job.rule != "fetch_mnist"} | {"claims"}
    assert {name for name, row in rows.items() if "matplotlib" in row["packages"]} == {"figures"}
    assert not any("torch" in row["packages"] for row in rows.values())
    assert all(row["seconds"] > 0 for row in rows.values())


def test_the_share_of_starts_is_that_of_the_benchmarks(load, tmp_path, monkeypatch):
    start_up = load("start_up")
    for name, seconds in (("train/relu_L2/P1", 8), ("train/relu_L2/P2", 10), ("gaps/relu_L2", 2), ("summaries/x", 5)):
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\n{seconds}\t0:00:08\n")
    monkeypatch.setattr(start_up, "_jobs", lambda folder: {"train": ["train"], "gaps": ["gaps"]})
    monkeypatch.setattr(start_up, "_imported", lambda words: {"json", "no.such.module"})
    monkeypatch.setattr(start_up, "_processor_time", lambda command: {"json": 0.5}[command[3]])
    found = start_up.measure(True, tmp_path)
    assert [(row["kind"], row["jobs"], row["seconds"]) for row in found["rows"]] == [
        ("train", 2, 0.5),
        ("gaps", 1, 0.5),
    ]
    assert found["total"] == 25
    lines = load("listing").markdown({"machine": defaultdict(str), "start_up": found})
    assert lines[-1] == "| all |  |  | 3 | 2 s, 6.0 % of 25 s |"
    assert "–" in load("listing").markdown({"machine": defaultdict(str), "start_up": {**found, "total": 0}})[-1]


def test_it_writes_tables_and_a_plot(measured):
    text = (measured / "benchmarks.md").read_text()
    assert text.count("\n**") == 7 and "autograd" in text and "GFLOP/s" in text
    assert (measured / "benchmarks.pdf").read_bytes().startswith(b"%PDF")
    assert (measured / "benchmarks.png").read_bytes().startswith(b"\x89PNG")


def test_parts_can_be_measured_anew_and_the_others_stay(measured, load, monkeypatch, capsys):
    run = load("run")
    before = json.loads((measured / "benchmarks.json").read_text())
    monkeypatch.setitem(
        run.PARTS,
        "dry_run",
        lambda quick, threads: [{"jobs": 7, "seconds": 1.0, "cpu_seconds": 0.9, "memory_mb": 50.0}],
    )
    monkeypatch.setattr(run.apart, "call", lambda *_, **__: before["machine"])
    monkeypatch.setattr(sys, "argv", ["run.py", "--only", "dry_run", "--out", str(measured)])
    run.main()
    after = json.loads((measured / "benchmarks.json").read_text())
    assert after.pop("dry_run")[0]["jobs"] == 7 and "| 7 | 1.0 s |" in capsys.readouterr().out
    assert after == {name: value for name, value in before.items() if name != "dry_run"}


def test_the_plot_says_what_was_not_measured(load):
    figure = load("plot").draw({"dry_run": [{"jobs": 10, "cpu_seconds": 1.0}, {"jobs": 100, "cpu_seconds": 9.0}]})
    assert isinstance(figure, Figure) and len(figure.axes) == 6
    said = ["".join(text.get_text() for text in axes.texts) for axes in figure.axes]
    assert [("not measured" in text) for text in said] == [True, True, True, True, False, True]


def test_the_docs_name_what_is_there():
    page = (ROOT / "docs" / "speed.md").read_text()
    assert "(speed.png)" in page and (ROOT / "docs" / "speed.png").stat().st_size < 150_000
    begin, end = "<!-- benchmarks: written by `make benchmarks` -->", "<!-- end of benchmarks -->"
    assert "| autograd (float64) |" in page.partition(begin)[2].partition(end)[0]
    assert f"{begin}\nanew\n\n{end}" in between_marks(page, "benchmarks", ["anew"], by="make benchmarks")
    assert "make benchmarks" in page and "make benchmarks" in (ROOT / "README.md").read_text()


# --- what is compared -----------------------------------------------------------------------------------------------


@pytest.fixture
def problem(load):
    problems = load("problems")
    return problems.jammed(problems.square(5, 2), 80)


def test_a_problem_has_the_unsatisfied_patterns_it_says(problem, load):
    assert problem.n_delta == round(0.75 * problem.network.n_weights) == 41
    everything = load("problems").jammed(problem.network, 20)
    assert everything.n_delta == 20, "no more than there are"


def test_every_engine_does_the_step_of_autograd(problem, load):
    engines = load("engines")
    steps = {name: make(problem) for name, (_, make) in engines.STEPS.items()}
    assert {name: [step() for _ in range(3)] for name, step in steps.items()} == dict.fromkeys(steps, [41] * 3)
    for name, (_, make) in engines.REPLICAS.items():
        assert make([problem, problem])() == 82, name


def test_the_plain_step_is_ours(load):
    from jamming.kernels.torch_step import TorchHingeAdam
    from jamming.network import unpack

    problems, engines = load("problems"), load("engines")
    made = problems.jammed(problems.square(5, 2), 80)
    ours = TorchHingeAdam(*made[:4], margin=made.margin)
    plain = engines.PlainAdam(made)
    for _ in range(5):
        n_delta = ours.compute_gradient()
        ours.update(engines.RATE)
        assert plain.step() == n_delta
    for (weights, biases), (plain_weights, plain_biases) in zip(
        unpack(ours.params, made.network), plain.layers, strict=True
    ):
        np.testing.assert_allclose(plain_weights.detach().numpy(), weights, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(plain_biases.detach().numpy(), biases, rtol=1e-12, atol=1e-13)


def test_medians_are_of_one_call(load, monkeypatch):
    """With a clock that only the calls move; the first call takes longer than the others."""
    timing, now, calls = load("timing"), [0.0], []

    def call():
        calls.append(now[0])
        now[0] += 0.5 if len(calls) == 1 else 1e-3

    monkeypatch.setattr(timing.time, "process_time", lambda: now[0])
    found = timing.medians({"a": call}, rounds=3, seconds=0.01)
    assert found["a"] == pytest.approx(1e-3) and len(calls) == 1 + 1 + 3 * 10


# --- a Verlet list --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_no_output_moves_further_than_the_bound(load, activation):
    from jamming import network as net
    from jamming.spec import Network

    motion = load("motion")
    network = Network(4, 6, 3, activation)
    generator = np.random.default_rng(0)
    inputs, before = generator.standard_normal((50, 4)), net.initial_params(network, 1)
    norms = motion.activation_norms(before, inputs, network)
    for size in (1e-6, 1e-2, 1.0):
        after = before + size * generator.standard_normal(len(before))
        moved = np.abs(net.forward(after, inputs, network)[0] - net.forward(before, inputs, network)[0])
        bound = motion.motion_bound(before, after, norms, network)
        assert np.all(moved <= bound) and np.max(moved / bound) > 1e-3


def test_the_bound_is_reached_where_everything_is_aligned(load):
    from jamming.spec import Network

    motion = load("motion")
    network = Network(1, 1, 1, "relu")
    before, after = np.array([1.0, 0.0, 1.0, 0.0]), np.array([1.5, 0.25, 2.0, 0.5])
    norms = motion.activation_norms(before, np.array([[2.0]]), network)
    # f = 2 before, and 2·(1.5·2 + 0.25) + 0.5 = 7 after.
    np.testing.assert_allclose(motion.motion_bound(before, after, norms, network), 5.0)


def test_gain_of_a_list(load):
    gain = load("motion").gain
    assert gain(1, 0.3, 0.25) == 1, "one that lasts a step saves nothing"
    assert gain(2, 0.5, 0.25) == pytest.approx(1.5 / (0.75 + 0.5))
    assert gain(np.inf, 0.25, 0.25) == pytest.approx(2.0)


@pytest.mark.parametrize("name", ["FULL", "QUICK"])
def test_looks_at_an_annealed_run_do_not_overlap(load, name):
    motion = load("motion")
    plan = getattr(motion, name)
    middles = [plan.steps * (1 - rate / plan.first_rate) for rate in plan.rates]
    assert np.all(
        np.diff([0, *middles, plan.steps]) >= np.array([0.5, *[1] * (len(middles) - 1), 0.5]) * 3 * plan.longest
    )


def test_a_list_never_outlasts_what_happens(load):
    """By the bound, no pattern may cross later than it really does."""
    motion = load("motion")
    plan = motion.Plan(8, 250, 1500, 1e-2, (5e-3, 1e-3), 30, 40, (1e-6,))
    found = motion.follow(plan)
    assert [row["protocol"] for row in found["rows"]] == ["annealed", "annealed", "constant"]
    for row in found["rows"]:
        lasts = [(a, b) for a, b in zip(row["by_bound"]["lasts"], row["in_fact"]["lasts"], strict=True) if a]
        assert lasts and all(1 <= bound <= fact <= plan.longest for bound, fact in lasts)
        assert 1 <= row["by_bound"]["gain"] <= row["in_fact"]["gain"]
        assert row["by_bound"]["gain"] <= row["by_bound"]["gain_each"] <= 1.5 + 0.5
    slow = found["rows"][-1]["by_bound"]["lasts"]
    assert np.all(np.diff([steps for steps in slow if steps]) >= 0), "a thicker skin lasts longer"
