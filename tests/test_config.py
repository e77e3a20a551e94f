"""The configuration: every mistake gives one sentence with the key, its value and what is allowed."""

import re

import pytest

from helpers.changed_config import CONFIG, PRESETS, changed, preset
from helpers.workflow_copy import copy_of_the_project, snakemake
from jamming.config import ConfigError, checked, load, preset_file, read_lines, read_points


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_valid(name):
    sweeps = read_points(preset(name))
    assert set(sweeps) == {"relu_L2", "relu_L3", "relu_L5", "tanh_L3", "mnist_L5", "mnist_L3"} | {
        "generalization_L5",
        "generalization_L2",
    }
    for points in sweeps.values():
        assert list(points) == sorted(points)
        for name_of_point, point in points.items():
            assert point.name == name_of_point


def test_a_sweep_may_scan_widths_and_patterns():
    points = read_points(changed(("sweeps", "mnist_L3", "network", "width"), [7, 3], base="smoke"))["mnist_L3"]
    assert list(points) == ["P00300_h0003", "P00300_h0007"]
    assert [point.network.width for point in points.values()] == [3, 7]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_the_same_lines(name):
    lines = read_lines(preset(name))
    assert len(lines) == 10 and all(lines.values())
    assert lines["line_hinge_L5"][min(lines["line_hinge_L5"])].dim == 0
    assert {point.dim for point in lines["line_ce_L5_d50"].values()} == {50}
    for points in lines.values():
        assert [point.n_train for point in points.values()] == sorted(point.n_train for point in points.values())


def test_a_preset_changes_sizes_only():
    """Only config.yaml sets data, depths and activations."""
    kinds = {
        name: [(p.dataset, p.network.depth, p.network.activation, p.protocol.margin) for (p, *_) in described]
        for name in PRESETS
        for described in [[list(points.values()) for points in read_points(preset(name)).values()]]
    }
    assert len({str(kind) for kind in kinds.values()}) == 1


def test_paper_preset_is_the_published_protocol():
    points = read_points(preset("paper"))
    l3 = list(points["relu_L3"].values())
    assert (l3[0].n_train, l3[-1].n_train, len(l3)) == (21991, 25918, 128)
    assert l3[0].network.n_weights == 7854
    assert (l3[0].protocol.name, l3[0].protocol.steps, l3[0].protocol.rate) == ("hinge_adam", 10**7, 1e-4)
    mnist = list(points["mnist_L5"].values())
    assert (mnist[0].n_train, mnist[-1].n_train, mnist[0].protocol.steps) == (31000, 68000, 3 * 10**6)


L2 = ("sweeps", "relu_L2")
MISTAKES = [
    ((*L2, "widht"), 3, "sweeps.relu_L2 has an unknown key 'widht'"),
    ((*L2, "network", "widht"), 3, r"sweeps.relu_L2.network has an unknown key 'widht' \(did you mean 'width'\?\)"),
    ((*L2, "protocol", "lr"), 3, "sweeps.relu_L2.protocol has an unknown key 'lr'"),
    (("analysis", "max_los"), 3, "analysis has an unknown key 'max_los'"),
    (("colour",), "red", "the top level has an unknown key 'colour'"),
    (("seed",), "one", "seed is 'one', but must be a whole number"),
    (("seed",), -1, "seed is -1, but must be at least 0"),
    (("dtype",), "float16", "dtype is 'float16', but must be one of float64, float32, mixed"),
    (("device",), "tpu", "device is 'tpu', but must be one of auto, cpu, cuda"),
    ((*L2, "network", "width"), 0, "sweeps.relu_L2.network.width is 0, but must be at least 1"),
    ((*L2, "network", "width"), [5, 0], "sweeps.relu_L2.network.width.1 is 0, but must be at least 1"),
    ((*L2, "network", "width"), [], "sweeps.relu_L2.network.width is .*, but must hold at least 1"),
    ((*L2, "network", "width"), 2.5, "sweeps.relu_L2.network.width is 2.5, but must be a whole number"),
    ((*L2, "network", "width"), "wide", "sweeps.relu_L2.network.width is 'wide', but must be a whole number"),
    ((*L2, "network", "depth"), True, "sweeps.relu_L2.network.depth is True, but must be a whole number"),
    ((*L2, "network", "activation"), "gelu", "activation is 'gelu', but must be one of relu, tanh"),
    ((*L2, "network", "width"), KeyError, "sweeps.relu_L2.network lacks the key 'width'"),
    ((*L2, "n_train"), [1, 10], r"sweeps.relu_L2.n_train.0 is 1, but must be at least 2"),
    ((*L2, "n_train"), [], "sweeps.relu_L2.n_train is .*, but must hold at least 1"),
    ((*L2, "n_train"), [10, 10], "n_train is .*, but must not hold a value twice"),
    ((*L2, "n_train"), 10, "n_train is 10, but must be"),
    ((*L2, "n_train"), {"from": 20, "to": 10, "count": 2}, "goes from 20 to 10 in 2 values"),
    ((*L2, "n_train"), {"from": 10, "to": 12, "count": 9}, "goes from 10 to 12 in 9 values"),
    ((*L2, "n_train"), [10**6], "n_train holds 1000000, but half of random.n_patterns is 50000"),
    (("sweeps", "mnist_L5", "n_train"), [80_000], "n_train holds 80000, but MNIST holds 70000 images"),
    (("sweeps", "mnist_L5", "network", "dim"), 785, "network.dim is 785, but an image has 784 pixels"),
    ((*L2, "replicas"), 0, "sweeps.relu_L2.replicas is 0, but must be at least 1"),
    ((*L2, "dataset"), "cifar", "dataset is 'cifar', but must be one of random, mnist"),
    ((*L2, "protocol", "rate"), 0, "protocol.rate is 0, but must be greater than 0"),
    ((*L2, "protocol", "rate"), "fast", "protocol.rate is 'fast', but must be a number"),
    ((*L2, "protocol", "rate"), float("nan"), "protocol.rate is nan, but must be"),
    ((*L2, "protocol", "rate"), float("inf"), "protocol.rate is inf, but must be a finite number"),
    ((*L2, "protocol", "floor"), 1.0, "protocol.floor is 1.0, but the rate starts at 0.002"),
    ((*L2, "protocol", "steps"), 0, "protocol.steps is 0, but must be at least 1"),
    ((*L2, "protocol", "margin"), -0.5, "protocol.margin is -0.5, but must be greater than 0"),
    ((*L2, "protocol", "name"), "sgd", "protocol.name is 'sgd', but must be one of hinge_adam"),
    (
        ("sweeps", "mnist_L3", "protocol", "name"),
        "hinge_lbfgs_annealed",
        "protocol.lbfgs_steps is missing, but .* needs at least 1",
    ),
    ((*L2, "protocol", "lbfgs_steps"), 0, "protocol.lbfgs_steps is 0, but must be at least 1"),
    (("sweeps",), {}, "sweeps is .*, but must hold at least 1"),
    (("sweeps",), [], "sweeps is .*, but must be a mapping"),
    (("mnist", "mirrors"), ["http://insecure/"], "mnist.mirrors.0 is 'http://insecure/', but must match"),
    (("mnist", "mirrors"), ["https://x/; touch y/"], "mnist.mirrors.0 is .*, but must match"),
    (("sweeps", "; touch x"), {}, "'; touch x'"),
    (("analysis", "theta_range"), [1.0, 0.1], "analysis.theta_range is .*, but must increase"),
    (("analysis", "theta_range"), [1.0], "analysis.theta_range is .*, but must hold at least 2"),
]


