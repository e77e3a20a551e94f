"""Releases: archive, restore, redraw gives identical figures; damaged, unsafe and foreign archives are refused."""

import hashlib
import io
import json
import os
import random
import re
import shutil
import stat
import subprocess
import time
import warnings
import zipfile
from pathlib import Path

import pytest

from helpers import synthetic_folder
from helpers.workflow_copy import ROOT, copy_of_the_project, planned, said, snakemake
from jamming.__main__ import main
from jamming.release import CRATE, MARK, SUMS, ReleaseError
from jamming.release.restore import read_archive, restore
from jamming.storage import store

CONFIG = json.dumps({"preset": "smoke", "seed": 1, "mnist": {"path": "", "mirrors": []}})
ARCHIVE = "results/smoke/jamming-smoke.zip"
FIGURES = ("fig2", "fig4", "fig6", "fig7", "generalization/fig3", "generalization/fig4")
"""A release has all figures; for the tests a few are enough."""
SMALL = {
    MARK: b'{"format": "jamming-release", "format_version": 1, "preset": "smoke"}',
    CRATE: b"{}",
    "claims.json": b"[1, 2, 3]" * 20,
    "tables/fig6.h5": bytes(range(256)),
}
"""An archive whose content is of no importance."""


def archive(out=ARCHIVE, **changed):
    options = {"settings": CONFIG, "preset": "smoke", "results": "results/smoke", **changed}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    also = ["--also", "results/smoke/claims.json", "--project", "LICENSE", "--names", *FIGURES]
    return main(["archive", *words, *also, "--out", out])


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Results, claims and all figures, archived once."""
    folder = tmp_path_factory.mktemp("project")
    before = os.getcwd()
    os.chdir(folder)
    results = Path("results/smoke")
    made = synthetic_folder.make_folder(results, figures=FIGURES)
    synthetic_folder.make_claims(results, made)
    shutil.copy(ROOT / "LICENSE", folder)
    for name in FIGURES:
        drawn = [f"figures/{name}.pdf", f"figures/{name}.svg"]
        assert main(["draw", name, "--table", f"results/smoke/tables/{name}.h5", "--out", *drawn]) == 0
    assert archive() == 0
    os.chdir(before)
    return folder


@pytest.fixture
def inside(project, monkeypatch):
    monkeypatch.chdir(project)
    return project


def members(path):
    with zipfile.ZipFile(path) as opened:
        return {entry.filename: opened.read(entry) for entry in opened.infolist()}


def packed(path, content, attributes=None):
    """A zip file of the given members, as someone else might make it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, value in content.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (attributes or {}).get(name, 0)
            opened.writestr(entry, value)
    return path


def with_sums(content):
    sums = "".join(f"{hashlib.sha256(value).hexdigest()}  {name}\n" for name, value in content.items() if name != SUMS)
    return {**content, SUMS: sums.encode()}


def test_an_archive_holds_tables_claims_figures_config_and_their_description(project):
    found = members(project / ARCHIVE)
    expected = {f"tables/{name}.h5" for name in FIGURES}
    expected |= {f"figures/{name}.{suffix}" for name in FIGURES for suffix in ("pdf", "svg")}
    expected |= {"claims.json", "LICENSE", "config/effective.yaml", "provenance.json", MARK, SUMS, CRATE}
    assert set(found) == expected
    for name, content in found.items():
        if name.startswith("tables/"):
            assert content == (project / "results/smoke" / name).read_bytes()
    assert (project / ARCHIVE).stat().st_size < 5e6


def test_the_checksums_are_those_that_sha256sum_checks(project, tmp_path):
    restore(read_archive(project / ARCHIVE), tmp_path)
    done = subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == len(members(project / ARCHIVE)) - 1


