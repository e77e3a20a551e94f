"""`only`: some sweeps are run, and figures show the part that is there."""

import numpy as np
import pytest

from helpers import synthetic
from helpers.changed_config import changed
from helpers.drawn import ANALYSIS, panel, words
from helpers.speeds import SPEEDS
from helpers.workflow_copy import copy_of_the_project, planned, said, snakemake
from jamming import figures, tables
from jamming.analysis import AnalysisError
from jamming.config import ConfigError, checked, read_lines, read_points
from jamming.planning.cost import plan
from jamming.storage import store

IN_PART = ("fig6", "fig7", "fig8")
RUN = "relu_L3"


@pytest.fixture(scope="module")
def results():
    return synthetic.make_results()


def some_of(results, *sweeps):
    return {kind: {sweep: of_kind[sweep] for sweep in sweeps if sweep in of_kind} for kind, of_kind in results.items()}


def test_other_sweeps_and_lines_have_no_points():
    config = changed(("only",), [RUN, "line_mnist_L1"])
    assert list(read_points(config)) == [RUN] and list(read_lines(config)) == ["line_mnist_L1"]
    assert RUN in read_points(changed(("only",), [])) and len(read_lines(changed(("only",), []))) > 1


def test_an_unknown_name_is_one_sentence():
    with pytest.raises(ConfigError, match="only names 'relu_L4', but must be of relu_L2, relu_L3"):
        checked(changed(("only",), ["relu_L4"]))


@pytest.mark.parametrize("name", IN_PART)
def test_a_figure_of_one_sweep_says_what_was_not_run(results, name, tmp_path):
    table = tables.tabulate(name, some_of(results, RUN), ANALYSIS)
    store.write(tmp_path / "table.h5", "table", {}, table, {})
    drawn = figures.draw(name, store.read(tmp_path / "table.h5", "table").tree)
    assert "tanh: not run" in words(panel(drawn, "d" if name != "fig7" else "e"))
    whole = tables.tabulate(name, results, ANALYSIS)
    parts = {"fig6": ("relu", "L3"), "fig7": ("relu", "h", "L3"), "fig8": ("relu", "positive", "L3")}[name]
    for part in parts:
        table, whole = table[part], whole[part]
    if name != "fig7":  # whose bins depend on all sweeps
        np.testing.assert_equal(table, whole)
    assert table["n_runs"] > 0


@pytest.mark.parametrize("name", IN_PART)
def test_a_figure_of_the_other_kind_of_network_alone(results, name):
    drawn = figures.draw(name, tables.tabulate(name, some_of(results, "tanh_L3"), ANALYSIS))
    assert "ReLU: not run" in words(panel(drawn, "a"))


def test_a_figure_that_needs_all_its_sweeps_names_the_one_that_lacks(results):
    with pytest.raises(AnalysisError, match="'generalization/fig3' needs runs of sweep 'relu_L2'"):
        tables.tabulate("generalization/fig3", some_of(results, RUN, "mnist_L5"), ANALYSIS)
    with pytest.raises(AnalysisError, match="'fig6' needs runs of sweep 'relu_L2'"):
        tables.tabulate("fig6", some_of(results, "mnist_L5"), ANALYSIS)


def test_the_plan_counts_what_is_run():
    config = changed(("only",), [RUN])
    jobs = plan(config, read_points(config), read_lines(config), SPEEDS)
    drawn = {name.removeprefix("figures/") for name in jobs if name.startswith("figures/")}
    assert set(IN_PART) < drawn and "fig9" not in drawn
    trained = [job.name for job in jobs.values() if job.steps]
    assert trained and all(name.startswith(f"train/{RUN}/") for name in trained)


def test_the_workflow_runs_what_is_named(tmp_path):
    fresh = copy_of_the_project(tmp_path / "jamming")
    some = ("-n", "-q", "rules", "--config", f"only=[{RUN}]", "preset=smoke")
    jobs = planned(snakemake(fresh, *some))
    # fig2, fig3, fig4 and [S] fig. 2 need no results.
    assert jobs["draw"] == len(IN_PART) + 4 and "find_transition" not in jobs
    assert jobs["train"] == len(read_points(changed(("only",), [RUN], base="smoke"))[RUN])
    refused = snakemake(fresh, "figures/fig9.pdf", *some, check=False)
    assert refused.returncode != 0
    assert "Figure fig9 needs 'mnist_L5', which only leaves out; add it." in said(refused)
