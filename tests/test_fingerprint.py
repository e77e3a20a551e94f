"""The hash of the code behind a result: what changes it and what does not."""

import pytest

from jamming import fingerprint as module
from jamming.fingerprint import fingerprint


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
    assert fingerprint("training") != fingerprint("kernels")
    assert len(fingerprint("training")) == 16
