"""Any mutation of a valid configuration is read, or refused in one sentence; never with a traceback."""

import copy
import datetime
import math

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.workflow_copy import ROOT, copy_of_the_project, said, snakemake
from jamming.config import ConfigError, load, preset_file, read_lines, read_points, with_numbers
from jamming.spec import LinePoint, Point

VALID = {name: load(name) for name in ("smoke", "paper")}

# What a hand, a script or YAML's own rules put where something else was meant.
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([-1, 0, 1, 2, 3, 10**6, 10**9, 2**63, 10**40, -(10**40)]),
    st.floats(),
    st.sampled_from([1e308, -0.0, 5e-324, math.inf, math.nan]),
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


def places(tree, here=()):
    """Every place in the tree, as the keys that lead to it."""
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
        how = draw(st.sampled_from(["replace", "axis", "remove", "add", "rename", "swap", "wrap"]))
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
        elif how == "wrap":
            parent[last] = draw(st.sampled_from([[parent[last]], {last: parent[last]}, str(parent[last])]))
    return config


def read(config):
    """What the Snakefile does with it."""
    preset_file(config.get("preset"), ROOT / "config" / "presets")
    numbers = with_numbers(config)
    return read_points(numbers), read_lines(numbers)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(mutations())
def test_a_mutation_is_read_or_refused_in_one_sentence(config):
    try:
        sweeps, lines = read(config)
    except ConfigError as error:
        text = str(error)
        assert text.startswith("config: ") and text.endswith(".") and text.isprintable() and len(text) < 700, text
        return
    # What was read is a point: it has a name that the rules' wildcards take, and survives its way into the job.
    for point in (point for points in sweeps.values() for point in points.values()):
        assert Point.from_json(point.to_json()) == point and point.name.isascii()
    for point in (point for points in lines.values() for point in points.values()):
        assert LinePoint.from_json(point.to_json()) == point


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
    ],
    ids=repr,
)
def test_what_a_mutation_rarely_hits(path, value):
    """Found by reading the code; each is refused, and at once."""
    config = copy.deepcopy(VALID["smoke"])
    *above, last = path
    at(config, above)[last] = value
    with pytest.raises(ConfigError, match=r"^config: [^\n]*\.$"):
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
    ],
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
