"""Provenance: from figures, claims and results to the data; and the message if a file has changed."""

import copy
import json
import shutil

import pytest

from helpers import synthetic_folder
from jamming.__main__ import main
from jamming.provenance import history, stamp
from jamming.storage import layout, store

FIGURE = "fig8"
RUN = "runs/tanh_L3"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    results = folder / "results" / synthetic_folder.PRESET
    return folder, synthetic_folder.make_folder(results, figures=(FIGURE, "fig9"))


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    """A copy of the folder, in which the test may break things, with one figure drawn."""
    folder = shutil.copytree(made[0], tmp_path / "project")
    monkeypatch.chdir(folder)
    draw(FIGURE)
    return folder


def draw(figure):
    files = [f"figures/{figure}.pdf", f"figures/{figure}.svg"]
    assert main(["draw", figure, "--table", f"results/smoke/tables/{figure}.h5", "--out", *files]) == 0


def told(capsys, *words, code=0):
    capsys.readouterr()
    try:
        found = main(["provenance", *words])
    except SystemExit as left:
        found = left.code
    said = capsys.readouterr()
    assert found == code, said.out + said.err
    return said.out + said.err


def on_one_line(text):
    return " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize("suffix", ["pdf", "svg"])
def test_a_figure_leads_to_runs_code_config_and_data(project, capsys, suffix):
    said = on_one_line(told(capsys, f"figures/{FIGURE}.{suffix}"))
    for words in (
        "fig8 at preset smoke",
        "drawn by the code of this checkout",
        "tables/fig8.h5 verified",
        "runs/tanh_L3/",
        "hinge_adam_annealed 20000 steps",
        "data/random_d4.h5 verified",
        f"commit {synthetic_folder.MADE['commit'][:12]}",
        "numpy 2.4.6",
    ):
        assert words in said, words
    assert "changed" not in said and "not here" not in said


def test_every_file_behind_a_figure_is_found_once_and_verified(project, capsys, made):
    found = json.loads(told(capsys, f"figures/{FIGURE}.pdf", "--json"))
    expected = {f"tables/{FIGURE}.h5", *made[1][f"tables/{FIGURE}.h5"].provenance["inputs"]}
    for place in list(expected):
        result = made[1][place]
        if "run" in result.spec:
            expected.add(layout.place_of("run", result.spec["run"]))
            expected.add(f"data/{result.spec['run']['dataset']}_d{result.spec['run']['network']['dim']}.h5")
    assert set(found["files"]) == expected
    links = [link for source in found["files"].values() for link in source["inputs"]]
    assert links and {link["status"] for link in links} == {"verified"}
    for place, source in found["files"].items():
        assert source["sha256"] == store.sha256_of(project / "results/smoke" / place)
        assert "command" not in source["origin"]
    assert found["figure"]["preset"] == "smoke" and found["table_status"] == "verified"
    run = next(source for place, source in found["files"].items() if place.startswith(RUN))
    assert run["spec"]["n_train"] and set(run["seeds"]) == {"replica_00"}


def test_mnist_leads_to_where_the_pixels_came_from(project, capsys):
    said = told(capsys, "results/smoke/tables/fig9.h5")
    assert "../mnist/pixels.h5" in said and "MNIST came from a folder of mine." in said


def test_a_run_tells_its_seeds_and_whole_spec(project, capsys):
    run = sorted((project / "results/smoke" / RUN).glob("*.h5"))[0]
    said = on_one_line(told(capsys, str(run)))
    assert "replica_00: seed_data 1, seed_initial 2" in said and '"steps": 20000' in said


def test_a_run_that_changed_is_named_and_so_is_who_read_it(project, capsys):
    run = sorted((project / "results/smoke" / RUN).glob("*.h5"))[0]
    result = store.read(run, "run")
    store.write(run, "run", result.spec, {**result.tree, "edited": 1}, result.provenance)
    said = told(capsys, f"figures/{FIGURE}.pdf", code=1)
    assert f"{RUN}/{run.name} has changed since observables/gaps/tanh_L3/{run.name} read it" in said
    assert said.count("has changed since") == 1
    found = json.loads(told(capsys, f"figures/{FIGURE}.pdf", "--json", code=1))
    (changed,) = [
        (place, link["place"])
        for place, source in found["files"].items()
        for link in source["inputs"]
        if link["status"] == "changed"
    ]
    assert changed == (f"observables/gaps/tanh_L3/{run.name}", f"{RUN}/{run.name}")


def test_a_missing_run_is_named(project, capsys):
    run = sorted((project / "results/smoke" / RUN).glob("*.h5"))[0]
    run.unlink()
    said = told(capsys, f"figures/{FIGURE}.pdf")
    assert f"Not here, so not checked: {RUN}/{run.name}." in said and "1 not here" in said


