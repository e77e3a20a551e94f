"""H_0, H_p and H against autograd's Hessian, finite differences and the symmetries of the network."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from helpers.made_runs import dataset_for, ended, point_for, replica_of, run_of, through_a_file
from jamming import losses
from jamming import network as net
from jamming.observables import ObservableError, spectra
from jamming.spec import Network

MARGIN = 0.5
NETWORKS = [Network(3, 4, depth, activation) for depth in (1, 2, 3, 4) for activation in ("relu", "tanh")]
NETWORKS += [Network(6, 3, 2, "relu"), Network(1, 1, 1, "tanh"), Network(2, 5, 3, "tanh")]


def made(network, n_patterns, seed=0):
    """Generic parameters, inputs and random labels."""
    generator = np.random.default_rng(seed)
    params = net.initial_params(network, seed) + 0.3 * generator.standard_normal(network.n_params)
    params[net.layers(network)[-1].weights] *= 3  # outputs of the order of the margin or above: some Δ < 0
    inputs = generator.standard_normal((n_patterns, network.dim))
    return params, inputs, generator.choice([-1.0, 1.0], n_patterns)


def torch_outputs(params, inputs, network):
    """f(x_μ) as a differentiable function of the flat vector."""
    active = torch.tensor(inputs)
    for layer in net.layers(network):
        weights = params[layer.weights].reshape(layer.n_out, layer.n_in)
        pre = active @ weights.T + params[layer.biases]
        active = torch.relu(pre) if network.activation == "relu" else torch.tanh(pre)
    return pre[:, 0]


def autograd_hessian(scalar, params):
    return torch.autograd.functional.hessian(scalar, torch.tensor(params)).numpy()


def delta_of(params, inputs, labels, network, margin=MARGIN):
    return losses.overlaps(net.forward(params, inputs, network)[0], labels, margin)


def loss_gradient(params, inputs, labels, network):
    delta = np.maximum(delta_of(params, inputs, labels, network), 0)
    return -(labels * delta) @ net.output_gradients(params, inputs, network) / len(inputs)


def scale_symmetries(network):
    """One diagonal D (n_params,) per hidden neuron: exp(tD) scales incoming weights up and outgoing ones down."""
    index, parts = np.arange(network.n_params), net.layers(network)
    for into, out in pairwise(parts):
        outgoing = index[out.weights].reshape(out.n_out, out.n_in)
        for neuron in range(into.n_out):
            diagonal = np.zeros(network.n_params)
            diagonal[index[into.weights].reshape(into.n_out, -1)[neuron]] = 1
            diagonal[index[into.biases][neuron]] = 1
            diagonal[outgoing[:, neuron]] = -1
            yield diagonal


def last_layer_flip(network):
    """The diagonal of W^{L+1} → −W^{L+1}, b^{L+1} → −b^{L+1}."""
    signs = np.ones(network.n_params)
    signs[net.layers(network)[-1].weights] = signs[net.layers(network)[-1].biases] = -1
    return signs


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_both_parts_agree_with_autograd(network, monkeypatch):
    params, inputs, labels = made(network, 30)
    delta = delta_of(params, inputs, labels, network)
    assert 0 < np.sum(delta > 0) < 30

    def loss(p):
        return (torch.relu(MARGIN - torch.tensor(labels) * torch_outputs(p, inputs, network)) ** 2).sum() / 60

    def frozen(p):  # Σ Δ_μ Δ_μ(p) / P with the first Δ_μ held at its value: its Hessian is H_p
        factor = torch.tensor(np.maximum(delta, 0))
        return (factor * (MARGIN - torch.tensor(labels) * torch_outputs(p, inputs, network))).sum() / 30

    hessian, bending = autograd_hessian(loss, params), autograd_hessian(frozen, params)
    assert np.max(np.abs(bending)) > 1e-3
    for n_per_block in (1000, 7, 1):
        monkeypatch.setattr(spectra, "BLOCK_BYTES", 8 * network.n_params * n_per_block)
        first = spectra.h0(params, inputs, labels, network, MARGIN)
        second = spectra.hp(params, inputs, labels, network, MARGIN)
        np.testing.assert_allclose(second, bending, atol=1e-13)
        np.testing.assert_allclose(first + second, hessian, atol=1e-13 * np.max(np.abs(hessian)))
        np.testing.assert_array_equal(first, first.T)
        np.testing.assert_array_equal(second, second.T)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_sum_of_both_agrees_with_finite_differences(network):
    params, inputs, labels = made(network, 30)
    data = (inputs, labels, network)
    step = 1e-6
    differences = np.array(
        [
            (loss_gradient(params + shift, *data) - loss_gradient(params - shift, *data)) / (2 * step)
            for shift in step * np.eye(network.n_params)
        ]
    )
    found = spectra.h0(params, *data, MARGIN) + spectra.hp(params, *data, MARGIN)
    np.testing.assert_allclose(found, differences, atol=1e-7)


def test_h0_is_the_sum_of_outer_products():
    network = Network(10, 12, 2, "relu")  # 301 parameters: more than one strip of the mirrored triangle
    params, inputs, labels = made(network, 40)
    expected = np.zeros((network.n_params, network.n_params))
    for x, y in zip(inputs, labels, strict=True):
        if delta_of(params, x[None], y, network)[0] > 0:
            gradient = -y * net.output_gradients(params, x[None], network)[0]
            expected += np.outer(gradient, gradient) / 40
    found = spectra.h0(params, inputs, labels, network, MARGIN)
    np.testing.assert_allclose(found, expected, atol=1e-13)
    np.testing.assert_array_equal(found, found.T)


def test_the_mirror_is_exact_over_several_strips():
    network = Network(10, 12, 3, "tanh")  # 457 parameters
    params, inputs, labels = made(network, 20)
    found = spectra.hp(params, inputs, labels, network, MARGIN)
    np.testing.assert_array_equal(found, found.T)


@pytest.mark.parametrize("network", [Network(5, 6, 2, "relu"), Network(5, 6, 3, "tanh")], ids=str)
def test_rank_of_h0_is_the_number_of_unsatisfied_patterns(network):
    params, inputs, labels = made(network, 60)
    n_delta = np.sum(delta_of(params, inputs, labels, network) > 0)
    assert 10 < n_delta < 60 < network.n_weights
    found = spectra.spectra(params, inputs, labels, network, MARGIN)
    assert spectra.counts(found)["rank_h0"] == n_delta
    assert np.sum(np.abs(found.h0) < 1e-12 * found.h0[-1]) == network.n_params - n_delta


def test_rank_of_h0_cannot_exceed_what_the_scale_symmetries_leave():
    network = Network(5, 4, 2, "relu")
    params, inputs, labels = made(network, 2000)
    assert np.sum(delta_of(params, inputs, labels, network) > 0) > 10 * network.n_params
    found = spectra.counts(spectra.spectra(params, inputs, labels, network, MARGIN))
    assert found["rank_h0"] == network.n_params - network.n_hidden


@pytest.mark.parametrize("network", [Network(5, 4, depth, "relu") for depth in (2, 3)], ids=str)
def test_each_hidden_relu_neuron_has_its_zero_mode(network):
    """f is unchanged along v = D w, so ∇f·v = 0 and, once more differentiated, ∇⊗∇f v = −D ∇f.

    Hence H_0 v = 0 always and H_p v = −D ∇𝓛, which is zero where the forces balance: one mode per hidden neuron.
    """
    params, inputs, labels = made(network, 400)
    first = spectra.h0(params, inputs, labels, network, MARGIN)
    second = spectra.hp(params, inputs, labels, network, MARGIN)
    gradient = loss_gradient(params, inputs, labels, network)
    assert np.max(np.abs(gradient)) > 0.01
    # With more patterns than parameters some combination of the ∇f(x_μ) vanishes, as Σ Δ_μ ∇Δ_μ does at a minimum.
    balanced = np.linalg.svd(net.output_gradients(params, inputs, network).T)[2][-1]
    at_balance = spectra.output_hessian(params, inputs, balanced, network)
    assert np.max(np.abs(at_balance)) > 1e-3
    modes = []
    for diagonal in scale_symmetries(network):
        mode = diagonal * params
        modes.append(mode)
        np.testing.assert_allclose(first @ mode, 0, atol=1e-13)
        np.testing.assert_allclose(second @ mode, -diagonal * gradient, atol=1e-14)
        np.testing.assert_allclose(at_balance @ mode, 0, atol=1e-13)
    assert np.linalg.matrix_rank(np.array(modes)) == len(modes) == network.n_hidden
    values = np.abs(np.linalg.eigvalsh(at_balance))
    assert np.sum(values < spectra.zero_tolerance(network.n_params) * values.max()) >= network.n_hidden


@pytest.mark.parametrize(("dim", "width"), [(6, 6), (4, 7), (8, 5), (5, 6)])
@pytest.mark.parametrize("depth", [1, 2])
def test_exact_zeros_of_hp_away_from_balance(dim, width, depth):
    """The kernel of H_p at a generic point, where the gradient of 𝓛 does not vanish.

    The blocks of one layer with itself are zero. L = 1 leaves the block of W¹, b¹ (h (d+1) rows) with W² (h columns),
    of rank h. L = 2 couples what enters a neuron of the first layer (d + 1) to what leaves it (h), which leaves
    |d + 1 − h| modes per neuron; the rest has full rank. The bias of the output adds one.
    """
    network = Network(dim, width, depth, "relu")
    params, inputs, labels = made(network, 1500, seed=4)
    unsatisfied = inputs[delta_of(params, inputs, labels, network) > 0]
    active = [(pre > 0).astype(float) for pre in net.forward(params, unsatisfied, network)[1]]
    # Two neurons that are never active together uncouple, and a dead neuron from all: zeros of another origin.
    assert np.min(active[0].T @ active[-1]) > 0
    found = spectra.spectra(params, inputs, labels, network, MARGIN)
    expected = width * dim + 1 if depth == 1 else width * abs(dim + 1 - width) + 1
    assert spectra.counts(found)["n_zero_hp"] == expected
    sizes = np.sort(np.abs(found.hp)) / np.max(np.abs(found.hp))
    assert sizes[expected - 1] < 1e-14  # far below the tolerance,
    assert sizes[expected] > 1e-8  # and the next far above it


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_flip_of_last_layer_and_labels_leaves_the_spectra(depth, activation):
    """[G] App. B: W^{L+1} → −W^{L+1}, y → −y keeps every Δ, so H_p and H_0 are only seen in other coordinates."""
    network = Network(4, 5, depth, activation)
    params, inputs, labels = made(network, 80)
    signs = last_layer_flip(network)
    np.testing.assert_array_equal(
        delta_of(params, inputs, labels, network), delta_of(signs * params, inputs, -labels, network)
    )
    for part in (spectra.h0, spectra.hp):
        before = part(params, inputs, labels, network, MARGIN)
        after = part(signs * params, inputs, -labels, network, MARGIN)
        np.testing.assert_allclose(after, signs[:, None] * before * signs, atol=1e-14)
        assert np.max(np.abs(after - before)) > 1e-3  # not the same matrix
    before = spectra.spectra(params, inputs, labels, network, MARGIN)
    after = spectra.spectra(signs * params, inputs, -labels, network, MARGIN)
    for first, second in zip(before, after, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-12)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_flip_of_the_last_layer_alone_reverses_the_spectrum(depth):
    """[G] App. B, Eq. B3: with the Δ_μ held fixed, Σ c_μ ∇⊗∇f turns into minus itself in the flipped coordinates."""
    network = Network(4, 5, depth, "relu")
    params, inputs, _ = made(network, 80)
    coefficients = np.random.default_rng(1).standard_normal(80)
    signs = last_layer_flip(network)
    before = np.linalg.eigvalsh(spectra.output_hessian(params, inputs, coefficients, network))
    after = np.linalg.eigvalsh(spectra.output_hessian(signs * params, inputs, coefficients, network))
    np.testing.assert_allclose(after, -before[::-1], atol=1e-12)
    if depth > 1:
        assert np.max(np.abs(before + before[::-1])) > 1e-3  # neither is symmetric by itself


def test_spectrum_of_hp_is_symmetric_for_relu():
    """Exactly for L = 1; for random labels and deeper networks up to fluctuations, but not for tanh ([G] Fig. 7e)."""
    shallow = Network(4, 5, 1, "relu")
    values = spectra.spectra(*made(shallow, 80), shallow, MARGIN).hp
    np.testing.assert_allclose(values, -values[::-1], atol=1e-13)
    deep = Network(8, 8, 2, "relu")
    found = spectra.counts(spectra.spectra(*made(deep, 600), deep, MARGIN))
    assert abs(found["n_negative_hp"] - found["n_positive_hp"]) <= 2
    assert found["n_negative_hp"] + found["n_positive_hp"] + found["n_zero_hp"] == deep.n_params


def test_spectra_are_those_of_the_matrices():
    network = Network(4, 5, 2, "relu")
    data = made(network, 60)
    first, second = (part(*data, network, MARGIN) for part in (spectra.h0, spectra.hp))
    found = spectra.spectra(*data, network, MARGIN)
    for values, matrix in zip(found, (first, second, first + second), strict=True):
        np.testing.assert_allclose(values, np.linalg.eigvalsh(matrix), atol=1e-12)
        assert np.all(np.diff(values) >= 0)
    # The curvature of the loss along a direction is what the matrices say
    assert found.h[0] < 0 < found.h0[-1]


@pytest.mark.parametrize("n_patterns", [2, 60, 300], ids="{} patterns".format)
def test_eigenvalues_of_h0_are_found_from_the_smaller_matrix(n_patterns, monkeypatch):
    network = Network(4, 5, 2, "relu")
    data = made(network, n_patterns)
    n_delta, sizes = np.sum(delta_of(*data, network) > 0), []
    solve = spectra.eigenvalues
    monkeypatch.setattr(spectra, "eigenvalues", lambda matrix: sizes.append(len(matrix)) or solve(matrix))
    found = spectra.h0_eigenvalues(*data, network, MARGIN)
    np.testing.assert_allclose(found, np.linalg.eigvalsh(spectra.h0(*data, network, MARGIN)), atol=1e-12)
    assert sizes == [min(n_delta, network.n_params)] and np.all(np.diff(found) >= 0)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_without_unsatisfied_patterns_everything_is_zero(activation):
    network = Network(3, 4, 2, activation)
    params, inputs, _ = made(network, 20)
    labels = np.sign(net.forward(params, inputs, network)[0])
    found = spectra.spectra(params, inputs, labels, network, margin=-1e-12)
    for values in found:
        np.testing.assert_array_equal(values, 0)
    assert spectra.counts(found)["rank_h0"] == 0
    assert spectra.counts(found)["n_zero_hp"] == network.n_params


def test_margin_and_last_layer_scale_together():
    """[G] ref. 63: if ε and the last layer are scaled by α, then Δ → αΔ and 𝓛 → α²𝓛; H_0 follows by block."""
    network = Network(4, 5, 2, "relu")
    params, inputs, labels = made(network, 60)
    scale = np.where(last_layer_flip(network) < 0, 2.0, 1.0)
    back = 2 / scale  # ∇Δ gains α for the layers below the last
    before = spectra.h0(params, inputs, labels, network, 0.5)
    after = spectra.h0(scale * params, inputs, labels, network, 1.0)
    np.testing.assert_allclose(after, back[:, None] * before * back, atol=1e-12)


# --- measure --------------------------------------------------------------------------------------------------------

NETWORK = Network(4, 6, 2, "relu")
POINT = point_for(NETWORK, n_train=50)


@pytest.fixture(scope="module")
def dataset():
    return dataset_for(NETWORK, 300)


@pytest.fixture(scope="module")
def run(dataset):
    """Four replicas: near jamming, high above it, near, near."""
    replicas = []
    for seed, factor in enumerate((1.0, 30.0, 1.0, 1.0)):
        params, *_ = made(NETWORK, 2, seed)
        params[net.layers(NETWORK)[-1].weights] *= factor
        replicas.append(replica_of(POINT, dataset, params, seed))
    return run_of(POINT, replicas)


def test_measure_takes_the_first_replicas_near_jamming(run, dataset, tmp_path):
    tree = through_a_file(tmp_path / "spectra.h5", "spectra", spectra.measure(run, dataset, max_loss=10, max_spectra=2))
    assert tree["max_loss"] == 10
    assert [tree[name]["measured"] for name in sorted(run.tree)] == [True, False, True, False]
    assert tree["replica_01"]["loss"] > 10 > tree["replica_03"]["loss"]
    assert "eigenvalues" not in tree["replica_01"]
    first = tree["replica_00"]
    assert (first["n_params"], first["n_hidden"], first["n_train"]) == (NETWORK.n_params, 12, 50)
    assert first["rank_h0"] == first["n_delta"]
    for name in ("h0", "hp", "h"):
        assert first["eigenvalues"][name].shape == (NETWORK.n_params,)
    assert first["n_negative_hp"] + first["n_zero_hp"] + first["n_positive_hp"] == NETWORK.n_params
    trace = first["eigenvalues"]["h0"].sum() + first["eigenvalues"]["hp"].sum()
    assert first["eigenvalues"]["h"].sum() == pytest.approx(trace)


def test_measure_leaves_out_runs_that_are_not_jammed(run, dataset):
    quiet = {name: dict(replica) for name, replica in run.tree.items()}
    few = np.full(POINT.n_train, -1.0)
    few[: int(0.1 * NETWORK.n_weights)] = 0.1  # and still falling
    quiet["replica_00"] |= ended(few, output=run.tree["replica_00"]["final"]["output"], before=100.0)
    tree = spectra.measure(run_of(POINT, list(quiet.values())), dataset, max_loss=10, max_spectra=9)
    assert tree["replica_00"]["n_delta"] == 6  # of N = 66
    assert [tree[name]["measured"] for name in sorted(run.tree)] == [False, False, True, True]


def test_measure_refuses_another_dataset(run):
    other = dataset_for(NETWORK, 302)
    with pytest.raises(ObservableError, match="replica_00 of the run made, P = 50 was not trained on this dataset"):
        spectra.measure(run, other, max_loss=10, max_spectra=1)
