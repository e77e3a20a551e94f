"""`--sdm conda`: each environment has exactly the packages that its rules import, and the workflow runs in them.

conda is a stand-in here, and so is its channel; tests/conda/README.md says what that shows and what it does not.
"""

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import pytest
from packaging.utils import canonicalize_name

from helpers.conda_environments import CONDA_NAMES, CONDA_ONLY, ENVS, dependencies
from helpers.workflow_copy import copy_of_the_project, snakemake
from jamming.storage import store
from jamming.storage.fingerprint import PACKAGE, _imports, _path, _resolved

ROOT = Path(__file__).resolve().parents[2]
SITE_PACKAGES = Path(h5py.__file__).resolve().parents[1]

# What jobs run as a program (python -m …) rather than import; the notebook draws with matplotlib.
PROGRAMS = {"data": {"pip"}, "train": {"pip", "ziglang"}, "paper": {"pip", "ipykernel", "matplotlib"}}
# Where the name to import differs from that of the package.
IMPORT_NAMES = {"yaml": "pyyaml"}


def verbs_by_environment():
    """Environment → the verbs that its rules run, from the rules as they stand."""
    found = {}
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        for rule in re.split(r"^ *rule\b", path.read_text(), flags=re.MULTILINE)[1:]:
            for name in re.findall(r"envs/([\w-]+)\.yaml", rule):
                found.setdefault(name, set()).update(re.findall(r"python -m jamming ([\w-]+)", rule))
    return found


VERBS = verbs_by_environment()


def tree_of(module):
    return ast.parse(_path(module).read_text(encoding="utf-8"))


def command_of(verb):
    """The code of a verb: its module's imports, its function, and those of the module that it uses; with its name."""
    name = verb.replace("-", "_")
    for path in (PACKAGE / "commands").glob("*.py"):
        tree = tree_of(f"commands.{path.stem}") if path.stem != "__init__" else ast.parse("")
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        if name in functions:
            break
    else:
        raise AssertionError(f"no module of commands has {verb}")
    used, pending = {}, [name]
    while pending:
        function = pending.pop()
        if function in functions and function not in used:
            used[function] = functions[function]
            pending += [node.id for node in ast.walk(functions[function]) if isinstance(node, ast.Name)]
    return ast.Module([*imports_at_the_top(tree), *used.values()], []), f"commands.{path.stem}"


def imports_at_the_top(tree):
    return [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]


def third_party(tree):
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names


def ours(tree, name):
    """The modules of the package that one of its modules imports."""
    return _resolved(_imports(tree), name, _path(name).name == "__init__.py")


def imported_by(verb, later):
    """The packages, not of Python itself, that a verb imports, by all the modules it leads to.

    With `later` also what those import only within their functions, which the verb may never call.
    """
    command, name = command_of(verb)
    found, modules, seen = third_party(command), set(ours(command, name)), set()
    # A package that a verb imports as a whole finds its modules by name.
    for module in [module for module in modules if _path(module).name == "__init__.py"]:
        inside = (path.relative_to(PACKAGE).with_suffix("") for path in _path(module).parent.rglob("*.py"))
        modules |= {".".join(parts.parts) for parts in inside if parts.name != "__init__"}
    # The command line imports the modules of all verbs, as far as they import at their top.
    for path in (PACKAGE / "commands").glob("*.py"):
        top = ast.Module(imports_at_the_top(ast.parse(path.read_text(encoding="utf-8"))), [])
        found |= third_party(top)
        modules |= set(ours(top, f"commands.{path.stem}")) if path.stem != "__init__" else set()
    while modules - seen:
        module = (modules - seen).pop()
        seen.add(module)
        tree = tree_of(module) if later else ast.Module(imports_at_the_top(tree_of(module)), [])
        found |= third_party(tree)
        modules |= set(ours(tree, module))
    return found


def imported_in(environment, later=False):
    """The packages that the rules of an environment import or run as a program."""
    imported = set().union(*(imported_by(verb, later) for verb in VERBS[environment]))
    return {IMPORT_NAMES.get(name, name) for name in imported} | PROGRAMS.get(environment, set())


@pytest.mark.parametrize("environment", sorted(VERBS))
def test_an_environment_lists_exactly_what_its_rules_import(environment):
    listed = {CONDA_NAMES.get(name, name) for name in dependencies(ROOT / "envs" / f"{environment}.yaml")}
    listed = {canonicalize_name(name) for name in listed - CONDA_ONLY.keys()}
    must, may = ({canonicalize_name(name) for name in imported_in(environment, later)} for later in (False, True))
    assert must <= listed, "its rules import more than it lists"
    assert listed <= may, "it lists what no rule imports"


