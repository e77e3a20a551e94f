"""nan and inf in tables are refused by name, except in columns where they mean that there is no number."""

import numpy as np
import pytest

from helpers import synthetic
from jamming import inventory, tables
from jamming.__main__ import main
from jamming.analysis import Analysis, AnalysisError
from jamming.analysis.finite import check_finite
from jamming.storage import store

ANALYSIS = Analysis(synthetic.MAX_LOSS, n_bootstrap=20, seed=1, drawn_network={"dim": 5, "depth": 3, "width": 6})


def test_no_table_of_sound_results_is_refused():
    """With one replica for each point, errors over replicas have no value."""
    results = synthetic.make_results(width=4, n_points=4, replicas=1)
    for figure in inventory.figures():
        check_finite(figure, tables.tabulate(inventory.module_of(figure), results, ANALYSIS))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("value", [lambda bad: bad, lambda bad: np.array([1.0, bad])])
def test_the_column_is_named(bad, value):
    with pytest.raises(AnalysisError, match="table 'fig6': 'relu/L3/p_over_n' holds nan or inf"):
        check_finite("fig6", {"relu": {"L3": {"n_star": bad, "p_over_n": value(bad)}}})


def test_words_and_counts_are_no_numbers_that_could_lack():
    check_finite("fig6", {"status": np.array(["nan"]), "name": "nan", "n": np.arange(3), "found": True})


def test_a_figure_is_not_drawn_from_it(tmp_path, capsys):
    spec = {"figure": "fig6", "preset": "x", "settings": {}}
    store.write(
        tmp_path / "fig6.h5", "table", spec, {"relu": {"p_over_n": np.array([np.nan])}}, {"commit": "", "dirty": 0}
    )
    assert main(["draw", "fig6", "--table", str(tmp_path / "fig6.h5"), "--out", str(tmp_path / "fig6.pdf")]) == 1
    error = capsys.readouterr().err
    assert "'relu/p_over_n' holds nan" in error and error.count("\n") == 1 and not (tmp_path / "fig6.pdf").exists()
