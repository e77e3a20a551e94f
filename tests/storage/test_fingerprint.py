"""The hash of the code behind a result: some edits change it, and others do not."""

import json
import sys

import pytest

from jamming.storage import fingerprint as module
from jamming.storage.fingerprint import fingerprint


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "__init__.py").write_text("from .. import base\n")
    (tmp_path / "parts" / "first.py").write_text("from ..base import f\nfrom . import helper\nx = 1\n")
    with open(tmp_path / "parts" / "first.py", "a") as file:
        file.write("\n\ndef g():\n    from .later import w\n\n    return w\n")
    (tmp_path / "parts" / "later.py").write_text("w = 1\n")
    (tmp_path / "parts" / "helper.py").write_text("y = 1\n")
    (tmp_path / "base.py").write_text('"""Says."""\n\n\ndef f():\n    """Does."""\n    return 1  # why\n')
    (tmp_path / "other.py").write_text("z = 1\n")
    (tmp_path / "store.py").write_text("s = 1\n")
    monkeypatch.setattr(module, "PACKAGE", tmp_path)
    return tmp_path


def edit(path, old, new):
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("parts/first.py", "x = 1", "x = 2"),
        ("parts/helper.py", "y = 1", "y = 2"),
        ("parts/later.py", "w = 1", "w = 2"),  # imported when it is needed
        ("base.py", "return 1", "return 2"),
    ],
)
def test_code_that_counts_changes_it(package, file, old, new):
    before = fingerprint("parts.first")
    edit(package / file, old, new)
    assert fingerprint("parts.first") != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("base.py", "# why", "# because"),
        ("base.py", "Does.", "Does it."),
        ("base.py", "Says.", "Says it."),
        ("base.py", "\n\n\ndef", "\ndef"),
        ("other.py", "z = 1", "z = 2"),
        ("store.py", "s = 1", "s = 2"),
    ],
)
def test_the_rest_does_not(package, file, old, new):
    before = fingerprint("parts.first")
    edit(package / file, old, new)
    assert fingerprint("parts.first") == before


def test_training_depends_on_the_kernel_and_not_on_the_figures():
    assert fingerprint("training.loop") != fingerprint("kernels")
    assert len(fingerprint("training.loop")) == 16


# --- what is kept of each module -------------------------------------------------------------------------------------


def forget():
    """Clear all caches in memory, as in a new process."""
    module._kept.cache_clear()


def test_no_module_is_parsed_twice(package, monkeypatch):
    before = fingerprint("parts.first")
    forget()
    parsed, parse = [], module._parsed
    monkeypatch.setattr(module, "_parsed", lambda text, native: parsed.append(text) or parse(text, native))
    assert fingerprint("parts.first") == before and not parsed
    forget()
    edit(package / "base.py", "return 1", "return 2")
    assert fingerprint("parts.first") != before and len(parsed) == 1


def test_what_is_kept_has_no_say(package):
    """With a damaged cache or a new module, all hashes are computed again."""
    before, kept = fingerprint("parts.first"), package / module.KEPT
    assert set(json.loads(kept.read_text())) == {"parts.first", "parts.helper", "parts.later", "base"}
    (package / "parts" / "f.py").write_text("v = 1\n")
    edit(package / "parts" / "first.py", "from ..base import f", "from . import f")
    forget()
    with_f = fingerprint("parts.first")
    edit(package / "parts" / "first.py", "from . import f", "from ..base import f")
    forget()
    assert fingerprint("parts.first") == before != with_f
    other = json.dumps({"base": {"key": "other", "hash": "wrong", "imports": []}})
    for text in (
        "{",
        "[]",
        "",
        "3",
        "[" * 10**5,
        '{"base": 3}',
        '{"base": {"key": "of a hash that is missing"}}',
        other,
    ):
        kept.write_text(text)
        forget()
        assert fingerprint("parts.first") == before, text


def test_an_import_leads_to_a_module_that_is_made_later(package):
    """`from ..base import f` names a function of base, until base is a package with a module f."""
    before = fingerprint("parts.first")
    (package / "base").mkdir()
    (package / "base.py").rename(package / "base" / "__init__.py")
    (package / "base" / "f.py").write_text("u = 1\n")
    forget()
    assert fingerprint("parts.first") != before


def test_it_is_found_anew_by_another_code_and_not_by_another_python(package, monkeypatch):
    before = fingerprint("parts.first")
    parsed, parse = [], module._parsed
    monkeypatch.setattr(module, "_parsed", lambda text, native: parsed.append(text) or parse(text, native))
    forget()
    monkeypatch.setattr(sys, "version", "3.13.0")
    assert fingerprint("parts.first") == before and not parsed
    forget()
    monkeypatch.setattr(module, "_own_source", lambda: "# another way")
    assert fingerprint("parts.first") == before and len(parsed) == 4


def test_a_folder_that_cannot_be_written_costs_time_only(package, monkeypatch):
    def refuse(path, content):
        raise module.StoreError("cannot write")

    monkeypatch.setattr(module, "write_whole", refuse)
    before = fingerprint("parts.first")
    forget()
    assert fingerprint("parts.first") == before and not (package / module.KEPT).exists()
