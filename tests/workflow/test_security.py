"""Security: nothing from a file or a configuration runs, and others cannot write to files made here."""

import ast
import json
import re
import stat
import subprocess
import sys

import pytest
import yaml

from helpers.workflow_copy import ROOT, copy_of_the_project, environment, said, snakemake
from jamming.config import ConfigError, checked, load, preset_file, read_lines, read_points

PACKAGE = ROOT / "workflow" / "jamming"
SOURCES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")])

# Names that run text or bytes as code, or hand text to a shell.
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_ATTRIBUTES = {
    ("os", "system"),
    ("os", "popen"),
    ("yaml", "load"),
    ("yaml", "full_load"),
    ("yaml", "unsafe_load"),
    ("numpy", "load"),
    ("np", "load"),
    ("torch", "load"),
    ("torch", "save"),
    ("subprocess", "getoutput"),
    ("subprocess", "getstatusoutput"),
    ("joblib", "load"),
    ("tempfile", "mktemp"),
}
FORBIDDEN_IMPORTS = {"pickle", "cPickle", "dill", "marshal", "shelve", "joblib", "cloudpickle"}
# The one restricted unpickler: it reads MNIST's arrays after their checksum, and admits three names of numpy.
PICKLE_IS_READ_IN = "datasets/fetch.py"


def parsed(name):
    return ast.parse((PACKAGE / name).read_text(encoding="utf-8"))


def offences(text):
    """Forbidden constructs in a source, as (line, words)."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
                found.append((node.lineno, node.func.id))
            for keyword in node.keywords:
                harmless = isinstance(keyword.value, ast.Constant) and not keyword.value.value
                if keyword.arg in ("shell", "allow_pickle") and not harmless:
                    found.append((node.lineno, f"{keyword.arg}=True"))
        if isinstance(node, ast.Attribute) and (ast.unparse(node.value), node.attr) in FORBIDDEN_ATTRIBUTES:
            found.append((node.lineno, ast.unparse(node)))
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found += [(node.lineno, f"import {name}") for name in names if name.split(".")[0] in FORBIDDEN_IMPORTS]
        found += [(node.lineno, name) for name in names if tuple(name.split(".")[:2]) in FORBIDDEN_ATTRIBUTES]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_source_runs_what_it_reads(path):
    found = {words for _, words in offences(path.read_text(encoding="utf-8"))}
    assert found == ({"import pickle"} if path.as_posix().endswith(PICKLE_IS_READ_IN) else set())


def test_the_pickle_is_read_by_the_restricted_unpickler_alone():
    attributes = [node for node in ast.walk(parsed(PICKLE_IS_READ_IN)) if isinstance(node, ast.Attribute)]
    used = {node.attr for node in attributes if ast.unparse(node.value) == "pickle"}
    assert used == {"Unpickler", "UnpicklingError"}


@pytest.mark.parametrize(
    "text",
    [
        "eval('1')",
        "import os\nos.system('ls')",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import subprocess\nsubprocess.run('ls', shell=x)",
        "import pickle",
        "from pickle import loads",
        "from os import system",
        "import yaml\nyaml.load(file)",
        "import numpy as np\nnp.load(file, allow_pickle=True)",
        "import torch\ntorch.load(file)",
    ],
)
def test_the_scan_sees_what_it_looks_for(text):
    assert offences(text)


def test_rules_quote_every_value_from_outside():
    """Shell lines use {params.x:q}, unless the value is quoted already or comes from the workflow's own lists."""
    own = {"wildcards.figure", "wildcards.group", "wildcards.kind", "params.kind", "threads"}
    without_rules = ("common.smk", "resources.smk")
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        if path.name in without_rules:
            continue
        text = path.read_text(encoding="utf-8")
        lines = re.findall(r'^ +f?"(?:exec )?(?:python|.* > ).*"$|^ +f?" --.*"$', text, re.MULTILINE)
        assert lines
        # `words_of` quotes each path.
        quoted = {f"params.{name}" for name in re.findall(r"^ +(\w+)=lambda .*: words_of\(", text, re.MULTILINE)}
        for name in re.findall(r"\{+([\w.]+)\}+", "\n".join(lines)):
            # RESULTS follows from the preset's name, which is that of a file and matches the schema's pattern.
            assert name in own | quoted | {"RESULTS"}, f"{path.name}: {name}"


# Shell words in the configuration