def test_the_crate_describes_every_member_and_no_other(project):
    found = members(project / ARCHIVE)
    graph = {entity["@id"]: entity for entity in json.loads(found[CRATE])["@graph"]}
    assert graph[CRATE]["conformsTo"]["@id"].startswith("https://w3id.org/ro/crate/")
    listed = {part["@id"] for part in graph["./"]["hasPart"]}
    assert listed == set(found) - {CRATE, SUMS}
    for name in listed:
        assert graph[name]["sha256"] == hashlib.sha256(found[name]).hexdigest()
        assert graph[name]["contentSize"] == str(len(found[name]))
    assert graph["./"]["datePublished"] == synthetic_folder.MADE["written"]
    assert graph["./"]["license"] and len(graph["./"]["isBasedOn"]) == 2


def test_the_crate_opens_with_its_own_library(project, tmp_path):
    from rocrate.rocrate import ROCrate

    restore(read_archive(project / ARCHIVE), tmp_path)
    crate = ROCrate(tmp_path)
    assert {"tables/fig6.h5", "figures/fig6.pdf"} <= {entity.id for entity in crate.data_entities}


def test_the_same_results_give_the_same_archive(inside, tmp_path):
    again = tmp_path / "again.zip"
    assert archive(str(again)) == 0
    assert again.read_bytes() == (inside / ARCHIVE).read_bytes()


def test_restored_tables_give_identical_figures(inside, tmp_path, monkeypatch):
    before = {path: path.read_bytes() for path in sorted(Path("figures").rglob("*.*"))}
    assert len(before) == 2 * len(FIGURES)
    monkeypatch.chdir(tmp_path)
    assert main(["restore", str(inside / ARCHIVE)]) == 0
    for path, content in before.items():
        assert (Path("reference/smoke") / path).read_bytes() == content, path
    for name in FIGURES:
        figures = [f"figures/{name}.pdf", f"figures/{name}.svg"]
        assert main(["draw", name, "--table", f"reference/smoke/tables/{name}.h5", "--out", *figures]) == 0
        for path in map(Path, figures):
            assert path.read_bytes() == before[path], path


def test_a_restored_figure_knows_its_runs(inside, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["restore", str(inside / ARCHIVE), "--into", "here"]) == 0
    capsys.readouterr()
    assert main(["provenance", "here/figures/fig7.svg", "--results", "here"]) == 0
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "tables/fig7.h5 verified" in said and "not here" in said
    assert "hinge_adam_annealed 20000 steps" in said and "described by the archive" in said


def test_restoring_twice_changes_nothing_and_another_content_is_kept(project, tmp_path):
    opened = read_archive(project / ARCHIVE)
    assert len(restore(opened, tmp_path).written) == len(opened.members)
    again = restore(opened, tmp_path)
    assert not again.written and len(again.unchanged) == len(opened.members)
    mine = tmp_path / "tables" / "fig6.h5"
    mine.write_bytes(b"mine")
    (tmp_path / "tables" / "fig7.h5").unlink()
    with pytest.raises(ReleaseError, match=r"tables/fig6\.h5 is there with other content"):
        restore(opened, tmp_path)
    assert mine.read_bytes() == b"mine" and not (tmp_path / "tables" / "fig7.h5").exists()
    done = restore(opened, tmp_path, replace=True)
    assert done.replaced == ["tables/fig6.h5"] and done.written == ["tables/fig7.h5"]
    assert mine.read_bytes() == opened.members["tables/fig6.h5"]


def test_a_folder_that_leads_elsewhere_is_refused(project, tmp_path):
    (tmp_path / "into").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "into" / "tables").symlink_to(tmp_path / "outside")
    with pytest.raises(ReleaseError, match="through a link"):
        restore(read_archive(project / ARCHIVE), tmp_path / "into")
    assert not list((tmp_path / "outside").iterdir())


@pytest.mark.parametrize("name", ["tables/fig6.h5", "figures/fig6.pdf", "claims.json", CRATE, MARK])
def test_a_changed_member_is_refused_by_name(project, tmp_path, name):
    found = members(project / ARCHIVE)
    found[name] = found[name][:-2] + bytes([found[name][-2] ^ 1]) + found[name][-1:]
    with pytest.raises(ReleaseError, match=rf"{re.escape(name)} is damaged"):
        read_archive(packed(tmp_path / "a.zip", found))


