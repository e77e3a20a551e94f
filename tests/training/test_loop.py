"""Training: the records, the end, the messages, and saved states that cannot be used."""

import dataclasses
import json
import subprocess
import time

import h5py
import numpy as np
import pytest

from helpers.same_bits import assert_same_bits
from helpers.small_trainings import (
    POINT,
    command,
    easy_patterns,
    environment,
    killed_after,
    random_patterns,
    stored,
    trained,
    with_steps,
)
from jamming import datasets, kernels
from jamming.losses import count_misclassified, quadratic_hinge
from jamming.network import forward
from jamming.spec import Network, Protocol
from jamming.storage import store
from jamming.training import loop
from jamming.training.progress import DivergenceError


@pytest.fixture(scope="module")
def dataset():
    return random_patterns()


@pytest.fixture(scope="module")
def dataset_file(dataset, tmp_path_factory):
    return stored(dataset, tmp_path_factory.mktemp("data"))


def test_records_agree_with_the_stored_states(dataset, tmp_path):
    tree = trained(POINT, dataset, tmp_path)
    for number in range(POINT.replicas):
        replica = tree[f"replica_{number:02d}"]
        data = datasets.split(dataset, POINT.n_train, replica["seed_data"])
        record, state = replica["record"], replica["state"]
        for step, params in zip(state["step"], state["params"], strict=True):
            outputs, _ = forward(params, data.train_inputs, POINT.network)
            delta = 0.5 - data.train_labels * outputs
            at = int(np.flatnonzero(record["step"] == step)[0])
            assert record["n_delta"][at] == np.sum(delta > 0)
            assert record["loss"][at] == pytest.approx(quadratic_hinge(delta), rel=1e-10)
            assert record["misclassified"][at] == count_misclassified(outputs, data.train_labels)
        np.testing.assert_allclose(replica["final"]["output"], outputs, atol=1e-12)
        np.testing.assert_allclose(replica["final"]["delta"], delta, atol=1e-12)
        assert np.isnan(record["test_error"]).all()


def test_a_run_that_cannot_fit_uses_all_its_steps(dataset, tmp_path):
    replica = trained(dataclasses.replace(POINT, n_train=600, replicas=1), dataset, tmp_path)["replica_00"]
    assert not replica["converged"] and replica["steps_done"] == 400
    assert replica["record"]["step"][-1] == replica["state"]["step"][-1] == 400
    assert replica["record"]["loss"][-1] > 0


def test_a_run_that_fits_stops_at_once(dataset, tmp_path):
    easy = Network(dim=5, width=20, depth=1, activation="relu")
    point = dataclasses.replace(with_steps(POINT, 3000), network=easy, n_train=20, replicas=1)
    replica = trained(point, dataset, tmp_path)["replica_00"]
    assert replica["converged"] and 0 < replica["steps_done"] < 3000
    assert replica["record"]["n_delta"][-1] == 0 and replica["record"]["loss"][-1] == 0
    assert (replica["record"]["n_delta"][:-1] > 0).all()
    assert replica["record"]["step"][-1] == replica["steps_done"]
    assert (replica["final"]["delta"] <= 0).all()


def test_the_same_point_gives_the_same_bits(dataset, tmp_path):
    assert_same_bits(trained(POINT, dataset, tmp_path), trained(POINT, dataset, tmp_path))


def test_replicas_do_not_depend_on_how_many_there_are(dataset, tmp_path):
    one = trained(dataclasses.replace(POINT, replicas=1), dataset, tmp_path)
    two = trained(POINT, dataset, tmp_path)
    assert_same_bits(one["replica_00"], two["replica_00"])
    assert not np.array_equal(two["replica_00"]["final"]["delta"], two["replica_01"]["final"]["delta"])


def test_states_are_those_of_a_shorter_look(dataset, tmp_path):
    """The recorded curve of a constant-rate run does not depend on where it ends."""
    constant = dataclasses.replace(POINT, protocol=Protocol("hinge_adam_constant", 0.5, 100, 1e-3, 0.0, 0), replicas=1)
    short = trained(constant, dataset, tmp_path)["replica_00"]
    long = trained(with_steps(constant, 1000), dataset, tmp_path)["replica_00"]
    at = int(np.flatnonzero(long["state"]["step"] == 100)[0])
    np.testing.assert_array_equal(long["state"]["params"][at], short["state"]["params"][-1])


def test_margin_and_output_scale_together(dataset, tmp_path):
    """[G] ref. 63: Δ → αΔ and 𝓛 → α²𝓛 when ε and the last layer scale by α, at the initial state exactly."""
    from jamming.kernels.torch_step import TorchHingeAdam
    from jamming.network import initial_params, unpack

    data = datasets.split(dataset, 200, 0)
    params = initial_params(POINT.network, 0)
    scaled = params.copy()
    unpack(scaled, POINT.network)[-1][0][:] *= 2
    small = TorchHingeAdam(POINT.network, params, data.train_inputs, data.train_labels, margin=0.5)
    large = TorchHingeAdam(POINT.network, scaled, data.train_inputs, data.train_labels, margin=1.0)
    assert small.compute_gradient() == large.compute_gradient()
    np.testing.assert_allclose(large.delta, 2 * small.delta, rtol=1e-14)