def test_a_figure_of_another_table_is_told(project, capsys):
    path = project / f"results/smoke/tables/{FIGURE}.h5"
    table = store.read(path, "table")
    table.tree["tanh"]["positive"]["L3"]["n_runs"] += 1
    store.write(path, "table", table.spec, table.tree, table.provenance)
    assert "was not drawn from the table that is there now" in told(capsys, f"figures/{FIGURE}.svg", code=1)
    path.unlink()
    assert "is not in results/smoke" in told(capsys, f"figures/{FIGURE}.svg")


def test_figures_are_the_same_bytes_when_the_table_is_made_again_later(project):
    before = [(project / f"figures/{FIGURE}.{suffix}").read_bytes() for suffix in ("pdf", "svg")]
    path = project / f"results/smoke/tables/{FIGURE}.h5"
    table = store.read(path, "table")
    later = {**table.provenance, "written": "2030-01-01T00:00:00+00:00", "inputs": {}}
    store.write(path, "table", table.spec, table.tree, later)
    draw(FIGURE)
    assert before == [(project / f"figures/{FIGURE}.{suffix}").read_bytes() for suffix in ("pdf", "svg")]


def test_another_version_of_the_drawing_code_is_told(project, capsys, monkeypatch):
    monkeypatch.setattr(history, "drawing_code", lambda figure: "another")
    assert "another version of the code" in on_one_line(told(capsys, f"figures/{FIGURE}.pdf"))


def test_a_number_leads_to_its_runs(project, capsys, made):
    places = synthetic_folder.make_claims(project / "results/smoke", made[1])
    said = on_one_line(told(capsys, "results/smoke/claims.json#jump"))
    assert "measured: 0.72; published: 0.75; verdict: reproduced" in said
    assert all(f"{place} verified" in said for place in places) and "data/random_d4.h5" in said
    (project / "results/smoke" / places[0]).unlink()
    assert f"Not here, so not checked: {places[0]}." in told(capsys, "results/smoke/claims.json#jump")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["figures/fig99.pdf"], "figures/fig99.pdf cannot be read"),
        (["plain.svg"], "plain.svg is not a figure of this project"),
        (["plain.pdf"], "plain.pdf is not a figure of this project"),
        (["nothing.h5"], "nothing.h5 does not exist"),
        (["plain.h5"], "plain.h5 is truncated or no result"),
        (["results/smoke/claims.json#other"], "has no claim 'other'; its claims are jump."),
        (["elsewhere/fig8.h5"], "elsewhere/fig8.h5 does not end in tables/fig8.h5; give --results"),
    ],
)
def test_what_cannot_be_told_is_one_sentence(project, capsys, made, words, sentence):
    synthetic_folder.make_claims(project / "results/smoke", made[1])
    for name in ("plain.svg", "plain.pdf", "plain.h5"):
        (project / name).write_text("<svg></svg>")
    (project / "elsewhere").mkdir()
    shutil.copy(project / "results/smoke/tables/fig8.h5", project / "elsewhere")
    said = told(capsys, *words, code=1)
    assert sentence in said and len(said.strip().splitlines()) == 1 and "Traceback" not in said


def test_the_content_digest_sees_every_change_of_content(made):
    result = next(result for place, result in made[1].items() if place.startswith(RUN))
    digest = stamp.content_digest(result)
    assert digest == stamp.content_digest(copy.deepcopy(result))
    changed = []
    for change in ("value", "name", "spec", "type", "shape"):
        other = copy.deepcopy(result)
        final = other.tree["replica_00"]["final"]
        if change == "value":
            final["delta"][-1] += 1e-12
        elif change == "name":
            final["renamed"] = final.pop("delta")
        elif change == "spec":
            other.spec["seed"] += 1
        elif change == "type":
            final["delta"] = final["delta"].view("int64")
        else:
            final["delta"] = final["delta"][:, None]
        changed.append(stamp.content_digest(other))
    assert len({digest, *changed}) == 6


def test_the_stamp_survives_any_text(tmp_path, made):
    """Parentheses and backslashes are escaped in a PDF; they come back as they were."""
    from jamming import figures

    text = json.dumps({"figure": "fig8", "preset": 'a (b) \\ "c" é', "table": "0"})
    paths = [tmp_path / "f.pdf", tmp_path / "f.svg"]
    figures.render("fig8", made[1]["tables/fig8.h5"].tree, paths, {"title": "t", "description": text})
    for path in paths:
        assert stamp.read_stamp(path) == json.loads(text)
