"""The network against torch's own layers and autograd, its layout, and its initial state."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from jamming import network as net
from jamming.spec import Network

NETWORKS = [Network(3, 5, depth, activation) for depth in (1, 2, 3) for activation in ("relu", "tanh")]
NETWORKS += [Network(7, 4, 2, "relu"), Network(1, 1, 1, "tanh")]


def module(params, network):
    """The same network made of torch's layers, in float64."""
    widths = [network.dim] + [network.width] * network.depth
    activation = torch.nn.ReLU if network.activation == "relu" else torch.nn.Tanh
    parts = []
    for n_in, n_out in pairwise(widths):
        parts += [torch.nn.Linear(n_in, n_out), activation()]
    found = torch.nn.Sequential(*parts, torch.nn.Linear(network.width, 1)).double()
    torch.nn.utils.vector_to_parameters(torch.tensor(params), found.parameters())
    return found


def generic(network, n_patterns=9, seed=0):
    generator = np.random.default_rng(seed)
    return generator.standard_normal(network.n_params), generator.standard_normal((n_patterns, network.dim))


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_layout_covers_every_parameter_once(network):
    covered = [range(network.n_params)[part] for layer in net.layers(network) for part in (layer.weights, layer.biases)]
    assert [index for part in covered for index in part] == list(range(network.n_params))
    shapes = [weights.shape for weights, _ in net.unpack(np.zeros(network.n_params), network)]
    assert shapes[0] == (network.width, network.dim)
    assert shapes[1:-1] == [(network.width, network.width)] * (network.depth - 1)
    assert shapes[-1] == (1, network.width)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_numbers_of_weights_and_parameters_are_those_of_the_layers(network):
    layers = module(np.zeros(network.n_params), network)
    linear = [part for part in layers if isinstance(part, torch.nn.Linear)]
    assert network.n_weights == sum(part.weight.numel() for part in linear)
    assert network.n_params == sum(parameter.numel() for parameter in layers.parameters())
    assert network.n_hidden == sum(part.bias.numel() for part in linear[:-1])


def test_number_of_weights_of_the_papers():
    # [S] App. A: d = h = 51, L = 3 has N = 7854 weights, which counts neither biases nor neurons.
    assert Network(51, 51, 3, "relu").n_weights == 7854


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_forward_agrees_with_torch(network):
    params, inputs = generic(network)
    outputs, pre_activations = net.forward(params, inputs, network)
    layers = module(params, network)
    with torch.no_grad():
        value, expected = torch.tensor(inputs), []
        for part in layers:
            value = part(value)
            if isinstance(part, torch.nn.Linear):
                expected.append(value.numpy())
    np.testing.assert_allclose(outputs, expected[-1][:, 0], rtol=1e-13, atol=1e-13)
    assert len(pre_activations) == network.depth
    for found, wanted in zip(pre_activations, expected[:-1], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_output_gradients_agree_with_autograd(network):
    params, inputs = generic(network)
    layers = module(params, network)
    expected = []
    for pattern in torch.tensor(inputs):
        layers.zero_grad()
        layers(pattern).sum().backward()
        expected.append(torch.cat([parameter.grad.reshape(-1) for parameter in layers.parameters()]).numpy())
    found = net.output_gradients(params, inputs, network)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_slope_and_curvature_are_the_derivatives_of_the_activation(activation):
    pre, step = np.array([-1.3, -0.2, 0.4, 2.0]), 1e-5
    slope = (net.activate(pre + step, activation) - net.activate(pre - step, activation)) / (2 * step)
    curvature = (net.slope(pre + step, activation) - net.slope(pre - step, activation)) / (2 * step)
    np.testing.assert_allclose(net.slope(pre, activation), slope, atol=1e-9)
    np.testing.assert_allclose(net.curvature(pre, activation), curvature, atol=1e-9)


def test_slope_of_relu_is_zero_on_the_cusp():
    np.testing.assert_array_equal(net.slope(np.array([-0.0, 0.0, 5e-324]), "relu"), [0, 0, 1])


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_initial_weights_are_orthogonal_and_biases_zero(network):
    for weights, biases in net.unpack(net.initial_params(network, seed=3), network):
        small = min(weights.shape)
        gram = weights @ weights.T if weights.shape[0] == small else weights.T @ weights
        np.testing.assert_allclose(gram, np.eye(small), atol=1e-14)
        np.testing.assert_array_equal(biases, 0)


def test_initial_weights_follow_the_seed_and_have_no_preferred_direction():
    network = Network(2, 2, 1, "relu")
    assert np.array_equal(net.initial_params(network, 5), net.initial_params(network, 5))
    drawn = np.array([net.initial_params(network, seed)[:4] for seed in range(2000)])
    assert len(np.unique(drawn[:, 0])) == 2000
    # Haar measure: every entry has mean 0 and variance 1/2, reflections are as likely as rotations.
    np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=0.08)
    np.testing.assert_allclose((drawn**2).mean(axis=0), 0.5, atol=0.04)
    assert abs(np.mean(drawn[:, 0] * drawn[:, 3] > drawn[:, 1] * drawn[:, 2]) - 0.5) < 0.05
