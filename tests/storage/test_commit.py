"""The commit of the code: known if git knows it, otherwise unknown."""

import os
import shutil
import subprocess

import pytest

from jamming.storage import commit
from jamming.storage.commit import git_state, in_words


@pytest.fixture
def project(tmp_path):
    """A repository with a package in workflow/jamming and one commit."""
    package = tmp_path / "project/workflow/jamming"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("x = 1\n")
    (tmp_path / "project/README.md").write_text("Read me.\n")
    (tmp_path / "project/.gitignore").write_text("__pycache__/\n")
    git(tmp_path / "project", "init", "-q")
    save(tmp_path / "project")
    return tmp_path / "project"


def git(folder, *words):
    identity = ("-c", "user.name=N", "-c", "user.email=n@example.org")
    return subprocess.run(["git", "-C", folder, *identity, *words], check=True, capture_output=True, text=True).stdout


def save(folder):
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "A commit")


def state_of(project):
    git_state.cache_clear()
    return git_state(project / "workflow/jamming")


def head_of(project):
    return git(project, "rev-parse", "HEAD").strip()


def test_a_clean_tree(project):
    (project / "workflow/jamming/__pycache__").mkdir()
    (project / "workflow/jamming/__pycache__/ignored.pyc").write_text("")
    (project / "notes.txt").write_text("no code\n")
    assert state_of(project) == (head_of(project), False)


@pytest.mark.parametrize("name", ["workflow/jamming/__init__.py", "README.md", "workflow/jamming/new.py"])
def test_changed_files_and_new_code_make_it_dirty(project, name):
    (project / name).write_text("x = 2\n")
    assert state_of(project) == (head_of(project), True)


def test_no_repository_and_none_with_a_commit(project):
    shutil.rmtree(project / ".git")
    assert state_of(project) == ("unknown", None)
    git(project, "init", "-q")
    git(project, "add", "-A")
    assert state_of(project) == ("unknown", None)


def test_code_that_lies_untracked_in_another_repository_has_not_its_commit(project, tmp_path):
    shutil.rmtree(project / ".git")
    (tmp_path / "other.txt").write_text("another project\n")
    (tmp_path / ".gitignore").write_text("/project/\n")
    git(tmp_path, "init", "-q")
    save(tmp_path)
    assert state_of(project) == ("unknown", None)


def test_the_repository_of_a_hook_is_not_taken_for_that_of_the_code(project, tmp_path, monkeypatch):
    expected = head_of(project)
    git(tmp_path, "init", "-q", "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    assert state_of(project) == (expected, False)


def test_git_is_missing(project, monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    assert state_of(project) == ("unknown", None)


def test_a_folder_of_somebody_else(project, monkeypatch):
    """Git calls this dubious ownership, and has a variable to test it."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert state_of(project) == ("unknown", None)


def test_a_comparison_that_takes_too_long_leaves_the_commit(project, monkeypatch):
    run = subprocess.run

    def slow(command, **options):
        if "status" in command:
            raise subprocess.TimeoutExpired(command, options["timeout"])
        return run(command, **options)

    monkeypatch.setattr(commit.subprocess, "run", slow)
    assert state_of(project) == (head_of(project), None)


def test_git_takes_no_lock(project):
    (project / ".git/index.lock").touch()
    assert state_of(project) == (head_of(project), False)


def test_in_words():
    assert in_words("1a2b", False) == "commit 1a2b"
    assert in_words("1a2b", True) == "commit 1a2b with uncommitted changes"
    assert in_words("1a2b", None) == "commit 1a2b, not known whether with uncommitted changes"
    assert in_words("unknown", None) == "commit unknown"
