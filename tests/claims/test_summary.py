"""Summaries of single sweeps: statistics of the claims for one sweep, in files, in a table, by a rule."""

import json

import pytest

from helpers import synthetic
from helpers.made_runs import ended
from helpers.synthetic import SETTINGS
from helpers.workflow_copy import copy_of_the_project, planned, said, snakemake
from jamming.__main__ import main
from jamming.analysis import Analysis
from jamming.claims import exponents, jump, position, summary
from jamming.claims.collection import from_json
from jamming.storage import layout, store

ANALYSIS = Analysis.from_settings(json.loads(SETTINGS))
SWEEP = "relu_L3"


@pytest.fixture(scope="module")
def results():
    made = synthetic.make_results()
    # The made-up results have pre-activations of the sweeps that figures show.
    made["preactivations"].setdefault(SWEEP, made["preactivations"]["relu_L5"])
    return {kind: made[kind] for kind in summary.KINDS}


@pytest.fixture(scope="module")
def written(results, tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    paths = []
    for result in (result for kind in summary.KINDS for result in results[kind][SWEEP]):
        paths.append(folder / layout.place_of(result.kind, result.spec))
        store.write(paths[-1], result.kind, result.spec, result.tree, {})
    words = ["summarise-sweep", SWEEP, "--settings", SETTINGS, "--inputs", *map(str, paths), "--preset", "made"]
    assert main([*words, "--out", str(folder / "summary.json")]) == 0
    return folder / "summary.json"


def test_each_number_is_that_of_the_claims(results):
    found = summary.summarise(SWEEP, results, ANALYSIS)
    assert found["P/N* (𝓛 > 10⁻⁶)"].value == position.location(SWEEP, results, ANALYSIS).value
    assert found["N_Δ/N at the jump"].value == jump.height((SWEEP,), results, ANALYSIS).value
    assert found["γ"].value == exponents.exponent("negative", -1.0, (SWEEP,), results, ANALYSIS).value
    assert all(measured.value is not None for measured in found.values())


def test_a_run_frozen_on_its_way_down_is_not_jammed_by_its_loss(results):
    """Every run above the made-up transition gets a tiny 𝓛: then none is jammed, though N_Δ > 0.1 N stays."""

    def frozen(result):
        replicas = {name: replica | ended(1e-7 * replica["final"]["delta"]) for name, replica in result.tree.items()}
        return store.Result(result.kind, result.spec, result.provenance, replicas)

    runs = {**results, "runs": {SWEEP: [frozen(result) for result in results["runs"][SWEEP]]}}
    by_number, by_loss = (of(SWEEP, runs, ANALYSIS) for of in (position.location_by_count, position.location))
    assert by_number.value == position.location_by_count(SWEEP, results, ANALYSIS).value
    assert by_loss.value is None and "which most do not" in by_loss.lacking


def test_files_hold_sizes_numbers_and_what_they_were_read_from(written, results):
    found = json.loads(written.read_text())
    assert found["sweep"] == SWEEP and found["sizes"]["depth"] == 3
    assert found["sizes"]["runs"] == sum(len(result.tree) for result in results["runs"][SWEEP])
    assert len(found["inputs"]) == len(summary.KINDS) * len(results["runs"][SWEEP])
    for path, digest in found["inputs"].items():
        assert digest == store.sha256_of(written.parent / path)


def test_side_by_side(written, capsys):
    assert main(["compare-sweeps", str(written), str(written)]) == 0
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["", *2 * [f"made, `{SWEEP}`"]] and {len(row) for row in rows} == {3}
    assert [row[1] for row in rows if row[0] == "of these by L-BFGS"] == ["0"]
    measured = from_json(json.loads(written.read_text())["statistics"]["γ"])
    low, high = measured.interval(0.95)
    (row,) = [row for row in rows if row[0] == "γ"]
    assert row[1] == row[2] == f"{measured.value:.3g} ({low:.3g} … {high:.3g})"


def test_a_statistic_that_one_summary_lacks_is_a_dash(written, tmp_path, capsys):
    """Summaries in `reference` may be older than a statistic."""
    older = json.loads(written.read_text())
    older["statistics"]["former"] = older["statistics"].pop("γ")
    (tmp_path / "older.json").write_text(json.dumps(older))
    assert main(["compare-sweeps", str(written), str(tmp_path / "older.json")]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {cells[0]: cells[1:] for cells in ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)}
    assert rows["γ"] == rows["former"][::-1] and rows["γ"][1] == "–" != rows["γ"][0]


def test_the_table_of_a_page_is_written_between_its_marks(written, tmp_path, capsys):
    page, words = tmp_path / "page.md", ["compare-sweeps", str(written)]
    page.write_text("before\n<!-- sizes: written by `make gallery` -->\nold\n<!-- end of sizes -->\nafter\n")
    assert main([*words, "--into", str(page), "--mark", "sizes"]) == 0
    assert main(words) == 0
    table = capsys.readouterr().out
    text = page.read_text()
    assert table in text and text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text


def test_the_rule_measures_what_a_summary_needs(tmp_path):
    fresh = copy_of_the_project(tmp_path / "jamming")
    words = ("-n", "-q", "rules", "--config", "preset=smoke")
    jobs = planned(snakemake(fresh, f"results/smoke/summaries/{SWEEP}.json", *words))
    trained = jobs["train"]
    assert jobs["measure"] == trained
    assert jobs[f"measure_gaps_{SWEEP}"] == jobs[f"measure_preactivations_{SWEEP}"] == 1
    assert jobs["summarise_sweep"] == 1
    refused = snakemake(fresh, "results/smoke/summaries/relu_L4.json", *words, check=False)
    assert "The config has no sweep 'relu_L4'; its sweeps are relu_L2" in said(refused)
