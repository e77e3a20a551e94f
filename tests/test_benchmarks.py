"""The benchmarks run: on the smallest problem, and what they compare does the same work."""

import importlib.util
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


def load(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = path
    return module


def test_training_step_is_timed_against_the_same_step():
    benchmark = load("training_step")
    ours, plain, fraction = benchmark.measure((4, 5, 2), n_train=80, preparation=20, steps=2, repeats=2)
    assert ours > 0 and plain > 0 and 0 < fraction <= 1


def test_the_plain_step_is_ours():
    from jamming.datasets import random
    from jamming.kernels.torch_step import TorchHingeAdam
    from jamming.network import initial_params, unpack
    from jamming.spec import Network

    network = Network(4, 5, 2, "relu")
    inputs, labels = random.generate(4, 80, seed=1)
    ours = TorchHingeAdam(network, initial_params(network, 1), inputs, labels.astype(float), margin=0.5)
    plain = load("training_step").PlainAdam(network, initial_params(network, 1), inputs, labels.astype(float), 0.5)
    for _ in range(5):
        n_delta = ours.compute_gradient()
        ours.update(1e-6)
        assert plain.step() == n_delta
    for (weights, biases), (plain_weights, plain_biases) in zip(
        unpack(ours.params, network), plain.layers, strict=True
    ):
        np.testing.assert_allclose(plain_weights.detach().numpy(), weights, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(plain_biases.detach().numpy(), biases, rtol=1e-12, atol=1e-13)