def test_damage_on_the_disk_is_refused_by_name(project, tmp_path):
    """A flipped bit inside a compressed member, which zip itself notices."""
    path = Path(shutil.copy(project / ARCHIVE, tmp_path / "a.zip"))
    with zipfile.ZipFile(path) as opened:
        entry = opened.getinfo("tables/fig7.h5")
    content = bytearray(path.read_bytes())
    content[entry.header_offset + 30 + len(entry.filename) + entry.compress_size // 2] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(ReleaseError, match=r"tables/fig7\.h5 is damaged"):
        read_archive(path)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ReleaseError, match="was cut off"):
        read_archive(path)


def test_missing_and_unlisted_members_are_refused(project, tmp_path):
    found = members(project / ARCHIVE)
    without = {name: content for name, content in found.items() if name != "tables/fig6.h5"}
    with pytest.raises(ReleaseError, match=r"tables/fig6\.h5 is missing"):
        read_archive(packed(tmp_path / "a.zip", without))
    with pytest.raises(ReleaseError, match=r"summaries/x\.json is not listed"):
        read_archive(packed(tmp_path / "b.zip", {**found, "summaries/x.json": b"true"}))


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../up", "tables/../../up", "c:/windows", "a\\b", "a//b", "./a", "folder/", "a\nb", ".."]
)
def test_unsafe_names_are_refused(project, tmp_path, name):
    content = with_sums({**members(project / ARCHIVE), name: b"x"})
    with pytest.raises(ReleaseError, match=r"unsafe name .*; do not trust"):
        read_archive(packed(tmp_path / "a.zip", content))


def test_links_duplicates_and_bombs_are_refused(project, tmp_path, monkeypatch):
    found = members(project / ARCHIVE)
    linked = with_sums({**found, "tables/link": b"/etc/passwd"})
    with pytest.raises(ReleaseError, match="tables/link is a link"):
        read_archive(packed(tmp_path / "a.zip", linked, {"tables/link": (stat.S_IFLNK | 0o777) << 16}))
    with pytest.raises(ReleaseError, match="twice"):
        read_archive(packed(tmp_path / "b.zip", with_sums({**found, "TABLES/fig6.h5": b"x"})))
    monkeypatch.setattr("jamming.release.restore.LARGEST", 1000)
    with pytest.raises(ReleaseError, match="unpacks to more"):
        read_archive(project / ARCHIVE)


@pytest.mark.parametrize(
    "name",
    ["run.sh", "h5py.py", "tables", "tables/fig6.h5/x", f"tables/{'x' * 300}.h5", "Snakefile", ".git/config", "x.h5 "],
)
def test_names_that_no_archive_of_ours_has_are_refused(tmp_path, name):
    """A module that is restored into the folder of a workflow would run."""
    with pytest.raises(ReleaseError, match=r"which no archive of ours does; do not trust it"):
        read_archive(packed(tmp_path / "a.zip", with_sums({**SMALL, name: b"x"})))


@pytest.mark.parametrize("preset", ["true", "NaN", "1", '["smoke"]', '"sm oke"', "9" * 5000, "[" * 10**5])
def test_a_preset_is_a_name(tmp_path, preset):
    mark = SMALL[MARK].decode().replace('"smoke"', preset)
    with pytest.raises(ReleaseError, match=r"no archive of this project|another program"):
        read_archive(packed(tmp_path / "a.zip", with_sums({**SMALL, MARK: mark.encode()})))


def test_nothing_is_written_where_a_file_stands_in_the_place_of_a_folder(tmp_path):
    opened = read_archive(packed(tmp_path / "a.zip", with_sums(SMALL)))
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "tables").write_text("a file")
    with pytest.raises(ReleaseError, match="tables is a file where the archive has a folder"):
        restore(opened, tmp_path / "into", replace=True)
    with pytest.raises(ReleaseError, match=r"a\.zip is a file where the archive has a folder"):
        restore(opened, tmp_path / "a.zip")
    (tmp_path / "other" / "claims.json").mkdir(parents=True)
    with pytest.raises(ReleaseError, match=r"claims\.json is a folder where the archive has a file"):
        restore(opened, tmp_path / "other", replace=True)
    with pytest.raises(ReleaseError, match="cannot be restored into"):
        restore(opened, tmp_path / ("x" * 300))
    assert len(list((tmp_path / "into").iterdir())) == 1 and len(list((tmp_path / "other").iterdir())) == 1


