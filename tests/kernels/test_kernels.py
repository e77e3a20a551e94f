"""Each implementation of the training step against plain autograd and torch.optim.Adam, in double precision."""

import itertools

import numpy as np
import pytest
import torch

import jamming.kernels.torch_step
from helpers.one_step import problem
from jamming.kernels.compiled import CompiledHingeAdam
from jamming.kernels.torch_step import TorchHingeAdam
from jamming.network import forward, unpack

RATES = [1e-2, 1e-2, 3e-3, 1e-3]


def plain_loss(params, network, inputs, labels, margin):
    active = torch.tensor(inputs)
    start = 0
    widths = [network.dim, *[network.width] * network.depth, 1]
    for number, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        weights = params[start : start + n_in * n_out].view(n_out, n_in)
        biases = params[start + n_in * n_out : start + n_in * n_out + n_out]
        start += n_in * n_out + n_out
        active = torch.nn.functional.linear(active, weights, biases)
        if number < network.depth:
            active = torch.relu(active) if network.activation == "relu" else torch.tanh(active)
    delta = margin - torch.tensor(labels) * active[:, 0]
    return (torch.relu(delta) ** 2).sum() / (2 * len(labels)), delta


@pytest.fixture(params=["torch", "torch in blocks of 7", "compiled"])
def kernel(request, monkeypatch):
    """Each implementation, torch also in blocks that do not divide the number of patterns."""
    if request.param == "compiled":
        return CompiledHingeAdam
    monkeypatch.setattr(jamming.kernels.torch_step, "CACHE_BYTES", 1)
    monkeypatch.setattr(jamming.kernels.torch_step, "SMALLEST_BLOCK", 7 if "7" in request.param else 1024)
    return TorchHingeAdam


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_gradient_is_autograd_s(kernel, activation, depth):
    network, initial, inputs, labels = problem(activation, depth)
    fast = kernel(network, initial, inputs, labels, margin=0.5)
    n_delta = fast.compute_gradient()
    params = torch.tensor(initial, requires_grad=True)
    loss, delta = plain_loss(params, network, inputs, labels, 0.5)
    loss.backward()
    assert 0 < n_delta == int((delta > 0).sum()) < len(labels)
    np.testing.assert_allclose(fast.gradient, params.grad.numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(fast.delta, delta.detach().numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_updates_are_torch_adam_s(kernel, activation):
    network, initial, inputs, labels = problem(activation, depth=3)
    fast = kernel(network, initial, inputs, labels, margin=0.5)
    params = torch.tensor(initial, requires_grad=True)
    plain = torch.optim.Adam([params], lr=1.0, betas=(0.9, 0.999), eps=1e-8)
    for step in range(40):
        rate = RATES[step * len(RATES) // 40]
        fast.compute_gradient()
        fast.update(rate)
        plain.param_groups[0]["lr"] = rate
        plain.zero_grad()
        plain_loss(params, network, inputs, labels, 0.5)[0].backward()
        plain.step()
    np.testing.assert_allclose(fast.params, params.detach().numpy(), rtol=1e-9, atol=1e-11)


def test_gradient_is_the_slope_of_the_loss(kernel):
    """Central differences: independent of autograd and of the layout."""
    network, initial, inputs, labels = problem("tanh", 2)
    fast = kernel(network, initial, inputs, labels, margin=0.5)
    fast.compute_gradient()

    def loss(params):
        delta = 0.5 - labels * forward(params, inputs, network)[0]
        return np.sum(np.maximum(delta, 0) ** 2) / (2 * len(labels))

    for index in range(0, network.n_params, 7):
        shift = np.zeros(network.n_params)
        shift[index] = 1e-6
        slope = (loss(initial + shift) - loss(initial - shift)) / 2e-6
        assert float(fast.gradient[index]) == pytest.approx(slope, abs=1e-8)


def test_no_unsatisfied_pattern_no_gradient(kernel):
    network, initial, inputs, labels = problem()
    params = initial.copy()
    unpack(params, network)[-1][0][:] = 0
    unpack(params, network)[-1][1][:] = 10
    fast = kernel(network, params, inputs, np.ones(len(labels)), margin=0.5)
    assert fast.compute_gradient() == 0
    assert np.abs(fast.gradient).max() == 0


def test_a_saved_state_goes_on_with_the_same_bits(kernel):
    network, initial, inputs, labels = problem(n_train=200)

    def steps(optimizer, count):
        for _ in range(count):
            optimizer.compute_gradient()
            optimizer.update(1e-2)

    whole = kernel(network, initial, inputs, labels, margin=0.5)
    steps(whole, 30)
    first = kernel(network, initial, inputs, labels, margin=0.5)
    steps(first, 13)
    second = kernel(network, np.zeros_like(initial), inputs, labels, margin=0.5)
    second.load_state(first.state(), first.step)
    steps(second, 17)
    assert np.array_equal(whole.params, second.params)


def test_single_precision_follows_double_precision(kernel):
    network, initial, inputs, labels = problem()
    single = kernel(network, initial, inputs, labels, 0.5, "float32")
    double = kernel(network, initial, inputs, labels, 0.5, "float64")
    for optimizer in (single, double):
        optimizer.compute_gradient()
    assert single.gradient.dtype == np.float32
    np.testing.assert_allclose(single.gradient, double.gradient, rtol=1e-4, atol=1e-6)


def test_the_evaluator_is_the_forward_pass_at_the_parameters_of_the_moment(kernel):
    network, initial, inputs, labels = problem("tanh", 3)
    optimizer = kernel(network, initial, inputs[:10], labels[:10], 0.5)
    evaluate = optimizer.evaluator(inputs)
    for _ in range(2):
        expected = forward(optimizer.params, inputs, network)[0]
        np.testing.assert_allclose(evaluate(), expected, rtol=1e-12, atol=1e-14)
        optimizer.compute_gradient()
        optimizer.update(0.1)
