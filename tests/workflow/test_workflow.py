"""The workflow: it parses fast, plans every preset and figure, and runs from start to end in a temporary clone."""

import json
import re
import subprocess
import sys

import pytest
import yaml

from helpers.changed_config import PRESETS
from helpers.planned_jobs import needed_by
from helpers.shared import PRINTED
from helpers.workflow_copy import ROOT, copy_of_the_project, environment, planned, said, snakemake
from jamming import inventory, tables
from jamming.claims import unmeasured
from jamming.storage import store


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    return copy_of_the_project(tmp_path_factory.mktemp("fresh") / "jamming")


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_plans_every_figure(plan_of, preset):
    jobs = plan_of(preset)
    for figure in inventory.figures():
        needed = needed_by(jobs, f"figures/{figure}.pdf")
        assert needed["draw"] == needed["tabulate"] == 1, figure
        trains = needed["train"] + needed["find_transition"] > 0
        assert trains == bool(tables.needs(inventory.module_of(figure))), figure
    assert needed_by(jobs, "all")["draw"] == len(inventory.figures())


def test_a_figure_alone_is_planned_with_what_it_needs(fresh, plan_of):
    """So the test above, which reads the plan of all figures, is right about a single one."""
    jobs = planned(snakemake(fresh, "figures/fig7.pdf", "-n", "-q", "rules", "--config", "preset=smoke"))
    needed = needed_by(plan_of("smoke"), "figures/fig7.pdf")
    assert jobs == {**needed, "total": needed.total()}


def test_the_paper_preset_stays_under_3000_jobs(plan_of):
    jobs = needed_by(plan_of("paper"), "all")
    assert jobs["train"] == 5 * 128 + 27 + 2 * 51 and jobs["find_transition"] == 76
    assert jobs.total() < 3000


def test_data_come_first_and_then_the_longest_training(plan_of):
    """The priorities of jobs: a long job that starts last would run alone at the end."""
    worth = {output.removeprefix("results/"): job.priority for job in plan_of("quick") for output in job.outputs}
    short, long = "quick/runs/generalization_L2/P01000_h0001.h5", "quick/runs/generalization_L2/P05000_h0040.h5"
    search, spectra = "quick/lines/line_mnist_L1/P05000.h5", "quick/observables/spectra/relu_L2/P01886_h0020.h5"
    assert worth["mnist/pixels.h5"] == worth["quick/data/mnist_d10.h5"] > worth[long]
    assert worth[long] > worth[search] > worth[short] > worth[spectra] == 0


def test_random_data_figures_do_not_need_mnist(plan_of):
    jobs = plan_of("quick")
    for figure in ("fig1", "fig2", "fig3", "fig4", "fig5", "fig6", "fig7", "fig8", "fig12", "generalization/figA2"):
        assert "fetch_mnist" not in needed_by(jobs, f"figures/{figure}.pdf"), figure
    assert needed_by(jobs, "figures/fig9.pdf")["fetch_mnist"] == 1


COUNT_CALLS = """
import atexit, sys
from snakemake.cli import main

def count(frame, event, argument):
    global calls
    calls += event == "call"

calls = 0
atexit.register(lambda: print("calls:", calls))
sys.setprofile(count)
main(sys.argv[1:])
"""


def test_parsing_takes_few_calls(fresh):
    """Each remote job parses again. It finds the hashes of the modules that the first Snakemake kept.

    Planning everything then takes 1.4 million calls.
    """
    words = [sys.executable, "-c", COUNT_CALLS, "-n", "--until", "fetch_mnist", "results/mnist/pixels.h5"]
    snakemake(fresh, "-n", "fetch_mnist")
    done = subprocess.run(words, cwd=fresh, env=environment(), capture_output=True, text=True, check=True)
    assert "fetch_mnist" in done.stdout
    assert 200_000 < int(done.stdout.rpartition("calls:")[2]) < 2_000_000