def test_test_error_is_that_of_the_network(tmp_path):
    dataset = easy_patterns()
    point = dataclasses.replace(POINT, dataset="mnist", sweep="mnist_L2", n_train=100, replicas=1)
    replica = trained(point, dataset, tmp_path)["replica_00"]
    data = datasets.split(dataset, 100, 0)
    outputs, _ = forward(replica["state"]["params"][-1], data.test_inputs, point.network)
    error = count_misclassified(outputs, data.test_labels) / len(data.test_labels)
    assert replica["record"]["test_error"][-1] == pytest.approx(error)
    assert error < 0.2


def test_divergence_names_the_run(dataset, tmp_path):
    wild = dataclasses.replace(POINT, protocol=Protocol("hinge_adam_constant", 0.5, 100, 1e200, 0.0, 0))
    with pytest.raises(DivergenceError, match=r"sweep relu_L2, P = 200, replica 0 diverged at step \d+"):
        trained(wild, dataset, tmp_path)


def test_cuda_asked_for_in_vain_is_one_sentence():
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(ValueError, match="device is 'cuda' but torch sees no CUDA device"):
        kernels.resolve_device("cuda")
    assert kernels.resolve_device("auto") == "cpu"


def test_progress_is_reported(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_EVERY_SECONDS", 0)
    lines = []
    trained(POINT, dataset, tmp_path, report=lines.append)
    assert any("relu_L2 P=200 replica 1/2: step 5/400, N_Δ=" in line and "ETA 0:00:0" in line for line in lines)


@pytest.mark.parametrize("damage", ["truncated", "empty", "foreign", "other settings"])
def test_a_useless_checkpoint_means_starting_over_and_saying_so(dataset, tmp_path, damage):
    point, said = with_steps(POINT, 60), []
    expected = trained(point, dataset, tmp_path / "whole")
    killed_after(30, point, dataset, tmp_path)
    saved = tmp_path / ".point.h5.resume"
    if damage == "truncated":
        saved.write_bytes(saved.read_bytes()[:1000])
    elif damage == "empty":
        saved.write_bytes(b"")
    elif damage == "foreign":
        with h5py.File(saved, "w") as file:
            file["x"] = 1
    else:
        tree = store.read(saved, "resume")
        store.write(saved, "resume", {**tree.spec, "seed": 2}, tree.tree, tree.provenance)
    assert_same_bits(trained(point, dataset, tmp_path, report=said.append), expected)
    assert any("starting over" in line for line in said) and not any("going on" in line for line in said)


def test_two_processes_do_not_write_the_same_result(dataset_file, tmp_path):
    """The second waits for the first, finds the result there, and leaves it alone."""
    point = dataclasses.replace(with_steps(POINT, 50_000), n_train=400)
    words = command(point, tmp_path / "point.h5", dataset_file)
    first = subprocess.Popen(words, env=environment(0.05), stdout=subprocess.PIPE, text=True)
    lock = tmp_path / ".point.h5.lock"
    while not (lock.exists() and lock.read_text()):
        time.sleep(0.01)
    second = subprocess.run(words, env=environment(0.05), capture_output=True, text=True)
    assert first.wait() == second.returncode == 0
    first.stdout.close()
    assert "waiting for it to end" in second.stdout and "is there already" in second.stdout
    assert store.read(tmp_path / "point.h5", "run").spec == json.loads(point.to_json())


@pytest.mark.parametrize(("backend", "name"), [("compiled", "compiled by zig"), ("torch", "torch")])
def test_the_result_says_how_it_was_made(dataset_file, tmp_path, backend, name):
    point = with_steps(POINT, 30)
    words = command(point, tmp_path / "point.h5", dataset_file, backend)
    subprocess.run(words, env=environment(), check=True, capture_output=True)
    result = store.read(tmp_path / "point.h5", "run")
    assert result.spec == json.loads(point.to_json())
    made = result.provenance
    assert made["inputs"]["dataset"] == store.sha256_of(dataset_file)
    assert made["device"] == "cpu" and made["backend"].startswith(name) and made["threads"] == 1
    assert made["packages"]["numpy"] and made["wall_time"] > 0
    assert ("torch" in made["packages"]) == (backend == "torch"), "torch is named where it took part"


def test_a_damaged_dataset_is_one_sentence(dataset_file, tmp_path):
    broken = tmp_path / "broken.h5"
    broken.write_bytes(dataset_file.read_bytes()[:2000])
    words = command(POINT, tmp_path / "point.h5", broken)
    done = subprocess.run(words, env=environment(), capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr and "broken.h5 is damaged (cut short" in done.stderr