WORDS = [
    "; touch x #",
    "$(touch x)",
    "`touch x`",
    "' ; touch x ; '",
    '" ; touch x ; "',
    "x\ntouch x\n",
    "| touch x",
    "{touch} x",
]
L2, LINE = ("sweeps", "relu_L2"), ("lines", "line_mnist_L1")
# Every place of the configuration that holds text or could; the last two are names.
PLACES = [
    ("dtype",),
    ("device",),
    ("backend",),
    ("mnist", "mirrors", 0),
    ("random", "n_patterns"),
    (*L2, "dataset"),
    (*L2, "network", "activation"),
    (*L2, "network", "width"),
    (*L2, "protocol", "name"),
    (*L2, "protocol", "rate"),
    (*L2, "n_train", 0),
    (*L2, "replicas"),
    (*LINE, "network", "dim"),
    (*LINE, "first_ratio"),
    ("analysis", "max_loss"),
    ("analysis", "theta_range", 0),
    ("sweeps", "NAME"),
    ("lines", "NAME"),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_of_the_project(tmp_path_factory.mktemp("security") / "$(touch x) `touch x` ; touch x #")


def nothing_ran(folder):
    return not list(folder.rglob("x")) and not (folder.parent / "x").exists()


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_shell_words_in_the_configuration_are_refused(place, words):
    config = load("smoke")
    *keys, last = place
    target = config
    for key in keys:
        target = target[key]
    if last == "NAME":
        target[words] = next(iter(target.values()))
    else:
        target[last] = f"https://mirror/{words}/" if "mirrors" in place else words
    with pytest.raises(ConfigError, match=r"^config: [^\n]*\.$"):
        config = checked(config)
        read_points(config)
        read_lines(config)


@pytest.mark.parametrize("words", [*WORDS, "../quick", "smoke.yaml", ""])
def test_a_preset_is_the_name_of_a_file_there_is(words):
    with pytest.raises(ConfigError, match="must be one of laptop, paper, quick, smoke"):
        preset_file(words, ROOT / "config" / "presets")


@pytest.mark.slow
def test_shell_words_where_text_is_free_do_not_run(project):
    """The path of MNIST reaches a shell. This is really run, in a folder with a hostile name."""
    words = "".join(WORDS)
    (project / "hostile.yaml").write_text(yaml.safe_dump({"preset": "smoke", "mnist": {"path": words}}))
    target = ["results/mnist/pixels.h5", "--cores", "1", "--configfile", "hostile.yaml"]
    planned = snakemake(project, "-n", "-p", *target)
    assert "touch x" in said(planned) and nothing_ran(project)
    done = snakemake(project, *target, check=False)
    assert done.returncode == 1 and "given for MNIST (mnist.path) cannot be used" in said(done)
    snakemake(project, "figures/fig4.pdf", "--cores", "1", "--config", "preset=smoke")
    assert (project / "figures" / "fig4.pdf").exists() and nothing_ran(project)


@pytest.mark.slow
def test_a_configuration_is_data(project):
    """YAML that asks Python to call something is not YAML here."""
    (project / "tags.yaml").write_text('preset: !!python/object/apply:os.system ["touch x"]\n')
    done = snakemake(project, "-n", "--configfile", "tags.yaml", check=False)
    assert done.returncode == 1 and nothing_ran(project)


@pytest.mark.slow
def test_modules_in_the_folder_do_not_run(tmp_path):
    """Jobs import packages only from their environment and from the checkout's workflow/."""
    folder = copy_of_the_project(tmp_path / "jamming")
    (folder / "h5py.py").write_text("import pathlib\npathlib.Path('ran').touch()\nraise SystemExit(3)\n")
    done = snakemake(folder, "figures/fig4.pdf", "--cores", "1", "--config", "preset=smoke")
    assert (folder / "figures" / "fig4.pdf").exists(), said(done)
    assert not list(folder.rglob("ran"))


def test_braces_in_the_path_are_one_sentence(tmp_path):
    """Snakemake itself would take them for a wildcard in the paths of environments."""
    folder = copy_of_the_project(tmp_path / "{w}")
    done = snakemake(folder, "-n", "figures/fig4.pdf", check=False)
    assert done.returncode == 1 and "braces in the path" in said(done) and "Traceback" not in said(done)


def test_the_notebook_does_not_import_from_its_folder(tmp_path):
    from jamming.documents.notebook import execute

    (tmp_path / "colorsys.py").write_text("raise SystemExit(3)\n")
    script = tmp_path / "script.py"
    script.write_text("# %%\nimport colorsys\nprint('<img src=x onerror=alert(1)>', colorsys.__file__)\n")
    page = execute(script, {}, tmp_path)
    assert "lib/python" in page
    # And what a cell prints is text.
    assert "<img src=x" not in page and "&lt;img src=x" in page


def test_make_looks_for_no_module_in_the_folder():
    assert "export PYTHONSAFEPATH := 1" in (ROOT / "Makefile").read_text(encoding="utf-8")


TEMPLATE = """
__use_yte__: true
__definitions__: ["import pathlib", "pathlib.Path('ran').touch()"]
preset: smoke
"""


@pytest.mark.slow
def test_snakemake_runs_a_template_which_is_then_refused(project):
    """docs/security.md warns that it runs, even with -n. If Snakemake changes this, the page can change, too."""
    (project / "theirs.yaml").write_text(TEMPLATE)
    done = snakemake(project, "-n", "--configfile", "theirs.yaml", check=False)
    assert (project / "ran").exists()
    assert done.returncode == 1 and "config: " in said(done) and "has the key '__use_yte__'" in said(done)
    (project / "ran").unlink()


@pytest.mark.slow
def test_a_checked_configuration_is_json_which_snakemake_does_not_run(project):
    (project / "theirs.yaml").write_text(TEMPLATE)
    check = [sys.executable, "-m", "jamming", "check-config"]
    variables = environment(PYTHONPATH=str(PACKAGE.parent))
    done = subprocess.run([*check, "theirs.yaml"], cwd=project, env=variables, capture_output=True, text=True)
    assert done.returncode == 1 and "__use_yte__" in done.stderr
    (project / "theirs.yaml").write_text("preset: smoke\n")
    subprocess.run([*check, "theirs.yaml", "--out", "checked.json"], cwd=project, env=variables, check=True)
    snakemake(project, "-n", "figures/fig4.pdf", "--configfile", "checked.json")
    # The same template as JSON is data to Snakemake, and refused here.
    (project / "template.json").write_text(json.dumps(yaml.safe_load(TEMPLATE)))
    assert snakemake(project, "-n", "--configfile", "template.json", check=False).returncode == 1
    assert not (project / "ran").exists()


# Files

EVERYBODY = stat.S_IWOTH


@pytest.mark.slow
def test_nothing_made_can_be_written_by_everybody(tmp_path):
    """Even with an open umask. A folder that the user made stays as it is."""
    folder = copy_of_the_project(tmp_path / "jamming")
    before = set(tmp_path.rglob("*"))
    words = [
        "figures/fig4.pdf",
        "results/smoke/runs/tanh_L3/P00120_h0007.h5",
        "--cores",
        "2",
        "--config",
        "preset=smoke",
    ]
    done = subprocess.run(
        ["sh", "-c", 'umask 000; exec "$@"', "sh", sys.executable, "-m", "snakemake", *words],
        cwd=folder,
        env=environment(JAMMING_SAVE_EVERY_SECONDS="0.05"),
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    made = [path for path in set(tmp_path.rglob("*")) - before if not path.is_symlink()]
    ours = [path for path in made if ".snakemake" not in path.parts]
    assert any(path.suffix == ".h5" for path in ours) and any(path.suffix == ".log" for path in ours)
    assert not [path for path in ours if path.stat().st_mode & EVERYBODY]


@pytest.mark.parametrize(("mask", "mode"), [("000", 0o664), ("022", 0o644), ("077", 0o600)])
def test_a_stricter_mask_of_the_user_is_kept(tmp_path, mask, mode):
    spec = '{"dataset": "random", "dim": 3, "n_patterns": 16, "seed": 1}'
    words = f"umask {mask}; exec \"$0\" -m jamming generate-data --spec '{spec}' --out made/data.h5"
    run = ["sh", "-c", words, sys.executable]
    subprocess.run(run, cwd=tmp_path, env=environment(PYTHONPATH=str(PACKAGE.parent)), check=True, capture_output=True)
    assert stat.S_IMODE((tmp_path / "made" / "data.h5").stat().st_mode) == mode
    assert not (tmp_path / "made").stat().st_mode & EVERYBODY


# Secrets


def test_no_part_of_the_environment_enters_results_or_logs(tmp_path):
    """Provenance holds versions and the command, but nothing of the environment, which may hold tokens."""
    secret = "token-3f9a1c"
    spec = '{"dataset": "random", "dim": 3, "n_patterns": 16, "seed": 1}'
    names = ("PIP_INDEX_URL", "AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY", "GITHUB_TOKEN", "SNAKEMAKE_TOKEN")
    secrets = dict.fromkeys(names, f"https://user:{secret}@localhost:9/")
    command = [sys.executable, "-m", "jamming", "generate-data", "--spec", spec, "--out", str(tmp_path / "data.h5")]
    variables = environment(PYTHONPATH=str(PACKAGE.parent), **secrets)
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    assert secret not in done.stdout + done.stderr
    assert secret.encode() not in (tmp_path / "data.h5").read_bytes()


def test_a_download_that_fails_does_not_show_the_password_of_the_index(tmp_path):
    """pip names the index that it could not reach. The message must not hold the password in the address."""
    secret = "token-3f9a1c"
    index = f"https://user:{secret}@localhost:9/simple"
    command = [
        sys.executable,
        "-m",
        "jamming",
        "fetch-mnist",
        "--cache",
        str(tmp_path),
        "--out",
        str(tmp_path / "x.h5"),
    ]
    variables = environment(
        PYTHONPATH=str(PACKAGE.parent), PIP_INDEX_URL=index, PIP_RETRIES="0", PIP_FIND_LINKS=None, PIP_NO_INDEX=None
    )
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert done.returncode == 1 and "MNIST cannot be downloaded" in done.stderr
    assert secret not in done.stdout + done.stderr


def test_every_download_has_a_checksum():
    """Only fetch.py downloads, and every download there gives the expected hash."""
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        downloads = re.search(r"\b(urlopen|urlretrieve|pooch|requests|httpx|pip\b.*download)\b", text)
        assert not downloads or path.as_posix().endswith(PICKLE_IS_READ_IN), path
    tree = ast.parse((PACKAGE / PICKLE_IS_READ_IN).read_text(encoding="utf-8"))
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "pooch.retrieve"
    ]
    assert calls
    for call in calls:
        known = {keyword.arg: keyword.value for keyword in call.keywords}["known_hash"]
        assert not isinstance(known, ast.Constant)