def test_no_numerics_are_imported_to_parse():
    """Each remote job parses again; and the numerics never import Snakemake."""
    code = "import sys, jamming.config, jamming.storage.fingerprint, jamming.tables; print(*sys.modules)"
    variables = environment(PYTHONPATH=str(ROOT / "workflow"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=variables)
    assert not {"torch", "pandas", "matplotlib", "scipy"} & set(done.stdout.split())
    sources = "\n".join(path.read_text() for path in (ROOT / "workflow" / "jamming").rglob("*.py"))
    assert not re.search(r"^\s*(from|import) snakemake", sources, re.MULTILINE)


def test_figures_tables_and_observables_do_not_import_torch():
    for package in ("figures", "tables", "observables", "datasets"):
        for path in (ROOT / "workflow" / "jamming" / package).rglob("*.py"):
            assert not re.search(r"^\s*(from|import) torch", path.read_text(), re.MULTILINE), path


def test_every_rule_names_log_benchmark_environment_threads_and_resources():
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        text = path.read_text()
        rules = len(re.findall(r"^ *rule(?: \w+)?:$", text, re.MULTILINE))
        for word in ("log", "benchmark", "threads", "resources", "conda", "shell"):
            assert len(re.findall(rf"^ +{word}:", text, re.MULTILINE)) == rules, f"{path.name}: {word}"


def test_every_conda_environment_exists():
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        for name in re.findall(r"envs/([\w-]+\.yaml)", path.read_text()):
            assert yaml.safe_load((ROOT / "envs" / name).read_text())["dependencies"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["preset=huge"], "config: preset is 'huge', but must be one of laptop, paper, quick, smoke."),
        (["sweeps={relu_L2: {n_train: [1]}}"], "config: sweeps.relu_L2.n_train.0 is 1, but must be at least 2."),
        (["lines={line_mnist_L1: {n_train: [70001]}}"], "MNIST holds 70000 images: at most that."),
    ],
)
def test_a_wrong_config_is_one_sentence_and_no_traceback(fresh, words, sentence):
    """From each place in the Snakefile that reads it; tests/test_config.py tests the other mistakes."""
    done = snakemake(fresh, "-n", "--config", *words, check=False)
    assert done.returncode == 1
    assert sentence in said(done)
    assert "Traceback" not in said(done)


def test_precedence_is_config_over_user_file_over_preset_over_defaults(fresh):
    """In each step two files set one key; the job's parameters show which one wins."""
    user = fresh / "mine.yaml"
    user.write_text("sweeps: {relu_L2: {replicas: 7, n_train: [100, 200]}}\n")
    target = ["figures/fig12.pdf", "figures/fig6.pdf", "-n", "-p"]

    def spec_of_relu_l2(*words):
        done = snakemake(fresh, *target, *words)
        specs = re.findall(r"--spec '(\{[^']*relu_L2[^']*\})'", said(done))
        return [json.loads(text) for text in specs]

    plain = spec_of_relu_l2("--config", "preset=smoke")
    assert {(spec["replicas"], spec["network"]["width"]) for spec in plain} == {(2, 8)}
    mine = spec_of_relu_l2("--configfile", "mine.yaml", "--config", "preset=smoke")
    assert {(spec["replicas"], spec["network"]["width"]) for spec in mine} == {(7, 8)}
    assert sorted(spec["n_train"] for spec in mine) == [100, 200]
    both = spec_of_relu_l2("--configfile", "mine.yaml", "--config", "preset=smoke", "sweeps={relu_L2: {replicas: 9}}")
    assert {spec["replicas"] for spec in both} == {9}


@pytest.mark.slow
def test_smoke_draws_every_figure(finished_smoke):
    for name in inventory.figures():
        pdf, svg = (finished_smoke / "figures" / f"{name}.{suffix}" for suffix in ("pdf", "svg"))
        assert pdf.read_bytes().startswith(b"%PDF") and svg.read_text(encoding="utf-8").rstrip().endswith("</svg>")
        assert pdf.stat().st_size > 5000


