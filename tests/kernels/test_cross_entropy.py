"""Batch normalization and SGD against torch.nn and torch.optim, in double precision."""

import numpy as np
import pytest
import torch

from jamming.batch_norm import batch_size, initial_params, layers
from jamming.kernels.compiled_cross_entropy import CompiledCrossEntropySGD
from jamming.kernels.torch_cross_entropy import TorchCrossEntropySGD
from jamming.protocols import learning_rate
from jamming.spec import Network, Protocol


@pytest.fixture(params=[TorchCrossEntropySGD, CompiledCrossEntropySGD], ids=["torch", "compiled"])
def kernel(request):
    """Each implementation of the step."""
    return request.param


PROTOCOL = Protocol("cross_entropy_sgd", 0.0, 1000, 1e-2, 1e-3, 0)


def problem(activation="relu", depth=3, n_train=60, seed=0):
    generator = np.random.default_rng(seed)
    network = Network(dim=4, width=6, depth=depth, activation=activation)
    inputs = generator.standard_normal((n_train, 4))
    labels = np.where(generator.random(n_train) < 0.5, 1.0, -1.0)
    params = initial_params(network, seed)
    # Scales and shifts away from 1 and 0, so that a mistake in either shows.
    for layer in layers(network)[:-1]:
        params[layer.scales] += 0.3 * generator.standard_normal(network.width)
        params[layer.shifts] += 0.3 * generator.standard_normal(network.width)
    return network, params, inputs, labels


def pieces(params, network):
    return [
        (params[layer.weights].reshape(layer.n_out, layer.n_in), params[layer.scales], params[layer.shifts])
        for layer in layers(network)
    ]


def plain_outputs(params, inputs, network):
    """The definition, in numpy, patterns × features."""
    *hidden, (weights, _, bias) = pieces(params, network)
    active = inputs
    for hidden_weights, scales, shifts in hidden:
        pre = active @ hidden_weights.T
        normal = (pre - pre.mean(axis=0)) / np.sqrt(pre.var(axis=0) + 1e-5)
        normal = scales * normal + shifts
        active = np.maximum(normal, 0) if network.activation == "relu" else np.tanh(normal)
    return (active @ weights.T)[:, 0] + bias


def torch_network(params, network):
    """torch.nn.Linear with biases, BatchNorm1d, activation, …, Linear."""
    activation = torch.nn.ReLU if network.activation == "relu" else torch.nn.Tanh
    modules = []
    with torch.no_grad():
        for number, (weights, scales, shifts) in enumerate(pieces(params, network)):
            linear = torch.nn.Linear(*weights.T.shape, dtype=torch.float64)  # its bias stays where torch put it
            linear.weight.copy_(torch.tensor(weights))
            modules.append(linear)
            if number == network.depth:
                linear.bias.copy_(torch.tensor(shifts))
            else:
                norm = torch.nn.BatchNorm1d(network.width, dtype=torch.float64)
                norm.weight.copy_(torch.tensor(scales))
                norm.bias.copy_(torch.tensor(shifts))
                modules += [norm, activation()]
    return torch.nn.Sequential(*modules)


def flat(modules):
    """The parameters in the kernel's order, without the biases in front of a normalization."""
    found = []
    for linear, norm in zip(modules[0:-1:3], modules[1:-1:3], strict=True):
        found += [linear.weight.flatten(), norm.weight, norm.bias]
    return torch.cat([*found, modules[-1].weight.flatten(), modules[-1].bias]).detach()


def batches(seed, n_train, size):
    """The indices of one batch after the other, computed independently of the code."""
    epoch = 0
    while True:
        order = np.random.default_rng([seed, epoch]).permutation(n_train)
        for start in range(0, n_train - size + 1, size):
            yield order[start : start + size]
        epoch += 1


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_outputs_are_those_of_the_formula(kernel, activation, depth):
    network, params, inputs, labels = problem(activation, depth)
    outputs = kernel(network, params, inputs, labels, seed=0).evaluate_all()
    np.testing.assert_allclose(outputs, plain_outputs(params, inputs, network), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize(("depth", "n_train"), [(1, 60), (3, 61), (5, 60)])
def test_steps_are_those_of_torch_nn_and_torch_optim(kernel, activation, depth, n_train):
    network, params, inputs, labels = problem(activation, depth, n_train)
    fast = kernel(network, params, inputs, labels, seed=7)
    modules = torch_network(params, network)
    hidden_biases = [linear.bias.detach().clone() for linear in modules[0:-1:3]]
    optimizer = torch.optim.SGD(modules.parameters(), lr=0.1)
    for step, batch in zip(range(25), batches(7, n_train, n_train // 2), strict=False):
        rate = 0.1 if step < 15 else 0.01
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        aligned = torch.tensor(labels[batch]) * modules(torch.tensor(inputs[batch]))[:, 0]
        torch.log1p(torch.exp(-aligned)).mean().backward()
        optimizer.step()
        fast.train_step(rate)
        np.testing.assert_allclose(fast.params, flat(modules).numpy(), rtol=1e-12, atol=1e-12)
    assert not np.allclose(fast.params, params, atol=1e-2)
    # What the kernel leaves out does nothing: a bias before the normalization gets no gradient.
    for linear, before in zip(modules[0:-1:3], hidden_biases, strict=True):
        torch.testing.assert_close(linear.bias.detach(), before, rtol=0, atol=1e-14)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_gradient_is_the_slope_of_the_loss(kernel, activation):
    """Central differences on the numpy formula: independent of torch."""
    network, params, inputs, labels = problem(activation, depth=2)
    fast = kernel(network, params, inputs, labels, seed=3)
    batch = next(batches(3, len(labels), fast.batch_size))
    fast.train_step(0.0)

    def loss(values):
        return np.mean(np.log1p(np.exp(-labels[batch] * plain_outputs(values, inputs[batch], network))))

    for index in range(0, len(params), 3):
        shift = np.zeros(len(params))
        shift[index] = 1e-6
        slope = (loss(params + shift) - loss(params - shift)) / 2e-6
        assert float(fast.gradient[index]) == pytest.approx(slope, abs=1e-8)


def test_confident_outputs_do_not_overflow(kernel):
    network, params, inputs, labels = problem()
    params[layers(network)[-1].weights] *= 1e6
    fast = kernel(network, params, inputs, labels, seed=0)
    fast.train_step(1e-2)
    assert np.isfinite(fast.params).all()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-15), ("float32", 1e-6)])
