"""The tests themselves: shared code is in helpers, and the path of a module leads to its test."""

import ast
import signal

import pytest

from helpers.workflow_copy import ROOT

TESTS = ROOT / "tests"
FILES = sorted(TESTS.rglob("test_*.py"))
PACKAGE = ROOT / "workflow" / "jamming"
# Of the workflow as a whole, and of the tests.
WITHOUT_A_MODULE = {TESTS / "workflow", TESTS / "test_tests.py"}


def imported(path):
    """The names of all modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", [*FILES, *TESTS.glob("helpers/*.py")], ids=lambda path: str(path.relative_to(TESTS)))
def test_no_test_is_imported(path):
    """Code that two tests need is in helpers. (jamming.analysis.test_error is the error on test data.)"""
    assert not [name for name in imported(path) if "test_" in name and not name.startswith("jamming.")]


def test_a_test_lies_where_its_module_does():
    """In the folder with the same name. A module outside of all folders has a test with its name."""
    for path in FILES:
        folder = PACKAGE / path.parent.relative_to(TESTS)
        if not {path, path.parent} & WITHOUT_A_MODULE:
            module = folder / f"{path.stem.removeprefix('test_')}.py"
            assert module.exists() if folder == PACKAGE else folder.is_dir(), path


def test_what_tests_start_can_be_interrupted():
    """Also if the tests run in the background, where the shell makes them ignore Ctrl-C."""
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
