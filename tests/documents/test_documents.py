"""Captions, numbers as text, and facts: the material of the paper, the report and the gallery."""

import io
import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path

import docutils.core
import pytest

from helpers import synthetic_claims
from helpers.made_documents import COMMIT, DATE, EARLIER_COMMIT, PRESET, make_documents_inputs
from jamming import inventory
from jamming.__main__ import main
from jamming.documents import DocumentError, captions, claims, gallery, numbers, paper_values, times
from jamming.storage import layout, store

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with results/made, figures and paper.json; and the command line that collects them."""
    root = tmp_path_factory.mktemp("made")
    written = make_documents_inputs(root)
    results = root / "results" / PRESET
    words = ["collect-facts", "--preset", PRESET, "--inputs", *map(str, written), "--tables"]
    words += [str(results / layout.TABLE.format(figure=figure)) for figure in inventory.figures()]
    words += ["--claims", str(results / "claims.json"), "--out"]
    assert main([*words, str(results / "paper.json")]) == 0
    return root, words


@pytest.fixture(scope="module")
def facts(made):
    return json.loads((made[0] / "results" / PRESET / "paper.json").read_text(encoding="utf-8"))


def test_every_figure_has_a_caption_and_no_caption_is_left_over():
    assert set(captions.read_captions()) == set(inventory.figures())
    for caption in captions.read_captions().values():
        assert caption.title and caption.comparison and caption.caption.endswith("."), caption.figure
        assert caption.paper in captions.PAPERS and all(caption.labels.values())
        assert all(text.count("$") % 2 == 0 for text in (caption.title, caption.caption, caption.comparison))


def test_comparisons_say_what_differs_by_construction_and_no_outcome():
    """Outcomes depend on the preset, so only the verdicts state them."""
    outcome = r"\b(as in the paper|as there|agree\w*|stays? |lies? below|come together|diverges?|certain)"
    for caption in map(captions.caption_of, inventory.figures()):
        assert not re.search(outcome, caption.comparison, re.IGNORECASE), caption.figure


def test_captions_and_comparisons_hold_no_measured_number():
    """A decimal number in a caption could only be a result (or an exponent) that was typed by hand."""
    for caption in captions.read_captions().values():
        assert not re.search(r"\d\.\d|%|10\^", f"{caption.title} {caption.caption} {caption.comparison}"), (
            caption.figure
        )


def test_claims_of_captions_are_those_that_there_are():
    named = {name for caption in captions.read_captions().values() for name in caption.claims}
    configured = ROOT / "config" / "claims.yaml"
    if configured.exists():
        known = set(re.findall(r"^\s*-?\s*id: *(\S+)", configured.read_text(encoding="utf-8"), re.MULTILINE))
    else:
        known = set(synthetic_claims.CLAIMS)
    unknown = [name for name in named if not any(f"{each}-".startswith(f"{name}-") for each in known)]
    assert named and not unknown


def test_a_figure_without_a_caption_is_named(monkeypatch, tmp_path):
    with pytest.raises(DocumentError, match="'fig99' has no caption"):
        captions.caption_of("fig99")
    broken = tmp_path / "captions.yaml"
    broken.write_text("fig1: {title: a, caption: b., topic: c, data: d, comparison: e}\n")
    monkeypatch.setattr(captions, "CAPTIONS", broken)
    captions.read_captions.cache_clear()
    with pytest.raises(DocumentError, match="'fig1' lacks the key 'claims'"):
        captions.read_captions()
    captions.read_captions.cache_clear()


def test_captions_are_sound_restructured_text():
    """docutils reads the plain text: no character of a caption is taken for markup."""
    for caption in captions.read_captions().values():
        complaints = io.StringIO()
        tree = docutils.core.publish_doctree(
            captions.restructured(caption.caption), settings_overrides={"warning_stream": complaints}
        )
        assert not complaints.getvalue(), caption.figure
        assert tree.astext().replace("\n", " ") == captions.plain(caption.caption)


HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)> `a <javascript:alert(1)>`_ javascript:alert(1)"
)


@pytest.mark.parametrize("name", ["title", "caption", "comparison", "topic", "data"])
def test_markup_in_captions_is_refused(monkeypatch, tmp_path, name):
    """Snakemake escapes no label, topic or parameter in its report."""
    entry = {"title": "a", "caption": "b.", "topic": "P < N", "data": "d", "comparison": "e", "claims": []}
    monkeypatch.setattr(captions, "CAPTIONS", tmp_path / "captions.yaml")
    for text, refused in ((HOSTILE, True), ("<!-- a", True), ("P < N <= 3", False)):
        captions.CAPTIONS.write_text(json.dumps({"fig1": {**entry, name: text}}))
        captions.read_captions.cache_clear()
        if refused:
            with pytest.raises(DocumentError, match=r"a text of 'fig1' has a <, which begins markup"):
                captions.read_captions()
        else:
            captions.read_captions()
    captions.read_captions.cache_clear()


def test_markup_in_the_caption_of_the_report_is_text():
    parts = docutils.core.publish_parts(captions.restructured(HOSTILE), writer="html")["body"]
    assert not re.findall(r"<(?!/?p>)", parts) and "&lt;img src=x" in parts and "href" not in parts


@pytest.mark.parametrize(
    ("value", "interval", "text"),
    [
        (2.7512, (2.71, 2.79), "2.751"),
        (2.7512, (2.4, 3.1), "2.75"),
        (0.7348, None, "0.735"),
        (-0.25, (-0.5, 0.0), "−0.25"),
        (11, None, "11"),
        (11.0, (11.0, 11.0), "11"),
        (0.0, (0.0, 0.0), "0"),
        (0.0, None, "0"),
        (1234.5, (1000.0, 1500.0), "1234"),
        (2.5e-9, (2e-9, 3e-9), "2.5×10⁻⁹"),
        (math.inf, None, "∞"),
        (math.nan, None, "–"),
    ],
)
def test_numbers_have_the_digits_that_their_interval_bears(value, interval, text):
    assert numbers.rounded(value, interval) == text


def test_intervals_have_the_digits_of_their_value():
    assert numbers.rounded_interval((2.4, 3.1), 2.7512) == "[2.40, 3.10]"
    assert numbers.rounded_interval(None) == numbers.rounded_interval((None, 1.0)) == "–"


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("nothing", "does not exist; run the rule"),
        ("[1, 2", "is no JSON"),
        ('{"preset": "made"}', "no list of claims"),
        ('{"preset": "made", "claims": [{"id": "cusp"}]}', "claim cusp has no 'group'"),
        ("verdict", "has the verdict 'maybe'"),
    ],
)
def test_a_damaged_claims_file_is_one_sentence(tmp_path, damage, sentence):
    path = tmp_path / "claims.json"
    if damage == "verdict":
        made = synthetic_claims.make_claims()
        made["claims"][3]["verdict"] = "maybe"
        damage = json.dumps(made)
    if damage != "nothing":
        path.write_text(damage)
    with pytest.raises(DocumentError, match=re.escape(sentence)):
        claims.read_claims(path)


def test_verdicts_are_counted_and_looked_up():
    made = synthetic_claims.make_claims()
    assert sum(claims.counts(made).values()) == len(made["claims"])
    assert list(claims.counts({"claims": []}).values()) == [0, 0, 0, 0]
    assert [row["id"] for row in claims.about(made, ("cusp", "nobody", "hp"))] == ["cusp", "hp-collapse"]
    assert [row["id"] for row in claims.about(made, ("theta",))] == ["theta-relu", "theta-tanh"]
    assert all(row["measured"] == "–" for row in claims.shown(made) if row["verdict"] == claims.VERDICTS[3])


@pytest.mark.parametrize(
    ("states", "expected"),
    [([False, False], False), ([False, None], None), ([None, True], True), ([True, False], True)],
)
def test_facts_say_whether_uncommitted_code_took_part_or_that_this_is_not_known(made, states, expected):
    root, _ = made
    run = paper_values.read_head(next((root / "results" / PRESET / "runs").rglob("*.h5")))
    heads = [replace(run, provenance={**run.provenance, "dirty": state}) for state in states]
    assert paper_values.collect(PRESET, {}, heads, {"claims": []})["dirty"] is expected


@pytest.mark.parametrize("place", ["runs/relu_L3/*.h5", "observables/gaps/relu_L3/*.h5", "tables/fig[67].h5"])
def test_facts_of_a_file_under_another_name_are_refused(made, tmp_path, capsys, place):
    root, words = made
    shutil.copytree(root, tmp_path / "copy")
    first, second, *_ = sorted((tmp_path / "copy" / "results" / PRESET).glob(place))
    shutil.copy(second, first)
    words = [word.replace(str(root), str(tmp_path / "copy")) for word in words]
    assert main([*words, str(tmp_path / "paper.json")]) == 1
    error = capsys.readouterr().err
    assert re.match(rf"jamming collect-facts: {first} holds what belongs in \S+{second.name}; delete it", error)
    assert not (tmp_path / "paper.json").exists()


def test_facts_say_what_was_run(made, facts):
    root, _ = made
    assert facts["preset"] == PRESET and facts["commits"] == [COMMIT, EARLIER_COMMIT] and facts["dirty"] is False
    assert facts["first_written"].startswith(f"{DATE}T10") and facts["written"].startswith(f"{DATE}T11")
    runs = [store.read(path, "run") for path in (root / "results" / PRESET / "runs").rglob("*.h5")]
    assert facts["n_runs"] == sum(len(run.tree) for run in runs)
    assert {row["name"] for row in facts["sweeps"]} == {run.spec["sweep"] for run in runs}
    (relu,) = (row for row in facts["sweeps"] if row["name"] == "relu_L3")
    loads = [run.spec["n_train"] for run in runs if run.spec["sweep"] == "relu_L3"]
    assert relu["n_train"] == [min(loads), max(loads)] and relu["n_points"] == len(loads)
    lines = [store.read(path, "line") for path in (root / "results" / PRESET / "lines").rglob("*.h5")]
    tried = sum(len(replica["attempts"]["width"]) for line in lines for replica in line.tree.values())
    assert facts["n_attempts"] == tried
    assert facts["core_hours"] == numbers.rounded(36 * (len(runs) + len(lines)) / 3600, None)
    assert facts["settings"]["cusp_threshold"] == 1e-4


def test_facts_show_all_figures_in_order_and_all_claims(facts):
    assert [entry["name"] for entry in facts["figures"]] == list(inventory.figures())
    assert [row["id"] for row in facts["claims"]] == list(synthetic_claims.CLAIMS)


def test_equal_files_give_equal_facts(made, tmp_path):
    root, words = made
    assert main([*words, str(tmp_path / "again.json")]) == 0
    assert (tmp_path / "again.json").read_bytes() == (root / "results" / PRESET / "paper.json").read_bytes()


def test_a_missing_result_is_named(made, tmp_path, capsys):
    _, words = made
    assert main([*words[:4], "runs/relu_L2/P99999_h0004.h5", *words[4:], str(tmp_path / "facts.json")]) == 1
    assert "P99999_h0004.h5 does not exist" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_gallery_is_complete_and_links_its_images():
    page = gallery.gallery_page(list(inventory.figures()), synthetic_claims.make_claims())
    linked = re.findall(r"\]\((gallery/[^)]+)\)", page)
    assert linked == [f"gallery/{name.replace('/', '-')}.png" for name in inventory.figures()]
    assert all(captions.caption_of(name).name in page for name in inventory.figures())


def test_gallery_is_small_and_stable(made, tmp_path):
    """Checks the largest drawings. The others are below 60 kB each, so that all 20 stay below 1.5 MB."""
    names = ("fig2", "fig7", "fig9")
    folder = made[0] / "results" / PRESET / "tables"
    read = {name: store.read(folder / f"{name}.h5", "table") for name in names}
    for turn in ("one", "two"):
        (tmp_path / turn).mkdir()
        gallery.make_gallery(read, synthetic_claims.make_claims(), tmp_path / turn)
    first, second = (sorted((tmp_path / turn).rglob("*.*")) for turn in ("one", "two"))
    assert len(first) == 1 + len(names)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    largest = sum(path.stat().st_size for path in first if path.suffix == ".png")
    assert largest + 60_000 * (len(inventory.figures()) - len(names)) < 1_500_000


def test_gallery_takes_its_numbers_from_the_claims():
    made = synthetic_claims.make_claims()
    (claim,) = (claim for claim in made["claims"] if claim["id"] == "jump-random")
    claim.update(value=0.7314159, interval_95=[0.71, 0.75], verdict="reproduced")
    page = gallery.gallery_page(["fig6"], made)
    assert "jump-random: **reproduced**, measured 0.731 [0.710, 0.750] (N\\_Δ/N); published: ≈ 0.75" in page
    assert "measured" not in gallery.gallery_page(["fig6"], {"preset": "made", "claims": []}).split("##", 1)[1]


def test_times_are_the_sums_of_the_benchmarks(tmp_path):
    jobs = {
        "train/relu_L2/P1": 60,
        "train/relu_L2/P2": 90,
        "train/generalization_L5/P1": 240,
        "lines/a/P1": 30,
        "data": 6,
    }
    for name, seconds in jobs.items():
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        # On a busy machine the clock says more than the processor; a job may be over before the first sample.
        clock, processor = (seconds, "NA") if name == "data" else (10 * seconds, seconds)
        path.write_text(f"s\tmax_rss\tcpu_time\n{clock}\t-\t{processor}\n")
    parts = times.core_seconds(tmp_path)
    assert [(jobs, seconds) for _, jobs, seconds in parts] == [(2, 150), (1, 240), (1, 30), (1, 6)]
    marks = "a\n<!-- times: written by `make gallery` -->\nold\n<!-- end of times -->\nb"
    page = times.readme_with_times(marks, parts)
    assert "| all | 5 | 7 |" in page and "old" not in page and page.startswith("a\n") and page.endswith("\nb")
    assert times.readme_with_times(page, parts) == page


def test_the_readme_shows_every_figure_as_the_gallery_writes_it():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert gallery.readme_with_gallery(text, list(inventory.figures())) == text
    assert text.count("<img ") == len(inventory.figures())
    assert all((ROOT / image).is_file() for image in re.findall(r'<img src="([^"]+)"', text))
    with pytest.raises(ValueError, match="has no lines"):
        gallery.readme_with_gallery("no marks", ["fig6"])