def damaged(generator, content):
    """An archive with some bytes changed, removed, repeated or cut off, or with other members."""
    how = generator.choice(["flip", "flip", "cut", "drop", "double", "members", "packing"])
    where = generator.randrange(len(content))
    if how == "flip":
        changed = bytearray(content)
        for _ in range(generator.randint(1, 4)):
            changed[generator.randrange(len(content))] = generator.choice([0, 255, 12, 14, generator.randrange(256)])
        return bytes(changed)
    if how == "cut":
        return content[:where]
    if how == "drop":
        return content[:where] + content[where + generator.randint(1, 30) :]
    if how == "double":
        return content[:where] + content[where : where + generator.randint(1, 200)] + content[where:]
    made = io.BytesIO()
    packing = generator.choice([zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2]) if how == "packing" else zipfile.ZIP_DEFLATED
    name = generator.choice(
        ["tables/x.h5", "x.py", "claims.json/x", "\u202e.json", "config/" + "a" * 300, "CLAIMS.json"]
    )
    with zipfile.ZipFile(made, "w", packing) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for member, data in (with_sums({**SMALL, name: bytes(3)}) if how == "members" else with_sums(SMALL)).items():
            file.writestr(member, data)
    return made.getvalue()


def test_a_damaged_archive_is_restored_as_it_was_or_not_at_all(tmp_path, capsys):
    """Never with a traceback, never in part, and never with a file that the archive does not hold."""
    generator, original = random.Random(1), packed(tmp_path / "a.zip", with_sums(SMALL)).read_bytes()
    counts = {"refused": 0, "restored": 0}
    for number in range(int(os.environ.get("JAMMING_FUZZ_EXAMPLES", 60))):
        broken, into = tmp_path / "broken.zip", tmp_path / f"into{number}"
        broken.write_bytes(damaged(generator, original))
        began = time.process_time()
        code = main(["restore", str(broken), "--into", str(into)])
        assert time.process_time() - began < 1
        said = capsys.readouterr().err
        found = {path.relative_to(into).as_posix(): path.read_bytes() for path in into.rglob("*") if path.is_file()}
        if code:
            assert said.startswith("jamming restore: ") and said.count("\n") == 1 and not into.exists(), said
        else:
            extra = {"tables/x.h5": bytes(3)} if "tables/x.h5" in found else {}
            assert found == with_sums({**SMALL, **extra})
        counts["restored" if code == 0 else "refused"] += 1
    print(counts)
    assert counts["refused"] > counts["restored"] > 0


def test_foreign_files_are_refused(project, tmp_path):
    with pytest.raises(ReleaseError, match="cannot be read"):
        read_archive(tmp_path / "nothing.zip")
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(ReleaseError, match="no zip file"):
        read_archive(tmp_path / "text.zip")
    with pytest.raises(ReleaseError, match="no archive of this project"):
        read_archive(packed(tmp_path / "other.zip", {"readme.txt": b"hello"}))
    for mark in (b"[]", b'{"format": "other", "format_version": 1, "preset": "smoke"}', b"{"):
        content = with_sums({**members(project / ARCHIVE), MARK: mark})
        with pytest.raises(ReleaseError, match=r"no archive of this project|another program"):
            read_archive(packed(tmp_path / "mark.zip", content))
    evil = json.loads(members(project / ARCHIVE)[MARK]) | {"preset": "../../elsewhere"}
    content = with_sums({**members(project / ARCHIVE), MARK: json.dumps(evil).encode()})
    with pytest.raises(ReleaseError, match="another program"):
        read_archive(packed(tmp_path / "preset.zip", content))


