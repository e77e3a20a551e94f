"""The paper, the notebook and the HTML report: they build, agree with the files, and need no network."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import date

import pytest
import typst

from helpers import shared, synthetic_claims
from helpers.made_documents import COMMIT, DATE, EARLIER_COMMIT, PRESET, make_documents_inputs
from helpers.planned_jobs import needed_by
from helpers.shared import SMOKE
from helpers.workflow_copy import ROOT, said, snakemake
from jamming import inventory
from jamming.__main__ import main
from jamming.documents import DocumentError, captions, claims
from jamming.documents.notebook import execute
from jamming.storage import layout

SOURCES = sorted(path.name for path in (ROOT / "paper").glob("*.typ"))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with the paper's sources and made-up results, figures and facts."""
    root = tmp_path_factory.mktemp("paper") / "Übung jamming"
    (root / "paper").mkdir(parents=True)
    for path in (ROOT / "paper").iterdir():
        if path.suffix in (".typ", ".bib", ".py"):
            shutil.copy2(path, root / "paper")
    written = make_documents_inputs(root)
    results = root / "results" / PRESET
    words = ["collect-facts", "--preset", PRESET, "--inputs", *map(str, written), "--tables"]
    words += [str(results / layout.TABLE.format(figure=figure)) for figure in inventory.figures()]
    assert main([*words, "--claims", str(results / "claims.json"), "--out", str(results / "paper.json")]) == 0
    return root


def typeset(root, out, facts=None):
    words = ["--main", str(root / "paper/main.typ"), "--figures", str(root / "figures"), "--root", str(root)]
    return main(["typeset-paper", *words, "--facts", str(facts or root / f"results/{PRESET}/paper.json"), "--out", out])


@pytest.fixture(scope="module")
def paper(project):
    out = project / "paper" / "jamming.pdf"
    assert typeset(project, str(out)) == 0
    return out


def query(root, selector, field=None):
    facts = (root / f"results/{PRESET}/paper.json").read_text(encoding="utf-8")
    inputs = {"facts": facts, "figures": "/figures"}
    found = typst.query(
        str(root / "paper/main.typ"), selector, root=str(root), ignore_system_fonts=True, sys_inputs=inputs
    )
    return json.loads(found)


def text_of(pdf, *words):
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    done = subprocess.run(["pdftotext", "-layout", *words, str(pdf), "-"], capture_output=True, text=True, check=True)
    return done.stdout


def test_page_one_has_preset_commit_and_date(paper):
    first = text_of(paper, "-l", "1")
    assert re.search(rf"Preset +{PRESET}", first) and COMMIT in first and re.search(rf"Date +{DATE}", first)
    assert "1 earlier one" in re.sub(r"\s+", " ", first)
    for verdict, number in claims.counts(synthetic_claims.make_claims()).items():
        assert f"{number} {verdict}" in re.sub(r"\s+", " ", first)


def test_numbers_in_the_paper_are_those_of_the_claims(paper, project):
    """The row of each claim holds its value, interval, number of runs and verdict, in this order."""
    rows = claims.shown(synthetic_claims.make_claims(PRESET))
    text = re.sub(r"\s+", " ", text_of(paper))
    table = text[text.index("Published claims and their verdicts") : text.index("The reasons, in the same order")]
    place = 0
    for row in rows:
        place = table.index(row["id"], place)
        following = table[place : place + 400]
        for words in (row["measured"], row["interval"], row["verdict"].split(" ")[0]):
            assert words in following, (row["id"], words)
    assert all(row["reason"] in text for row in rows)


