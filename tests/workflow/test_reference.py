"""The tables in reference/laptop: complete, drawn without training, and made by the commands in docs/laptop.md."""

import hashlib
import re

import pytest

from helpers.workflow_copy import ROOT, copy_of_the_project, planned, said, snakemake
from jamming import figures, inventory
from jamming.config import load, read_points
from jamming.storage import store

FOLDER = ROOT / "reference" / "laptop"
SHOWN = ("fig6", "fig7", "fig8", "fig9")
PAGE = (ROOT / "docs" / "laptop.md").read_text(encoding="utf-8")


def test_every_file_is_the_one_that_was_archived():
    lines = [line.split("  ") for line in (FOLDER / "SHA256SUMS").read_text().splitlines()]
    found = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert {name for _, name in lines} | {"SHA256SUMS"} >= found
    for digest, name in lines:
        if name in found:
            assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name
    assert sum((FOLDER / name).stat().st_size for name in found) < 5e6


@pytest.mark.parametrize("name", SHOWN)
def test_tables_are_of_the_preset_and_can_be_drawn(name):
    table = store.read(FOLDER / "tables" / f"{name}.h5", "table")
    assert table.spec["preset"] == "laptop" and table.provenance["inputs"]
    assert figures.draw(inventory.module_of(name), table.tree).axes


def test_the_curve_is_that_of_the_preset():
    """At least twelve values of P/N between 2.6 and 3.2, of the papers' network with L = 3."""
    final = store.read(FOLDER / "tables" / "fig6.h5", "table").tree["relu"]["L3"]
    points = read_points(load("laptop"))["relu_L3"].values()
    assert sorted(final["n_train"]) == [point.n_train for point in points]
    assert len(points) >= 12 and final["n_weights"] == 7854
    assert final["p_over_n"].min() == pytest.approx(2.6, abs=0.01)
    assert final["p_over_n"].max() == pytest.approx(3.2, abs=0.01)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    return copy_of_the_project(tmp_path_factory.mktemp("fresh") / "jamming")


def test_one_switch_draws_without_training(fresh):
    words = ("--config", "reference=reference/laptop")
    jobs = planned(snakemake(fresh, "-n", "-q", "rules", *words))
    assert set(jobs) == {"draw", "all", "total"} and jobs["draw"] >= len(SHOWN)
    snakemake(fresh, "--cores", "1", "figures/fig6.pdf", *words)
    assert (fresh / "figures" / "fig6.pdf").read_bytes().startswith(b"%PDF")
    assert not (fresh / "results" / "laptop").exists()


def test_a_table_that_was_changed_since_is_not_drawn(tmp_path):
    """Somebody scaled it and sealed it again as a result. The checksums beside it notice."""
    folder = copy_of_the_project(tmp_path / "jamming")
    path = folder / "reference" / "laptop" / "tables" / "fig6.h5"
    table = store.read(path, "table")
    table.tree["relu"]["L3"]["p_over_n"] *= 1.1
    store.write(path, "table", table.spec, table.tree, table.provenance)
    done = snakemake(folder, "-n", "figures/fig6.pdf", "--config", "reference=reference/laptop", check=False)
    assert done.returncode == 1 and "Traceback" not in said(done)
    assert "reference/laptop/tables/fig6.h5 is not the file that was archived" in said(done)


def test_the_commands_of_the_page_plan_what_they_say(fresh):
    assert (
        "--config preset=laptop 'only=[relu_L3,mnist_L5]' 'sweeps={mnist_L5: {n_train: [46000, 52000]}}' -- archive"
        in PAGE
    )
    some = ("only=[relu_L3,mnist_L5]", "sweeps={mnist_L5: {n_train: [46000, 52000]}}")
    jobs = planned(snakemake(fresh, "-n", "-q", "rules", "--config", "preset=laptop", *some, "--", "archive"))
    assert jobs["train"] == len(read_points(load("laptop"))["relu_L3"]) + 2 and jobs["archive"] == 1
    study = ("--configfile", "config/convergence.yaml", "--config", "preset=laptop", "--")
    names = load("laptop", [ROOT / "config" / "convergence.yaml"])["only"]
    jobs = planned(
        snakemake(fresh, "-n", "-q", "rules", *study, *(f"results/laptop/summaries/{n}.json" for n in names))
    )
    assert jobs["summarise_sweep"] == len(names) == 9 and "draw" not in jobs


@pytest.mark.parametrize("mark", ["convergence", "minimized", "sizes"])
def test_the_page_shows_the_summaries(mark):
    table = re.search(rf"<!-- {mark}: written by `make gallery` -->\n(.*?)<!-- end of {mark} -->", PAGE, re.DOTALL)[1]
    assert "| θ |" in table and "laptop, `" in table