def test_a_figure_that_was_not_drawn_from_its_table_is_not_archived(inside, tmp_path, capsys):
    table = Path("results/smoke/tables/fig4.h5")
    content, result = table.read_bytes(), store.read(table, "table")
    try:
        store.write(table, "table", {**result.spec, "settings": {}}, result.tree, result.provenance)
        assert archive(str(tmp_path / "a.zip")) == 1
        assert "figures/fig4.pdf was not drawn from the table of fig4 that is there now" in capsys.readouterr().err
    finally:
        table.write_bytes(content)
    assert archive(str(tmp_path / "a.zip"), settings='{"preset": "quick"}') == 1
    assert not (tmp_path / "a.zip").exists()


def test_the_restored_configuration_is_the_effective_one(project):
    import yaml

    assert yaml.safe_load(io.BytesIO(members(project / ARCHIVE)["config/effective.yaml"])) == json.loads(CONFIG)


# The workflow: drawing from a reference


@pytest.fixture(scope="module")
def clone(project, tmp_path_factory):
    """A copy of the project without results, in which the archive was restored."""
    folder = copy_of_the_project(tmp_path_factory.mktemp("clone") / "jamming")
    restore(read_archive(project / ARCHIVE), folder / "reference/smoke")
    return folder


def test_with_a_reference_figures_are_planned_and_nothing_is_trained(clone):
    targets = [f"figures/{name}.pdf" for name in FIGURES]
    jobs = planned(snakemake(clone, "-n", "-q", "rules", "--config", "reference=reference/smoke/", "--", *targets))
    assert jobs == {"draw": len(FIGURES), "total": len(FIGURES)}
    assert planned(snakemake(clone, "-n", "-q", "rules", "--", *targets))["train"] > 0


def test_a_figure_whose_table_is_not_in_the_reference_is_not_computed_instead(clone):
    done = snakemake(clone, "-n", "--config", "reference=reference/smoke", "--", "figures/fig9.pdf", check=False)
    assert "Missing input files for rule draw:" in said(done) and "reference/smoke/tables/fig9.h5" in said(done)


def test_snakemake_redraws_the_archived_figures(clone, project):
    figures = ["figures/fig4.pdf", "figures/generalization/fig4.pdf"]
    snakemake(clone, "--cores", "2", "--config", "reference=reference/smoke", "--", *figures)
    for name in figures:
        assert (clone / name).read_bytes() == (project / name).read_bytes()
    again = snakemake(clone, "-n", "--config", "reference=reference/smoke", "--", *figures)
    assert "Nothing to be done" in said(again)
    assert planned(snakemake(clone, "-n", "-q", "rules", "--", *figures))["train"] > 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["reference=nowhere"], "config: reference is 'nowhere', but there is no folder nowhere/tables"),
        (["reference=results/quick"], "config: reference is 'results/quick', which this preset makes itself"),
    ],
)
def test_a_wrong_reference_is_one_sentence(clone, words, sentence):
    done = snakemake(clone, "-n", "--config", *words, check=False)
    assert sentence in said(done) and "Traceback" not in said(done)


def test_an_archive_of_a_reference_is_refused_and_one_of_results_is_planned(clone):
    refused = snakemake(clone, "-n", "--config", "reference=reference/smoke", "--", "archive", check=False)
    assert "leave reference empty to archive" in said(refused)
    jobs = planned(snakemake(clone, "-n", "-q", "rules", "--config", "preset=smoke", "--", "archive"))
    assert jobs["archive"] == 1 and jobs["train"] > 0 and jobs["draw"] == 20


def test_an_archive_of_a_part_has_the_figures_and_summaries_of_its_sweeps(clone):
    words = ("-n", "-q", "rules", "--config", "preset=smoke", "only=[relu_L3]", "--", "archive")
    jobs = planned(snakemake(clone, *words))
    assert jobs["archive"] == jobs["summarise_sweep"] == 1 and 0 < jobs["draw"] < 20
    assert "collect_claims" not in jobs


def test_of_a_reference_the_figures_it_has_tables_of_are_drawn(clone):
    part = clone / "reference" / "part" / "tables"
    part.mkdir(parents=True)
    shutil.copy(clone / "reference" / "smoke" / "tables" / "fig6.h5", part)
    jobs = planned(snakemake(clone, "-n", "-q", "rules", "--config", "reference=reference/part"))
    assert jobs["draw"] == 1 and "train" not in jobs