def test_no_typst_source_types_a_measured_number():
    """Numbers with a decimal point in the text belong to protocols, and each is listed here."""
    allowed = {"0.1", "0.4", "2.2"}  # N_Δ > 0.1 N, N_Δ > 0.4 N, 2.2·10⁻¹⁶
    allowed |= {"2.8", "2.9"}  # the published P/N*
    for name in SOURCES:
        if name in ("main.typ", "text.typ"):  # the layout
            continue
        source = re.sub(r"^#(figure|let|set|show).*?^\)", "", (ROOT / "paper" / name).read_text(), flags=re.M | re.S)
        source = "\n".join(
            line for line in source.splitlines() if not line.lstrip().startswith(("#", "text(", "size", "gap"))
        )
        assert set(re.findall(r"\d+\.\d+(?!\w)", source)) <= allowed, name


def test_all_figures_are_there_once_with_their_captions(project, paper):
    shown = [figure for figure in query(project, "figure.where(kind: image)")]
    labels = [figure["label"] for figure in shown]
    once = [name for name in inventory.figures() if name not in inventory.SAME_AS]
    assert sorted(labels) == sorted(f"<{name.replace('/', '-')}>" for name in once)
    text = re.sub(r"\s+", " ", text_of(paper))
    for name in inventory.figures():
        assert captions.caption_of(name).name.replace("[", "").replace("]", "") in text.replace("[", "").replace(
            "]", ""
        )


def test_all_citations_resolve_and_every_reference_is_cited():
    sources = "\n".join((ROOT / "paper" / name).read_text(encoding="utf-8") for name in SOURCES)
    entries = set(re.findall(r"^@\w+\{(\w+),", (ROOT / "paper/references.bib").read_text(encoding="utf-8"), re.M))
    cited = {name for name in re.findall(r"@([a-z]+\d{4})\b", sources)}
    assert entries == cited and {"geiger2019", "spigler2019"} <= entries


