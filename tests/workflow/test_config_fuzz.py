"""Any mutation of a valid configuration is read, or refused in one sentence, never with a traceback."""

import copy
import dataclasses
import datetime
import math
import os
import time

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.workflow_copy import ROOT, copy_of_the_project, said, snakemake
from jamming.__main__ import main
from jamming.config import ConfigError, checked, load, preset_file, read_lines, read_points
from jamming.plain_values import read_file, short
from jamming.spec import LinePoint, Point

# A few seconds; more when somebody wants to know.
EXAMPLES = int(os.environ.get("JAMMING_FUZZ_EXAMPLES", 150))
ANY = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

VALID = {name: load(name) for name in ("smoke", "paper")}

# What a hand, a script or YAML's own rules put where something else was meant.
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([-1, 0, 1, 2, 3, 10**6, 10**9, 2**63, 10**40, -(10**40)]),
    st.floats(),
    st.sampled_from([1e308, -0.0, 5e-324, math.inf, math.nan, 2.0, 100.0, 1e12, 2.0**63]),
    st.sampled_from([100, 1000, 20_000]).map(lambda bits: 2**bits),
    st.sampled_from(["9" * 5000, "1e400", "2.0", "\ud800", "a" * 300, "b" * 10**5]),
    st.sampled_from([(1, 2), {1, 2}, 1j, b"\0", len]),
    st.text(max_size=8),
    st.sampled_from(
        ["1e-3", "1_000", "yes", "nan", "inf", "0x10", "width", "relu", "Δ", "\x00", "a\nb", "; touch x", "{x}"]
    ),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=3),
)
KEYS = st.one_of(
    st.text(max_size=6), st.sampled_from(["n_train", "preset", "P", "Δ"]), st.integers(), st.none(), st.dates()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=5,
)
AXES = st.fixed_dictionaries(
    {}, optional={key: st.one_of(SCALARS, st.integers(0, 10**12)) for key in ("from", "to", "count", "step")}
)


class Laughs(list):
    """More values than there are atoms, as a few lines of YAML with anchors can make."""

    def __init__(self, levels=80):
        super().__init__([Laughs(levels - 1)] * 10 if levels else ["ha"])

    def __repr__(self):
        return "Laughs()"


