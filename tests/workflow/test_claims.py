"""Claims from stored results to the printed table: files, formats, rules, and sweeps that are missing."""

import csv
import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from helpers import synthetic
from helpers.changed_config import PRESETS
from helpers.planned_jobs import needed_by
from helpers.synthetic import SETTINGS
from helpers.workflow_copy import copy_of_the_project, planned, said, snakemake
from jamming import claims
from jamming.__main__ import main
from jamming.claims import listing
from jamming.claims.catalogue import read_catalogue
from jamming.claims.verdict import VERDICTS
from jamming.inventory import claim_groups
from jamming.storage import layout, store

ROOT = Path(__file__).resolve().parents[2]
KEYS = (
    *("id", "group", "statement", "published", "source", "observable", "unit", "value", "interval_68", "interval_95"),
    *("n_runs", "verdict", "ungated", "reason", "follows_from", "parts", "tolerance", "inputs"),
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The folder of the made-up results, and their places in it by sweep."""
    folder, places = tmp_path_factory.mktemp("results") / "made up", {}
    for sweeps in synthetic.make_results().values():
        for sweep, results in sweeps.items():
            if not any(sweep in names for group in claim_groups() for names in claims.needs(group).values()):
                continue
            for result in results:
                place = layout.place_of(result.kind, result.spec)
                store.write(folder / place, result.kind, result.spec, result.tree, {})
                places.setdefault(sweep, []).append(place)
    return folder, places


def kind_of(place):
    """The kind of results at this place: "runs" or "gaps"."""
    return place.split("/")[-3]


def measure_all(folder, places, out, groups=None):
    """Do what the rules do, from stored results to claims.json and claims.csv, for these `groups`."""
    files = [out / "claims" / f"{group}.json" for group in claim_groups()]
    for group in groups or claim_groups():
        path = out / "claims" / f"{group}.json"
        needed = {(kind, name) for kind, names in claims.needs(group).items() for name in names}
        of_sweeps = [(sweep, place) for sweep, found in places.items() for place in found]
        given = [str(folder / place) for sweep, place in of_sweeps if (kind_of(place), sweep) in needed]
        words = ["measure-claims", group, "--settings", SETTINGS, "--preset", "made", "--inputs", *given]
        assert main([*words, "--out", str(path)]) == 0
    words = ["collect-claims", "--claims", str(ROOT / "config/claims.yaml"), "--preset", "made"]
    words += ["--out", str(out / "claims.json"), "--table", str(out / "claims.csv"), "--measured", *map(str, files)]
    assert main(words) == 0
    return out / "claims.json"


@pytest.fixture(scope="module")
def collected(stored, tmp_path_factory):
    return measure_all(*stored, tmp_path_factory.mktemp("out"))


def test_claims_json_is_as_agreed(collected, stored):
    found = json.loads(collected.read_text())
    assert list(found) == ["preset", "commit", "dirty", "package", "claims"]
    assert (found["preset"], len(found["commit"])) == ("made", 40) or found["commit"] == "unknown"
    assert [claim["id"] for claim in found["claims"]] == [c.id for c in read_catalogue(ROOT / "config/claims.yaml")]
    for claim in found["claims"]:
        assert tuple(claim) == KEYS
        assert claim["verdict"] in VERDICTS and claim["reason"].endswith(".") and "\n" not in claim["reason"]
        assert set(claim["tolerance"]) == {"low", "high", "argument"}
        if claim["interval_95"]:
            low, high = claim["interval_95"]
            assert low <= claim["interval_68"][0] <= claim["value"] <= claim["interval_68"][1] <= high
    measured = [claim for claim in found["claims"] if claim["group"] != "unmeasured"]
    assert sum(claim["interval_95"] is not None for claim in measured) > len(measured) - 5
    assert all(claim["value"] is None for claim in found["claims"] if claim not in measured)
    assert {"reproduced", "inconclusive", "not testable at this size"} <= {c["verdict"] for c in found["claims"]}


def test_inputs_are_the_files_a_claim_was_measured_on(collected, stored):
    folder, places = stored
    (claim,) = [claim for claim in json.loads(collected.read_text())["claims"] if claim["id"] == "jump-above-bound"]
    of_sweeps = [place for sweep in ("relu_L2", "relu_L5") for place in places[sweep]]
    assert set(claim["inputs"]) == {place for place in of_sweeps if kind_of(place) in ("spectra", "preactivations")}
    for path, digest in claim["inputs"].items():
        assert digest == hashlib.sha256((folder / path).read_bytes()).hexdigest()


def test_the_same_results_give_the_same_bytes(collected, stored, tmp_path):
    shutil.copytree(collected.parent / "claims", tmp_path / "claims")
    groups = ("jump", "exponents", "generalization")
    for group in groups:
        (tmp_path / "claims" / f"{group}.json").unlink()
    again = measure_all(*stored, tmp_path, groups)
    assert again.read_bytes() == collected.read_bytes()
    assert again.with_suffix(".csv").read_bytes() == collected.with_suffix(".csv").read_bytes()
    assert not re.search(r"\d{4}-\d\d-\d\d", again.read_text())


def test_csv_holds_one_tidy_row_per_claim(collected):
    with open(collected.with_suffix(".csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = json.loads(collected.read_text())["claims"]
    assert [row["id"] for row in rows] == [claim["id"] for claim in found]
    for row, claim in zip(rows, found, strict=True):
        assert row["value"] == ("" if claim["value"] is None else str(claim["value"]))
        assert row["high_95"] == (str(claim["interval_95"][1]) if claim["interval_95"] else "")
        assert row["tolerance_low"] == ("" if claim["tolerance"]["low"] is None else str(claim["tolerance"]["low"]))


def test_the_table_shows_every_claim_and_adds_up(collected, capsys):
    assert main(["show-claims", str(collected)]) == 0
    printed = capsys.readouterr().out
    found = json.loads(collected.read_text())["claims"]
    for claim in found:
        assert claim["id"] in printed
    tally = " ".join(printed.split()).partition(f" {len(found)} claims: ")[2]
    counts = re.findall(r"(\d+) (reproduced|not reproduced|inconclusive|not testable at this size)", tally)
    assert sum(int(count) for count, _ in counts[:4]) == len(found)
    not_testable = [claim for claim in found if claim["verdict"] == "not testable at this size"]
    assert sum(int(count) for count, _ in counts[4:]) == len(not_testable), "what they would be otherwise"
    assert {claim["ungated"] for claim in found} <= {"reproduced", "not reproduced", "inconclusive"}


def test_markdown_quotes_the_numbers_of_the_file(collected, capsys):
    assert main(["show-claims", str(collected), "--markdown"]) == 0
    text = capsys.readouterr().out
    for claim in json.loads(collected.read_text())["claims"]:
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{claim['id']}` ")]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[2] == listing.number(claim["value"]) and cells[4] == listing.interval(claim["interval_95"])
        assert cells[6].startswith(f"**{claim['verdict']}")
        assert (claim["ungated"] in cells[6]) == (claim["verdict"] in (claim["ungated"], "not testable at this size"))
    assert text.startswith("# Claims of the two papers at preset made\n") and text.endswith("\n")
    assert "Generated by" in text


def test_absent_sweeps_make_claims_not_testable_and_nothing_fails(stored, tmp_path):
    folder, places = stored
    path = measure_all(folder, {name: places[name] for name in ("relu_L2", "line_hinge_L3")}, tmp_path)
    found = {claim["id"]: claim for claim in json.loads(path.read_text())["claims"]}
    assert found["cusps-random-L2"]["value"] is not None
    assert found["jump-random"]["verdict"] == "not testable at this size"
    assert found["jump-random"]["reason"] == "It takes the sweeps relu_L3, relu_L5, which the config does not have."
    assert "It takes the lines line_hinge_L2, line_hinge_L5" in found["bound-hinge"]["reason"]
    assert "jump-random" in path.with_suffix(".csv").read_text()
    assert main(["show-claims", str(path)]) == 0


def test_without_its_file_show_claims_says_what_to_run(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["show-claims"]) == 1
    preset = yaml.safe_load((ROOT / "config/config.yaml").read_text())["preset"]
    error = capsys.readouterr().err
    assert f"results/{preset}/claims.json cannot be read" in error and "snakemake --cores 2 claims" in error


def test_a_group_that_was_not_measured_is_named(collected, tmp_path, capsys):
    words = ["collect-claims", "--claims", str(ROOT / "config/claims.yaml"), "--preset", "made"]
    words += ["--out", str(tmp_path / "claims.json"), "--table", str(tmp_path / "claims.csv")]
    assert main([*words, "--measured", str(collected.parent / "claims" / "jump.json")]) == 1
    assert "measure the group 'position' again" in capsys.readouterr().err
    assert not (tmp_path / "claims.json").exists()


# --- the rules ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_plans_the_claims(plan_of, preset):
    jobs = needed_by(plan_of(preset), "claims")
    assert jobs["measure_claims"] == len(claim_groups())
    assert jobs["collect_claims"] == jobs["claims"] == 1
    # The figures need no pre-activations of MNIST; the claims do, and nothing else that is new.
    assert jobs["measure_preactivations_mnist_L5"] == 1 and jobs["train"] > 0


def test_the_claims_are_no_part_of_the_figures(plan_of):
    jobs = needed_by(plan_of("smoke"), "all")
    assert jobs["draw"] > 0 and not [name for name in jobs if "claims" in name]


def rules_of(text):
    """The rules in the table of jobs that Snakemake prints before it runs them."""
    return {name for name, _ in re.findall(r"^(\w+) +(\d+)$", text, re.MULTILINE)} - {"total"}


def test_the_rules_run_without_any_sweep_of_the_claims(tmp_path):
    """All is not testable, and nothing fails; asked again it is printed again; a tolerance edited, judged again."""
    fresh = copy_of_the_project(tmp_path / "jamming")
    config, sizes = (
        yaml.safe_load((fresh / "config" / name).read_text()) for name in ("config.yaml", "presets/smoke.yaml")
    )
    for values in (config, sizes):
        values["sweeps"] = {"mine": values["sweeps"]["relu_L2"]}
        values["lines"] = {}
    for name, values in (("config.yaml", config), ("presets/smoke.yaml", sizes)):
        (fresh / "config" / name).write_text(yaml.safe_dump(values))
    words = ("claims", "--cores", "1", "--config", "preset=smoke")
    first, again = (said(snakemake(fresh, *words)) for _ in range(2))
    for printed in (first, again):
        assert "Claims of the two papers at preset smoke" in printed and "not testable at this size" in printed
    assert rules_of(first) - rules_of(again) == {
        "collect_claims",
        "measure_claims",
    }
    found = json.loads((fresh / "results/smoke/claims.json").read_text())
    assert {claim["verdict"] for claim in found["claims"]} == {"not testable at this size"}
    assert found["commit"] == "unknown" and found["dirty"] is None
    catalogue = fresh / "config/claims.yaml"
    catalogue.write_text(catalogue.read_text().replace("n_weights: 4000", "n_weights: 4001"))
    jobs = planned(snakemake(fresh, "claims", "-n", "-q", "rules", "--config", "preset=smoke"))
    assert set(jobs) - {"total"} == {"collect_claims", "claims"}