@pytest.mark.slow
def test_smoke_panels_are_never_empty(finished_smoke):
    """Each figure shows converged and jammed runs, and runs near jamming where it selects them."""

    def groups(tree):
        if "n_runs" in tree:
            yield tree
        for value in tree.values():
            if isinstance(value, dict):
                yield from groups(value)

    for name in inventory.figures():
        table = store.read(finished_smoke / "results" / "smoke" / "tables" / f"{name}.h5", "table")
        for group in groups(table.tree):
            assert group["n_runs"] > 0, name
    runs = [store.read(path, "run", skip=("state",)) for path in (finished_smoke / "results/smoke/runs").rglob("*.h5")]
    for sweep in ("relu_L2", "relu_L3", "relu_L5", "tanh_L3", "mnist_L5"):
        ends = [
            replica["record"]["n_delta"][-1] / replica["n_weights"]
            for run in runs
            if run.spec["sweep"] == sweep
            for replica in run.tree.values()
        ]
        assert min(ends) < 0.25 < max(ends), sweep


@pytest.mark.slow
def test_smoke_claims_are_measured_and_printed(finished_smoke):
    assert "Claims of the two papers at preset smoke" in (finished_smoke / PRINTED).read_text(encoding="utf-8")
    claims = json.loads((finished_smoke / "results/smoke/claims.json").read_text())["claims"]
    lacking = {claim["id"] for claim in claims if "the config does not have" in claim["reason"]}
    assert lacking == set(unmeasured.STATISTICS)
    # One replica per point of a line has no interval; what selects runs near jamming has one.
    assert sum(claim["interval_95"] is not None for claim in claims) > len(claims) / 3


@pytest.mark.slow
def test_the_end_says_what_was_made_and_the_page_shows_it(finished_smoke):
    lines = (finished_smoke / PRINTED).read_text(encoding="utf-8").splitlines()
    for words in ("Figures: 20 in figures/", "Claims: ", "Open results/smoke/index.html"):
        assert any(line.startswith(words) for line in lines), words
    page = (finished_smoke / "results/smoke/index.html").read_text(encoding="utf-8")
    assert page.count("<figure ") == 20 and "Headline numbers" in page


def test_smoke_documents_are_made(finished_smoke):
    """The documents of the README: paper, notebook, explorer page, archive."""
    beginnings = {
        "paper/jamming.pdf": b"%PDF",
        "results/smoke/explore.html": b"<!DOCTYPE html>",
        "results/smoke/explorer.html": b"<!DOCTYPE html>",
        "results/smoke/jamming-smoke.zip": b"PK",
    }
    for name, beginning in beginnings.items():
        content = (finished_smoke / name).read_bytes()
        assert content.lstrip().lower().startswith(beginning.lower()) and len(content) > 50_000, name
    trace = [sys.executable, "-m", "jamming", "provenance", "figures/fig6.pdf"]
    variables = environment(PYTHONPATH=str(finished_smoke / "workflow"), PYTHONDONTWRITEBYTECODE="1")
    done = subprocess.run(trace, cwd=finished_smoke, env=variables, capture_output=True, text=True)
    assert done.returncode == 0 and "relu_L2" in done.stdout, said(done)


@pytest.mark.slow
def test_a_second_run_does_nothing(copy_of_smoke):
    assert "Nothing to be done" in said(snakemake(copy_of_smoke, "-n", "--config", "preset=smoke"))


@pytest.mark.slow
def test_results_know_how_they_were_made(finished_smoke):
    results = finished_smoke / "results" / "smoke"
    path = next((results / "runs" / "relu_L2").glob("P*.h5"))
    run = store.read(path, "run")
    assert run.provenance["inputs"]["dataset"] == store.sha256_of(results / "data" / "random_d8.h5")
    table = store.read(results / "tables" / "fig6.h5", "table")
    assert table.provenance["inputs"][f"runs/relu_L2/{path.name}"] == store.sha256_of(path)


@pytest.mark.slow
def test_the_workflow_passes_snakemake_s_linter():
    done = snakemake(ROOT, "--lint", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def commands_of_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [
        line.split("  #")[0].split()[1:]
        for line in text.splitlines()
        if line.startswith("snakemake ") and "--report" not in line
    ]


@pytest.mark.parametrize("words", commands_of_the_readme(), ids=" ".join)
def test_commands_of_the_readme_plan_work(fresh, words):
    assert planned(snakemake(fresh, *words, *([] if "-n" in words else ["-n"])))["train"] > 0
