"""Set-up: the lock, the conda environments and the scripts that install from them agree."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers.conda_environments import CONDA_NAMES, CONDA_ONLY, ENVS, dependencies

ROOT = Path(__file__).resolve().parents[2]


def lock_entries(text: str) -> list[list[str]]:
    """The requirements of a lock, each as its lines: the requirement, then its hashes; comments left out."""
    entries: list[list[str]] = []
    for line in text.splitlines():
        words = line.split("#")[0].rstrip("\\ ")
        if words.startswith(" "):
            entries[-1].append(words.strip())
        elif words:
            entries.append([words])
    return entries


def pins(lines: list[str]) -> dict[str, str]:
    """Name → version of exact requirements (`name==version`); raises AssertionError where one is not exact."""
    versions = {}
    for line in lines:
        requirement = Requirement(line)
        (specifier,) = requirement.specifier
        assert specifier.operator == "==" and not specifier.version.endswith("*"), f"{line} is not an exact version"
        name = canonicalize_name(requirement.name)
        assert name not in versions, f"{name} is locked twice"
        versions[name] = specifier.version
    return versions


LOCKS = {name: (ROOT / f"envs/{name}.lock").read_text() for name in ("requirements", "requirements-test")}
ENTRIES = {name: lock_entries(text) for name, text in LOCKS.items()}
LOCKED, LOCKED_FOR_TESTS = (pins([entry[0] for entry in entries]) for entries in ENTRIES.values())
TORCH = pins([entry[0] for entry in lock_entries((ROOT / "envs/requirements-torch.txt").read_text())])


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_hashes(name):
    for requirement, *hashes in ENTRIES[name]:
        assert hashes, f"{requirement} has no hash"
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in hashes), requirement


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_host(name):
    for pattern in ("://", "index-url", "find-links", "trusted-host", " @ "):
        assert pattern not in LOCKS[name]


@pytest.mark.parametrize(("name", "locked"), [("requirements", LOCKED), ("requirements-test", LOCKED_FOR_TESTS)])
def test_lock_meets_the_direct_requirements(name, locked):
    lines = [entry[0] for entry in lock_entries((ROOT / f"envs/{name}.in").read_text())]
    assert lines
    for line in lines:
        requirement = Requirement(line)
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), f"{line}: run make lock"


def test_what_both_locks_have_is_the_same_and_the_workflow_needs_no_test_tool():
    assert {name: LOCKED[name] for name in LOCKED.keys() & LOCKED_FOR_TESTS} == {
        name: LOCKED_FOR_TESTS[name] for name in LOCKED.keys() & LOCKED_FOR_TESTS
    }
    assert not {"pytest", "playwright", "py-rattler", "ruff", "hypothesis", "snakefmt"} & set(LOCKED)


def test_torch_stands_beside_the_lock():
    assert list(TORCH) == ["torch"]
    for locked in (LOCKED, LOCKED_FOR_TESTS):
        assert not {"torch", "triton"} & set(locked)
        assert not [name for name in locked if name.startswith(("nvidia-", "cuda-"))]


@pytest.mark.parametrize("env", ENVS, ids=lambda path: path.stem)
def test_conda_environment_has_the_locked_versions(env):
    assert yaml.safe_load(env.read_text())["channels"] == ["conda-forge", "nodefaults"]
    versions = dependencies(env)
    assert versions["python"] == CONDA_ONLY["python"]
    for name, version in versions.items():
        expected = CONDA_ONLY.get(name) or (LOCKED | TORCH)[canonicalize_name(CONDA_NAMES.get(name, name))]
        assert version == expected, f"{env.name}: {name} is {version}, but {expected} is locked"


def test_there_is_an_environment_for_each_concern():
    light = {"data", "analysis", "figures", "claims", "paper", "explorer", "release"}
    assert {env.stem for env in ENVS} == {"train", "train-gpu"} | light
    without_torch = {env.stem for env in ENVS if not {"pytorch-cpu", "pytorch-gpu"} & set(dependencies(env))}
    assert without_torch == light


# install.sh, with stand-in interpreters that note how they are called

INTERPRETER = """#!/bin/sh
echo "{name} $*" >>"$CALLS"
case "$*" in
"-m venv"*) rm -rf .venv && mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
"-c "*realpath*) echo "$0" ;;
"-c "*) echo "{name}" ;;
"-m pip install"*installers.lock) cp "$BIN/stand-in-uv" .venv/bin/uv ;;
"-m pip install"*torch.txt) [ ! -e torch-fails ] ;;
esac
"""
UV = """#!/bin/sh
echo "uv $*" >>"$CALLS"
[ ! -e uv-fails ]
"""


class Checkout:
    """A copy of envs/ in a folder with a space in its name, and a PATH with stand-in interpreters only."""

    def __init__(self, folder: Path):
        self.folder = folder / "a checkout"
        self.bin = folder / "bin"
        self.calls = folder / "calls"
        self.bin.mkdir()
        for tool in ("sh", "awk", "basename", "cat", "cmp", "cp", "dirname", "mkdir", "mv", "rm"):
            (self.bin / tool).symlink_to(shutil.which(tool))
        shutil.copytree(ROOT / "envs", self.folder / "envs")
        self.add("stand-in-uv", UV)

    def add(self, name: str, script: str = INTERPRETER) -> Path:
        path = self.bin / name
        path.write_text(script.replace("{name}", name))
        path.chmod(0o755)
        return path

    def install(self, *extras: str, python: str = "") -> subprocess.CompletedProcess:
        self.calls.write_text("")
        environment = {"PATH": str(self.bin), "BIN": str(self.bin), "CALLS": str(self.calls), "PYTHON": python}
        command = ["sh", str(self.folder / "envs/install.sh"), *extras]
        return subprocess.run(command, env=environment, cwd=os.sep, capture_output=True, text=True)

    def installed_with(self) -> list[str]:
        """The stand-ins that were told to make .venv since the last call of install()."""
        return re.findall(r"^(\S+) -m venv", self.calls.read_text(), re.MULTILINE)

    def installed(self) -> list[tuple[str, str]]:
        """Installer and file of each installation since the last call of install()."""
        return re.findall(r"^(?:\S+ -m )?(pip|uv) .*install.* -r (\S+)$", self.calls.read_text(), re.MULTILINE)


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def test_install_prefers_python_3_11(checkout):
    for name in ("python3", "python3.13", "python3.12", "python3.11"):
        checkout.add(name)
    assert checkout.install().returncode == 0
    assert checkout.installed_with() == ["python3.11"]


def test_install_passes_over_an_interpreter_that_does_not_run(checkout):
    checkout.add("python3.11", "#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    checkout.add("python3.12")
    assert checkout.install().returncode == 0
    assert checkout.installed_with() == ["python3.12"]


def test_install_without_a_suitable_python_says_so_in_one_line(checkout):
    checkout.add("python3", "#!/bin/sh\nexit 1\n")
    done = checkout.install()
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1 and "make PYTHON=" in done.stderr
    assert not (checkout.folder / ".venv").exists()


def test_install_obeys_python_and_replaces_another_one(checkout):
    checkout.add("python3.11")
    other = checkout.add("python3.13")
    assert checkout.install().returncode == 0
    assert checkout.install(python=str(other)).returncode == 0
    assert checkout.installed_with() == ["python3.13"]
    assert checkout.install(python=str(other)).returncode == 0
    assert checkout.installed_with() == []
    assert checkout.install().returncode == 0
    assert checkout.installed_with() == [], "without PYTHON, the .venv that is there is as good as any"


def test_install_refuses_an_unsuitable_python_by_name(checkout):
    checkout.add("python3.11")
    done = checkout.install(python="/nowhere/python3.9")
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1 and "/nowhere/python3.9" in done.stderr


def test_install_does_nothing_the_second_time(checkout):
    checkout.add("python3.11")
    first = checkout.install()
    assert first.returncode == 0 and "Making .venv" in first.stdout
    second = checkout.install()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert checkout.installed_with() == []


def test_install_starts_anew_when_a_version_changes(checkout):
    checkout.add("python3.11")
    assert checkout.install().returncode == 0
    lock = checkout.folder / "envs/requirements.lock"
    lock.write_text(lock.read_text() + "\n# changed\n")
    assert checkout.install().returncode == 0
    assert checkout.installed_with() == ["python3.11"]


@pytest.mark.parametrize(("extra", "name"), [("test", "requirements-test.lock"), ("torch", "requirements-torch.txt")])
def test_install_adds_what_is_asked_for_once_and_again_when_a_version_changes(checkout, extra, name):
    checkout.add("python3.11")
    assert checkout.install().returncode == 0
    added = [("uv" if extra == "test" else "pip", f"envs/{name}")]
    for expected in (added, []):
        assert checkout.install(extra).returncode == 0
        assert (checkout.installed(), checkout.installed_with()) == (expected, [])
    listed = checkout.folder / "envs" / name
    listed.write_text(listed.read_text() + "\n# changed\n")
    assert checkout.install().returncode == 0 and checkout.installed() == []
    assert checkout.install(extra).returncode == 0 and checkout.installed() == added


def test_install_starts_anew_when_the_folder_was_moved(checkout):
    checkout.add("python3.11")
    assert checkout.install().returncode == 0
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("moved"))
    assert checkout.install().returncode == 0
    assert checkout.installed_with() == ["python3.11"]


def test_failed_install_is_done_again(checkout):
    checkout.add("python3.11")
    failure = checkout.folder / "torch-fails"
    failure.touch()
    assert checkout.install("torch").returncode != 0
    failure.unlink()
    assert checkout.install("torch").returncode == 0
    assert checkout.installed() == [("pip", "envs/requirements-torch.txt")]


def test_install_takes_the_locked_installers_before_anything_else(checkout):
    checkout.add("python3.11")
    assert checkout.install("test", "torch").returncode == 0
    installers = lock_entries((checkout.folder / ".venv/installers.lock").read_text())
    assert [entry[0].split("==")[0] for entry in installers] == ["pip", "setuptools", "uv"]
    assert all(len(entry) > 1 for entry in installers)
    assert checkout.installed() == [
        ("pip", ".venv/installers.lock"),
        ("uv", "envs/requirements.lock"),
        ("uv", "envs/requirements-test.lock"),
        ("pip", "envs/requirements-torch.txt"),
    ]
    assert len(re.findall("--require-hashes", checkout.calls.read_text())) == 3


def test_pip_installs_where_uv_cannot(checkout):
    checkout.add("python3.11")
    (checkout.folder / "uv-fails").touch()
    assert checkout.install().returncode == 0
    assert checkout.installed()[1:] == [("uv", "envs/requirements.lock"), ("pip", "envs/requirements.lock")]
    assert len(re.findall("--require-hashes", checkout.calls.read_text())) == 3
