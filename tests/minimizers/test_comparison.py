"""The rows of the comparison: each is made once, survives an interruption, comes back from HDF5, and is shown."""

import json

import numpy as np
import pytest
import yaml

from jamming.__main__ import main
from jamming.minimizers import comparison, plot, table
from jamming.storage import store

SETTINGS = {
    "problems": {"tiny": {"dataset": "random", "dim": 5, "width": 12, "depth": 1, "activation": "relu"}},
    "methods": {
        "lbfgs_10": {"method": "lbfgs", "memory": 10},
        "adam_1e4": {"method": "adam", "steps": 200, "rate": 0.03},
    },
    "stages": [
        {"problem": "tiny", "ratios": [1.0, 12.0], "seeds": 2, "evaluations": 200, "methods": ["lbfgs_10", "adam_1e4"]}
    ],
}
MNIST = store.Result("dataset", {"dataset": "mnist"}, {}, {})


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return comparison.compare(SETTINGS, tmp_path_factory.mktemp("rows") / "rows.jsonl", MNIST, lambda _: None)


def without_time(row):
    return {**row, "seconds": 0, "trace": [[*line[:1], 0, *line[2:]] for line in row["trace"]]}


def test_a_row_for_each_network_and_method(rows):
    assert len(rows) == 8
    fits = {row["loss"] < 1e-7 for row in rows if row["asked"]["ratio"] == 1.0 and row["asked"]["method"] == "lbfgs_10"}
    assert fits == {True}
    assert {row["loss"] < 1e-7 for row in rows if row["asked"]["ratio"] == 12.0} == {False}


def test_rows_that_are_done_are_not_done_again(rows, tmp_path, monkeypatch):
    """An incomplete line is done again, and the file is complete afterwards."""
    path, done = tmp_path / "rows.jsonl", []
    comparison.compare(SETTINGS, path, MNIST, done.append)
    text = path.read_text()
    path.write_text(text[:-40])
    again = comparison.compare(SETTINGS, path, MNIST, done.append)
    assert len(done) == 9
    assert [without_time(row) for row in again] == [without_time(row) for row in rows]
    assert len(comparison.read_rows(path)) == 8


def test_hdf5_holds_them(rows, tmp_path):
    store.write(tmp_path / "rows.h5", "minimizers", SETTINGS, comparison.to_tree(rows), {})
    read = comparison.from_tree(store.read(tmp_path / "rows.h5", "minimizers").tree)
    for one, other in zip(rows, read, strict=True):
        assert np.array_equal(np.array(one["trace"], float), other["trace"])
        assert {**one, "trace": 0} == {**other, "trace": 0}


def test_the_verbs_make_the_file_and_show_it(rows, tmp_path):
    study, data, done = tmp_path / "study.yaml", tmp_path / "mnist.h5", tmp_path / "rows.jsonl"
    shown = {"panels": [["tiny", 1.0]], "transition": "tiny", "efforts": [100]}
    study.write_text(yaml.safe_dump({**SETTINGS, "shown": shown}))
    done.write_text("".join(json.dumps(row) + "\n" for row in rows))
    store.write(data, "dataset", {"dataset": "mnist"}, {"labels": np.ones(2)}, {})
    words = ["--study", study, "--data", data, "--rows", done, "--out", tmp_path / "made.h5"]
    assert main([str(word) for word in ("compare-minimizers", *words)]) in (0, None)
    page = tmp_path / "page.md"
    marks = (f"<!-- {name}: written by `make gallery` -->\n<!-- end of {name} -->" for name in ("comparison", "effort"))
    page.write_text("\n".join(marks))
    words = ["--comparison", tmp_path / "made.h5", "--into", page, "--out", tmp_path / "figure.png"]
    assert main([str(word) for word in ("show-minimizers", *words)]) in (0, None)
    assert "`lbfgs_10`" in page.read_text() and (tmp_path / "figure.png").stat().st_size > 1000


def test_the_tables_say_which_fit(rows):
    lines = table.markdown(rows)
    assert len(lines) == 2 + 4
    fitting, stuck = (next(line for line in lines if f"| {ratio} | `lbfgs_10`" in line) for ratio in (1, 12))
    assert "2 of 2" in fitting and "0 of 2" in stuck and "(200)" in stuck


def test_the_transition_is_where_half_of_them_fit():
    def row(ratio, fits_after):
        trace = [[1, 0.0, 1.0, 9], [fits_after, 0.0, 0.0, 0]]
        return {"asked": {"problem": "p", "method": "m", "ratio": ratio, "evaluations": 100}, "trace": trace}

    rows = [row(1.0, 5), row(1.2, 20), row(1.4, 20), row(1.4, np.inf), row(1.6, np.inf)]
    assert table.transition(rows, "p", [10, 50, 1000])[2] == "| `m` | 1.10 | 1.40 | – |"


def test_the_figure_has_a_line_for_each_row(rows):
    figure = plot.draw(rows, [("tiny", 1.0), ("tiny", 12.0)])
    assert [len(axes.lines) for axes in figure.axes] == [4, 4]