LINE = ("lines", "line_mnist_L1")
MISTAKES += [
    ((*LINE, "first_ration"), 1, r"lines.line_mnist_L1 has an unknown key 'first_ration' \(did you mean 'first_ratio'"),
    (
        (*LINE, "network", "dim"),
        "height",
        "line_mnist_L1.network.dim is 'height', but must be 'width' or a whole",
    ),
    ((*LINE, "network", "dim"), "width", "lines.line_mnist_L1.network.dim is width, but an image has 784 pixels"),
    ((*LINE, "n_train"), [70_001], "lines.line_mnist_L1.n_train holds 70001, but MNIST holds 70000 images"),
    ((*LINE, "protocol", "floor"), 1.0, "lines.line_mnist_L1.protocol.floor is 1.0, but the rate starts at 0.001"),
    ((*L2, "protocol", "name"), "cross_entropy_sgd", "'cross_entropy_sgd', but only lines are trained with it"),
]


@pytest.mark.parametrize(("path", "value", "sentence"), MISTAKES)
def test_every_mistake_is_one_sentence(path, value, sentence):
    with pytest.raises(ConfigError, match=sentence) as caught:
        config = checked(changed(path, value))
        read_points(config)
        read_lines(config)
    text = str(caught.value)
    assert text.startswith("config: ") and text.endswith(".") and "\n" not in text and len(text) < 300


def test_an_unknown_preset_names_those_there_are():
    with pytest.raises(ConfigError, match="preset is 'huge', but must be one of laptop, paper, quick, smoke"):
        preset_file("huge", CONFIG / "presets")


def test_what_a_protocol_does_not_use_trains_nothing_anew():
    one, other = preset("quick"), changed((*L2, "protocol", "drop_every"), 7)
    assert read_points(one) == read_points(other)


def test_numbers_given_as_text_are_numbers():
    """As from --config 'sweeps={relu_L2: {replicas: 5}}', and from 1e-3 in a YAML file."""
    config = changed((*L2, "replicas"), "5") | {"mnist": {"path": "123", "mirrors": []}}
    config["sweeps"]["relu_L3"]["n_train"] = ["80", "9"]
    points = read_points(checked(config))
    assert {point.replicas for point in points["relu_L2"].values()} == {5}
    assert [point.n_train for point in points["relu_L3"].values()] == [9, 80]
    assert checked(changed(("analysis", "max_loss"), "1e-3"))["analysis"]["max_loss"] == 1e-3
    assert checked(config)["mnist"]["path"] == "123"


def test_the_configuration_is_the_one_snakemake_merges(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("sweeps: {relu_L2: {replicas: 7, protocol: {rate: 1e-3}}}\n")
    config = load("smoke", [mine])
    assert config["preset"] == "smoke" and config["sweeps"]["relu_L2"]["replicas"] == 7
    assert config["sweeps"]["relu_L2"]["protocol"]["rate"] == 1e-3
    folder = copy_of_the_project(tmp_path / "copy")
    words = ["figures/fig6.pdf", "-n", "-p", "--configfile", str(mine), "--config", "preset=smoke"]
    specs = re.findall(r"--spec '(\{[^']*\"relu_L2\"[^']*\})'", snakemake(folder, *words).stdout)
    points = read_points(config)["relu_L2"].values()
    assert sorted(specs) == sorted(point.to_json() for point in points)


@pytest.mark.parametrize(
    ("text", "words"), [("- 1\n", "must be a mapping"), ("a: [\n", "cannot be read"), (None, "cannot be")]
)
def test_a_file_that_is_no_configuration_is_one_sentence(tmp_path, text, words):
    path = tmp_path / "mine.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        load("smoke", [path])
    assert "mine.yaml" in str(caught.value) and "\n" not in str(caught.value)