@pytest.mark.parametrize("output", [-60.0, -30.0, -1.0, -1e-9, 0.0, 0.3, 20.0, 60.0])
def test_the_slope_is_right_to_the_last_digits(kernel, output, dtype, tolerance):
    """With no weights in the last layer f is its bias b, and ∂ℓ/∂b = −y / (1 + e^{y b})."""
    network, params, inputs, labels = problem(n_train=20)
    *_, last = layers(network)
    params[last.weights], params[last.shifts] = 0, output
    fast = kernel(network, params, inputs, np.ones(len(labels)), seed=0, dtype=dtype)
    fast.train_step(0.0)
    assert fast.gradient[last.shifts][0] == pytest.approx(-1 / (1 + np.exp(output)), rel=tolerance, abs=0)


@pytest.mark.parametrize(("dim", "width", "depth"), [(3, 4, 1), (20, 20, 2), (10, 30, 5)])
def test_layers_cover_the_vector_once(dim, width, depth):
    network = Network(dim, width, depth, "relu")
    covered = np.zeros(network.n_weights + 2 * network.n_hidden + 1, dtype=int)
    for layer in layers(network):
        for part in (layer.weights, layer.scales, layer.shifts):
            covered[part] += 1
    assert (covered == 1).all()
    assert sum(layer.weights.stop - layer.weights.start for layer in layers(network)) == network.n_weights


def test_initial_state_is_pytorch_s_default():
    network = Network(dim=100, width=400, depth=2, activation="relu")
    for number, (weights, scales, shifts) in enumerate(pieces(initial_params(network, 1), network)):
        bound = 1 / np.sqrt([100, 400, 400][number])
        assert np.abs(weights).max() <= bound
        assert np.abs(weights).max() > 0.95 * bound
        assert weights.mean() == pytest.approx(0, abs=5 * bound / np.sqrt(3 * weights.size))
        assert weights.std() == pytest.approx(bound / np.sqrt(3), rel=0.1)
        if number < 2:
            assert (scales == 1).all() and (shifts == 0).all()
        else:
            assert len(scales) == 0 and 0 < abs(shifts[0]) <= bound


def test_initial_state_follows_from_the_seed():
    network = Network(3, 4, 2, "relu")
    np.testing.assert_array_equal(initial_params(network, 5), initial_params(network, 5))
    assert not np.array_equal(initial_params(network, 5), initial_params(network, 6))


def test_the_rate_drops_at_half_time():
    assert [learning_rate(PROTOCOL, step) for step in (0, 499, 500, 999)] == [1e-2, 1e-2, 1e-3, 1e-3]


@pytest.mark.parametrize(("n_train", "size"), [(4, 2), (5, 2), (401, 200), (2048, 1024), (5000, 1024)])
def test_batches_are_half_the_patterns_or_1024(n_train, size):
    assert batch_size(n_train) == size


def test_too_few_patterns_are_one_sentence():
    with pytest.raises(ValueError, match="P is 3, take at least 4"):
        batch_size(3)


def test_an_epoch_uses_no_pattern_twice(kernel):
    network, params, inputs, labels = problem(n_train=61)
    fast = kernel(network, params, inputs, labels, seed=0)
    epochs = []
    for _ in range(3):
        seen = []
        for _ in range(fast.steps_per_epoch):
            number = fast.next_batch()
            seen += fast.batches[number].tolist()
            fast.step += 1
        assert len(seen) == len(set(seen)) == 60
        epochs.append(seen)
    assert epochs[0] != epochs[1] != epochs[2]


@pytest.mark.parametrize("at", [0, 3, 4])
def test_a_loaded_state_goes_on_with_the_same_bits(kernel, at):
    """Also in the middle of an epoch."""
    network, params, inputs, labels = problem(n_train=40)
    whole = kernel(network, params, inputs, labels, seed=1)
    for step in range(10):
        if step == at:
            state = whole.state()
        whole.train_step(0.1)
    resumed = kernel(network, params, inputs, labels, seed=1)
    resumed.train_step(0.1)
    resumed.load_state(state, at)
    for _ in range(at, 10):
        resumed.train_step(0.1)
    assert resumed.step == 10
    assert np.array_equal(resumed.params, whole.params)


def test_single_precision_is_near_double(kernel):
    network, params, inputs, labels = problem()
    double = kernel(network, params, inputs, labels, seed=0)
    single = kernel(network, params, inputs, labels, seed=0, dtype="float32")
    for _ in range(20):
        double.train_step(1e-2)
        single.train_step(1e-2)
    assert single.params.dtype == np.float32
    np.testing.assert_allclose(single.params, double.params, rtol=1e-4, atol=1e-5)


def test_it_learns(kernel):
    network, params, inputs, labels = problem(n_train=40)
    fast = kernel(network, params, inputs, labels, seed=0)

    def errors():
        return int((fast.evaluate_all() * fast.labels <= 0).sum())

    before = errors()
    for _ in range(400):
        fast.train_step(0.1)
    assert errors() < before / 4