def places(tree, here=()):
    """Every place in the tree, as the keys on the way to it."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in children:
        yield (*here, key)
        yield from places(value, (*here, key))


def at(tree, keys):
    for key in keys:
        tree = tree[key]
    return tree


@st.composite
def mutations(draw):
    """A valid configuration with one to three changes."""
    config = copy.deepcopy(VALID[draw(st.sampled_from(sorted(VALID)))])
    for _ in range(draw(st.integers(1, 3))):
        known = sorted(places(config), key=repr)
        if not known:
            break
        *above, last = draw(st.sampled_from(known))
        parent = at(config, above)
        how = draw(st.sampled_from(["replace", "axis", "remove", "add", "rename", "swap", "wrap", "whole"]))
        if how == "replace":
            parent[last] = draw(VALUES)
        elif how == "axis" and last == "n_train":
            parent[last] = draw(AXES)
        elif how == "remove":
            del parent[last]
        elif how == "add" and isinstance(parent, dict):
            parent[draw(KEYS)] = draw(VALUES)
        elif how == "rename" and isinstance(parent, dict):
            parent[draw(KEYS)] = parent.pop(last)
        elif how == "swap":
            parent[last] = copy.deepcopy(at(config, draw(st.sampled_from(known))[:-1]))
        elif how == "whole" and type(parent[last]) is int:
            parent[last] = draw(st.sampled_from([float, lambda value: f"{value}.0", str]))(parent[last])
        elif how == "wrap":
            parent[last] = draw(st.sampled_from([[parent[last]], {last: parent[last]}, repr(parent[last])[:4]]))
    known = sorted(places(config), key=repr)
    if known and draw(st.integers(0, 9)) == 0:
        *above, last = draw(st.sampled_from(known))
        parent = at(config, above)
        parent[last] = draw(st.sampled_from([parent, [parent], {"a": parent}, config, Laughs()]))
    return config


def read(config):
    """The configuration, sweeps and lines, read as the Snakefile does."""
    preset_file(config.get("preset"), ROOT / "config" / "presets")
    config = checked(config)
    return config, read_points(config), read_lines(config)


def one_sentence(error):
    text = str(error)
    assert text.startswith("config: ") and text.endswith(".") and text.isprintable() and len(text) < 1200, text


def assert_types(value):
    """Each field of a dataclass has exactly its declared type."""
    for field in dataclasses.fields(value):
        if dataclasses.is_dataclass(field.type):
            assert_types(getattr(value, field.name))
        else:
            assert type(getattr(value, field.name)) is field.type, field.name


def same(read_as, given):
    """Whether values are unchanged, except for numbers made from other numbers or from text."""
    if isinstance(given, dict):
        return given.keys() == read_as.keys() and all(same(read_as[key], given[key]) for key in given)
    if isinstance(given, list):
        return len(given) == len(read_as) and all(map(same, read_as, given))
    if isinstance(read_as, (int, float)) and not isinstance(read_as, bool):
        return not isinstance(given, bool) and float(given) == read_as
    return type(given) is type(read_as) and given == read_as


@ANY
@given(mutations())
def test_a_mutation_is_read_or_refused_in_one_sentence(config):
    began = time.process_time()
    try:
        found, sweeps, lines = read(config)
    except ConfigError as error:
        one_sentence(error)
        return
    finally:
        assert time.process_time() - began < 1
    assert same(found, config)
    assert type(found["seed"]) is int and type(found["random"]["n_patterns"]) is int
    for name, value in found["analysis"].items():
        kinds = {type(item) for item in (value if isinstance(value, list) else [value])}
        assert kinds == {dict} if name == "drawn_network" else kinds <= {int if name[-1] in "ap" else float, float}, (
            name
        )
    # What was read is a point: it has a name that the rules' wildcards take, and survives its way into the job.
    for point in (point for points in sweeps.values() for point in points.values()):
        assert_types(point)
        assert Point.from_json(point.to_json()) == point and point.name.isascii()
    for point in (point for points in lines.values() for point in points.values()):
        assert_types(point)
        assert LinePoint.from_json(point.to_json()) == point


# As files

TEXTS = [
    "&a [*a]",
    "!!python/name:os.system",
    '!!python/object/apply:os.system ["touch x"]',
    "\n__use_yte__: true\n__definitions__: ['import os']\n",
    '"\\x5f_use_yte__": true\n',
    "? [1]\n",
    "<<: {a: 1}\n",
    "[" * 3000,
    "{a: " * 3000,
    "1" * 5000,
    "2020-99-99",
    "\t",
    "\0",
    "---\n",
    "%TAG",
    "é\u2028",
]


@st.composite
def files(draw):
    """The text of a changed configuration, with something put into it once or twice."""
    tree = draw(mutations())
    try:
        text = yaml.safe_dump(tree)
        text = text[: text.find("\n", draw(st.integers(0, 1500))) + 1]
    except (yaml.YAMLError, UnicodeEncodeError, ValueError):
        text = "seed: 1\n"
    for _ in range(draw(st.integers(0, 2))):
        at_line = draw(st.booleans())
        where = draw(st.integers(0, len(text)))
        where = text.rfind("\n", 0, where) + 1 if at_line else where
        text = text[:where] + draw(st.sampled_from(TEXTS)) + text[where:]
    return text


@ANY
@given(files())
def test_a_file_is_read_or_refused_in_one_sentence(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "mine.yaml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    began = time.process_time()
    try:
        values = read_file(file)
    except ConfigError as error:
        one_sentence(error)
        return
    finally:
        assert time.process_time() - began < 1
    assert "__use_yte__" not in values and same(values, yaml.safe_load(text))


def merged_again_and_again(levels=12):
    """As `Laughs`, with mappings that YAML merges into each other while it reads."""
    lines = ["a0: &a0 {" + ", ".join(f"k{i}: {i}" for i in range(10)) + "}"]
    for n in range(1, levels):
        lines.append(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        "__use_yte__: true",
        "__use_yte__: false",
        '{"__use_yte__": true}',
        "__definitions__: ['1']",
        merged_again_and_again(),
        f"seed: {'1' * 5000}",
        f"a: {'[' * 3000}",
        "a: &a {b: *a}",
        "a: 2020-99-99",
        "preset: nowhere",
        "a: [",
        "- 1",
        "pathvars: 5",
        f"x: {'y' * 10**6}",
    ],
    ids=lambda text: text[:30],
)
def test_a_file_of_somebody_else_is_checked_without_running_it(tmp_path, capsys, text):
    file, out = tmp_path / "theirs.yaml", tmp_path / "checked.json"
    file.write_text(text, encoding="utf-8")
    began = time.process_time()
    assert main(["check-config", str(file), "--out", str(out)]) == 1
    assert time.process_time() - began < 2
    said = capsys.readouterr().err
    assert said.startswith("jamming check-config: config: ") and said.count("\n") == 1 and len(said) < 1200
    assert not out.exists()


def test_what_was_checked_is_written_as_json(tmp_path, capsys):
    file, out = tmp_path / "theirs.yaml", tmp_path / "checked.json"
    file.write_text("preset: smoke\nsweeps: {relu_L2: {replicas: 7, protocol: {rate: 1e-3}}}\n", encoding="utf-8")
    assert main(["check-config", str(file), "--out", str(out)]) == 0
    assert load("smoke", [out]) == load("smoke", [file])
    assert "--configfile" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("seed",), 1.0, 1),
        (("sweeps", "relu_L2", "replicas"), 2.0, 2),
        (("sweeps", "relu_L2", "n_train"), [1.0e2, "2e2"], [100, 200]),
        (("sweeps", "relu_L2", "protocol", "steps"), "1e4", 10_000),
        (("sweeps", "relu_L2", "protocol", "margin"), 1, 1.0),
        (("lines", "line_hinge_L2", "first_ratio"), 1, 1.0),
        (("analysis", "theta_range"), [1, 2], [1.0, 2.0]),
        (("analysis", "n_bootstrap"), 100.0, 100),
    ],
    ids=repr,
)
def test_numbers_are_of_the_type_the_schema_declares(path, value, expected):
    """Then 1.0 and 1 are one seed, and parameters compared as text are equal."""
    config = copy.deepcopy(VALID["smoke"])
    *above, last = path
    at(config, above)[last] = value
    found = at(read(config)[0], path)
    assert repr(found) == repr(expected)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("sweeps", "relu_L2", "n_train"), {"from": 2, "to": 10**12, "count": 10**9}),
        (("lines", "line_hinge_L2", "n_train"), {"from": 2, "to": 10**12, "count": 10**11}),
        (("sweeps", 1), {}),
        (("sweeps", "relu_L2", None), 1),
        (("sweeps", "relu_L2", "n_train"), [datetime.date(2020, 1, 1)]),
        (("sweeps", "relu_L2", "network", "width"), [3, [4]]),
        (("analysis", "theta_range"), [math.nan, 1.0]),
        (("analysis", "max_loss"), math.nan),
        (("lines", "line_hinge_L2", "first_ratio"), math.inf),
        (("lines", "line_hinge_L2", "max_ratio"), 1e300),
        (("lines", "line_hinge_L2", "first_ratio"), 1e300),
        (("lines",), None),
        (("preset",), ["smoke"]),
        (("seed",), 10**400),
        (("seed",), 16**5000),
        (("analysis", "max_loss"), 10**400),
        (("sweeps", "relu_L2", "protocol", "rate"), "1" * 5000),
        (("only",), Laughs()),
        (("only",), ["\0"]),
        (("reference",), "\0"),
        (("mnist", "path"), "\ud800"),
        (("sweeps", "x\n"), VALID["smoke"]["sweeps"]["relu_L2"]),
        (("sweeps", "x" * 101), VALID["smoke"]["sweeps"]["relu_L2"]),
        (("lines", "relu_L2"), VALID["smoke"]["lines"]["line_hinge_L2"]),
        (("mnist", "mirrors"), ["https://mirror/\n"]),
        (("sweeps", "relu_L2", "network", "dim"), 1e12),
        (("sweeps", "relu_L2", "network", "dim"), "1e12"),
        (("sweeps", "relu_L2", "network", "width"), list(range(1, 19_000))),
        (("sweeps", "relu_L2", "n_train"), [[], 1, "a"] * 6000),
        (("sweeps", "relu_L2", "replicas"), True),
    ],
    ids=short,
)
def test_what_a_mutation_rarely_hits(path, value):
    """These cases come from reading the code. Each is refused at once."""
    config = copy.deepcopy(VALID["smoke"])
    *above, last = path
    at(config, above)[last] = value
    began = time.process_time()
    with pytest.raises(ConfigError) as caught:
        read(config)
    one_sentence(caught.value)
    assert time.process_time() - began < 1


def test_a_list_that_holds_itself():
    config = copy.deepcopy(VALID["smoke"])
    config["only"].append(config["only"])
    with pytest.raises(ConfigError, match=r"only.* is nested deeper than 12 levels, or holds itself"):
        read(config)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_of_the_project(tmp_path_factory.mktemp("fuzz") / "jamming")


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "sweeps: {1: {}}",
        "sweeps: [relu_L2]",
        "lines: null",
        "mnist: x",
        "preset: [smoke]",
        "random: {n_patterns: 2020-01-01}",
        "sweeps: {relu_L2: {n_train: {from: 2, to: 1000000000000, count: 1000000000}}}",
        "analysis: {max_loss: .nan}",
        "- 1",
        "a: [",
        "only: &a [*a]",
        f"seed: 0x{'f' * 5000}",
        'reference: "\\0"',
        f"reference: {'a' * 300}",
        "reference: '{w}'",
        "only: !!python/tuple [1]",
    ],
    ids=lambda text: text[:40],
)
def test_snakemake_says_one_sentence(project, text):
    """The same through a real dry-run, with files as people write them."""
    (project / "mine.yaml").write_text(text, encoding="utf-8")
    done = snakemake(project, "-n", "--configfile", "mine.yaml", check=False)
    assert done.returncode == 1
    assert "Traceback" not in said(done), said(done)
    if yaml_mapping(text):
        assert "config: " in said(done), said(done)


def yaml_mapping(text):
    try:
        return isinstance(yaml.safe_load(text), dict)
    except yaml.YAMLError:
        return False