def test_equal_inputs_give_equal_bytes_at_any_time_and_place(project, paper, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    moved = shutil.copytree(project, tmp_path / "elsewhere")
    assert typeset(moved, str(moved / "again.pdf")) == 0
    assert (moved / "again.pdf").read_bytes() == paper.read_bytes()
    assert f"D:{DATE.replace('-', '')}".encode() in paper.read_bytes()
    assert f"D:{date.today():%Y%m%d}".encode() not in paper.read_bytes()


def test_another_number_gives_another_paper(project, paper, tmp_path):
    facts = json.loads((project / f"results/{PRESET}/paper.json").read_text(encoding="utf-8"))
    facts["claims"][0]["measured"] = "271.8281"
    changed = project / "results" / PRESET / "changed.json"
    changed.write_text(json.dumps(facts), encoding="utf-8")
    assert typeset(project, str(tmp_path / "changed.pdf"), changed) == 0
    assert "271.8281" in text_of(tmp_path / "changed.pdf") and "271.8281" not in text_of(paper)


def test_a_broken_source_is_one_sentence(project, tmp_path, capsys):
    broken = shutil.copytree(project, tmp_path / "broken")
    (broken / "paper" / "question.typ").write_text("= Question\n\nSee @nowhere.\n")
    assert typeset(broken, str(tmp_path / "broken.pdf")) == 1
    said = capsys.readouterr().err
    assert "main.typ does not compile" in said and "nowhere" in said and "Traceback" not in said
    assert not (tmp_path / "broken.pdf").exists()


def test_facts_may_lie_elsewhere(project, paper, tmp_path):
    """For example in a restored archive: they give the same paper."""
    elsewhere = shutil.copy(project / f"results/{PRESET}/paper.json", tmp_path / "paper.json")
    assert typeset(project, str(tmp_path / "paper.pdf"), facts=elsewhere) == 0
    assert (tmp_path / "paper.pdf").read_bytes() == paper.read_bytes()


@pytest.fixture(scope="module")
def page(project, tmp_path_factory):
    """The executed notebook. HOME is empty when it runs, and must stay empty."""
    home = tmp_path_factory.mktemp("home")
    words = ["run-notebook", "--script", "paper/explore.py", "--results", f"results/{PRESET}", "--out", "explore.html"]
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": str(ROOT / "workflow"), "PATH": "/usr/bin:/bin"}
    for name in ("JUPYTER_PATH", "IPYTHONDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-m", "jamming", *words], cwd=project, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not list(home.iterdir())
    return (project / "explore.html").read_text(encoding="utf-8")


def test_notebook_walks_from_one_file_to_fig6(page, project):
    plain = html.unescape(re.sub(r"<[^>]+>", "", page))
    for path in (project / f"results/{PRESET}/runs/relu_L3").glob("*.h5"):
        assert path.name in plain
    assert f"commit {EARLIER_COMMIT}" in plain and "groups: evolution relu tanh" in plain
    assert len(re.findall(r'<img[^>]+src="data:image/png;base64', page)) == 3
    assert "Traceback" not in plain and "Warning" not in plain


def test_notebook_page_needs_no_network(page):
    assert "<title>explore</title>" in page
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//[^"']+""", page) and 'src=""' not in page
    assert not re.findall(r"""(?:import|require)[^\n]{0,40}["']https?://""", page)


def test_a_failing_cell_is_one_sentence(tmp_path):
    script = tmp_path / "broken.py"
    script.write_text("# %%\nvalue = 1 / 0\n")
    with pytest.raises(DocumentError, match="a cell ends with ZeroDivisionError: division by zero"):
        execute(script, {}, tmp_path)


# The workflow around them


@pytest.fixture(scope="module")
def checkout(finished_smoke, tmp_path_factory):
    """A copy of the finished preset smoke."""
    return shared.copy_of_a_run(finished_smoke, tmp_path_factory.mktemp("report") / "jamming")


@pytest.mark.slow
def test_report_is_made_without_network_and_has_captions_categories_and_statistics(checkout):
    # A proxy that nobody listens at: whatever would be fetched fails.
    nowhere = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")}
    out = "results/smoke/report.html"
    snakemake(checkout, "--report", out, *SMOKE, **nowhere)
    report = (checkout / out).read_text(encoding="utf-8")
    for name in inventory.figures():
        caption = captions.caption_of(name)
        assert captions.plain(caption.title) in report and f"{caption.name}" in report
    assert captions.PAPERS["G"] in report and "Concepts" in report
    assert "does not touch" not in report and "that do not touch" in report
    assert "The jamming transition of neural networks, reproduced at preset" in report
    assert re.search(r'"rule": "draw", "runtime": \d', report), "the statistics have no run time"
    assert not re.findall(r"""<(?:script|link|img)[^>]+(?:src|href)=["']https?://""", report)


@pytest.mark.slow
def test_every_drawing_is_in_the_report_and_editing_a_caption_redraws_nothing(checkout):
    entries = (ROOT / "workflow/rules/figures.smk").read_text()
    assert entries.count("report(") == 1
    for word in ("caption=", "category=", "subcategory=", "labels="):
        assert word in entries[entries.index("report(") :]
    source = checkout / "workflow/jamming/documents/captions.yaml"
    original = source.read_text(encoding="utf-8")
    source.write_text(original.replace("Two loss functions", "Two functions"), encoding="utf-8")
    assert "Nothing to be done" in said(snakemake(checkout, "-n", *SMOKE))
    source.write_text(original, encoding="utf-8")


def test_documents_are_planned_from_their_sources(plan_of):
    jobs = plan_of("smoke")
    paper, notebook = needed_by(jobs, "paper"), needed_by(jobs, "notebook")
    assert paper["collect_facts"] == paper["typeset_paper"] == notebook["run_notebook"] == 1
    assert paper["draw"] == len(inventory.figures()) and paper["train"] > 0
    listed = re.search(r"PAPER_SOURCES = \[(.*?)\n\]", (ROOT / "workflow/rules/paper.smk").read_text(), re.S)[1]
    assert set(re.findall(r'"([\w.]+)"', listed)) == {*SOURCES, "references.bib"}