def test_every_environment_is_some_rule_s():
    assert {path.stem for path in ENVS} == VERBS.keys()


def test_on_gpus_nothing_but_torch_changes():
    cpu, gpu = (dependencies(ROOT / "envs" / f"{name}.yaml") for name in ("train", "train-gpu"))
    assert gpu.pop("pytorch-gpu") == cpu.pop("pytorch-cpu") and gpu.pop("cuda-version") == CONDA_ONLY["cuda-version"]
    # The compiled training step, and the comparison of minimizers with its file of settings, are the CPU's.
    assert gpu == {name: version for name, version in cpu.items() if name not in PROGRAMS["train"] | {"pyyaml"}}


@pytest.fixture(scope="module")
def conda(tmp_path_factory):
    """The settings with which Snakemake uses the stand-in and its channel."""
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        pytest.skip("the stand-in's channel is for Linux on x86-64")
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the environments are for Python 3.11, and the stand-in has only the Python it runs on")
    folder = tmp_path_factory.mktemp("conda")
    _channel().mirror(folder / "channels" / "conda-forge", SITE_PACKAGES)
    programs = folder / "root" / "bin"
    programs.mkdir(parents=True)
    standin = (ROOT / "tests" / "conda" / "standin.py").read_text()
    (programs / "conda").write_text(f"#!{sys.executable}\n{standin}")
    (programs / "activate").write_text(f'eval "$({programs}/conda shell.bash-activate "$1")"\n')
    (programs / "conda").chmod(0o755)
    return {"PATH": f"{programs}:{os.environ['PATH']}", "CONDA_CHANNEL_ALIAS": f"file://{folder}/channels/"}


def _channel():
    """The module tests/conda/channel.py, which belongs to no package."""
    spec = importlib.util.spec_from_file_location("channel", ROOT / "tests" / "conda" / "channel.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("environment", sorted(VERBS.keys() - {"train-gpu"}))
def test_an_environment_can_be_made_and_imports_what_it_must(conda, tmp_path, environment):
    words = ["conda", "env", "create", "--file", ROOT / "envs" / f"{environment}.yaml", "--prefix", tmp_path / "made"]
    subprocess.run(words, env={**os.environ, **conda}, check=True)
    python = {package: name for name, package in IMPORT_NAMES.items()}
    names = ", ".join(sorted(python.get(name, name) for name in imported_in(environment)))
    isolated = [tmp_path / "made/bin/python", "-I", "-c", f"import {names}"]
    subprocess.run(isolated, check=True)
    absent = subprocess.run([*isolated[:-1], "import snakemake"], capture_output=True, text=True)
    assert "ModuleNotFoundError" in absent.stderr, "an environment holds more than it lists"


CONFIG = """
preset: smoke
sweeps: {relu_L5: {n_train: [278], replicas: 1, protocol: {steps: 300}}}
lines: {line_hinge_L3: {n_train: [40], protocol: {steps: 100}}}
analysis: {max_loss: 1.0}
"""
POINT = "relu_L5/P00278_h0006.h5"


@pytest.mark.slow
def test_the_workflow_runs_in_its_environments(conda, tmp_path):
    folder = copy_of_the_project(tmp_path / "in conda")
    (folder / "mine.yaml").write_text(CONFIG)
    results = folder / "results" / "smoke"
    observables = [f"results/smoke/observables/{kind}/{POINT}" for kind in ("gaps", "spectra", "effective")]
    words = ["--cores", "2", "--sdm", "conda", "--configfile", "mine.yaml"]
    snakemake(folder, "figures/fig12.pdf", "figures/fig1.pdf", *observables, *words, **conda)
    made = [path for path in (folder / ".snakemake" / "conda").iterdir() if path.is_dir()]
    assert len(made) == 4
    for path, kind, has, lacks in (
        (f"runs/{POINT}", "run", "h5py", "matplotlib"),
        ("lines/line_hinge_L3/P00040.h5", "line", "h5py", "matplotlib"),
        (f"observables/spectra/{POINT}", "spectra", "numpy", "torch"),
        ("tables/fig12.h5", "table", "numpy", "torch"),
        ("data/random_d6.h5", "dataset", "numpy", "torch"),
    ):
        packages = store.read(results / path, kind).provenance["packages"]
        assert has in packages and lacks not in packages, f"{path} was made with {packages}"
    again = snakemake(folder, "figures/fig12.pdf", "-n", "--configfile", "mine.yaml", "--cores", "1")
    assert "Nothing to be done" in again.stdout + again.stderr, "leaving conda re-runs nothing"
