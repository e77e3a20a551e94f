"""N_eff: tangent vectors against autograd, the rank against a full SVD of G, and networks whose N_eff is known."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from helpers.made_runs import dataset_for, point_for, replica_of, run_of, through_a_file
from jamming import network as net
from jamming.observables import ObservableError, effective
from jamming.spec import Network

SMALL = [Network(3, 4, depth, activation) for depth in (1, 2, 3) for activation in ("relu", "tanh")]
SMALL += [Network(1, 1, 1, "tanh"), Network(5, 3, 2, "relu"), Network(2, 5, 3, "tanh")]


def made(network, n_patterns, seed=0, scale=0.3):
    """Generic parameters, with biases, and generic inputs."""
    generator = np.random.default_rng(seed)
    params = net.initial_params(network, seed) + scale * generator.standard_normal(network.n_params)
    return params, generator.standard_normal((n_patterns, network.dim))


def full_g(params, inputs, network):
    """Every vector, by automatic differentiation: shape (P, d + 1, n_params)."""

    def output(w, x):
        active = x
        for layer in net.layers(network):
            pre = w[layer.weights].reshape(layer.n_out, layer.n_in) @ active + w[layer.biases]
            active = torch.relu(pre) if network.activation == "relu" else torch.tanh(pre)
        return pre[0]

    gradient, w, x = torch.func.grad(output), torch.tensor(params), torch.tensor(inputs)
    value = torch.func.vmap(gradient, (None, 0))(w, x)
    derivative = torch.func.vmap(torch.func.jacfwd(gradient, 1), (None, 0))(w, x)
    return torch.cat([value[:, None], derivative.transpose(1, 2)], dim=1).numpy()


def healthy(network=None, n_patterns=1500):
    """A ReLU network where neurons of adjacent layers are often active together, and each is silent now and then."""
    network = network or Network(4, 6, 3, "relu")
    for seed in range(20):
        params, inputs = made(network, n_patterns, seed, scale=0.1)
        active = [(pre > 0).astype(float) for pre in net.forward(params, inputs, network)[1]]
        together = min((np.min(first.T @ second) for first, second in pairwise(active)), default=n_patterns)
        if together > 20 and max(layer.mean(axis=0).max() for layer in active) < 0.97:
            return network, params, inputs
    raise AssertionError("none of the seeds gives a healthy network")


def silence(params, network, layer, neurons, bias=-1e3):
    """A copy in which these neurons are never active."""
    silent = params.copy()
    net.unpack(silent, network)[layer][1][neurons] = bias
    return silent


def n_eff(params, inputs, network):
    return effective.effective_dimension(params, inputs, network).n_eff


@pytest.mark.parametrize("network", SMALL, ids=str)
def test_tangent_vectors_agree_with_autograd(network):
    params, inputs = made(network, 12)
    expected = full_g(params, inputs, network)
    assert np.max(np.abs(expected[:, 1:])) > 0.01
    np.testing.assert_allclose(effective.tangent_vectors(params, inputs, network), expected, atol=1e-13)


@pytest.mark.parametrize("n_patterns", [2, 7, 150])
@pytest.mark.parametrize("network", SMALL, ids=str)
def test_rank_is_that_of_a_full_svd(network, n_patterns):
    for seed in range(3):
        params, inputs = made(network, n_patterns, seed)
        expected = np.linalg.matrix_rank(full_g(params, inputs, network).reshape(-1, network.n_params))
        found = effective.effective_dimension(params, inputs, network)
        assert found.n_eff == expected <= found.bound
        assert found.n_vectors == n_patterns * (network.dim + 1) >= found.n_vectors_used


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_sum_of_both_vectors_spans_what_they_span_apart(activation):
    """[G] Eq. A5 adds g_μ to each of its derivatives; the n = 0 column is g_μ itself."""
    network = Network(3, 4, 2, activation)
    params, inputs = made(network, 6)
    printed = full_g(params, inputs, network)
    printed[:, 1:] += printed[:, :1]
    assert n_eff(params, inputs, network) == np.linalg.matrix_rank(printed.reshape(-1, network.n_params))


def test_singular_values_are_those_of_the_scaled_matrix():
    """tanh has no early end once the patterns fit into one block, so all rows count."""
    network = Network(3, 4, 2, "tanh")
    params, inputs = made(network, network.n_params // 4)
    g = full_g(params, inputs, network).reshape(-1, network.n_params)
    found = effective.effective_dimension(params, inputs, network)
    assert found.n_vectors_used == len(g)
    expected = np.linalg.svd(g / np.linalg.norm(g, axis=0), compute_uv=False)
    np.testing.assert_allclose(found.singular_values[: len(expected)], expected, atol=1e-13)
    np.testing.assert_allclose(found.singular_values[len(expected) :], 0, atol=1e-13)


def of_all_rows(rows, tolerance, bound):
    """The slow reference of `deciding_values`: every row, in one decomposition."""
    live = rows.norms > 0
    whole = np.concatenate([rows.of(index) for index in range(rows.n_blocks)])[:, live] / rows.norms[live]
    return np.linalg.svd(whole, compute_uv=False), len(whole)


def test_blocks_do_not_change_the_rank(monkeypatch):
    network, params, inputs = healthy()
    inputs = inputs[:60]
    with monkeypatch.context() as patch:
        patch.setattr(effective, "deciding_values", of_all_rows)
        expected = effective.effective_dimension(params, inputs, network)
    assert expected.gap > 1e6
    for size in (1, 7, 1000):
        monkeypatch.setattr(
            effective, "_blocks", lambda n, _, size=size: (slice(i, min(i + size, n)) for i in range(0, n, size))
        )
        assert effective.effective_dimension(params, inputs, network).n_eff == expected.n_eff


@pytest.mark.parametrize(
    "network", [Network(4, 6, 3, "relu"), Network(6, 5, 1, "relu"), Network(3, 6, 2, "relu")], ids=str
)
def test_healthy_relu_network_loses_one_parameter_per_hidden_neuron(network):
    network, params, inputs = healthy(network)
    found = effective.effective_dimension(params, inputs, network)
    assert found.n_eff == found.bound == network.n_params - network.n_hidden
    assert (found.n_symmetries, found.n_zero_columns) == (network.n_hidden, 0)
    assert found.gap > 1e9
    values = found.singular_values / found.singular_values[0]
    assert values[found.n_eff] < 1e-3 * found.tolerance < 1e-3 * values[found.n_eff - 1]


def test_tanh_network_loses_none():
    network = Network(4, 5, 2, "tanh")
    params, inputs = made(network, 200)
    found = effective.effective_dimension(params, inputs, network)
    assert found.n_eff == network.n_params and found.gap == np.inf


def test_choosing_rows_uses_fewer_and_changes_nothing(monkeypatch):
    for make in (healthy, lambda: (SMALL[4], *made(SMALL[4], 800))):
        network, params, inputs = make()
        short = effective.effective_dimension(params, inputs, network)
        with monkeypatch.context() as patch:
            patch.setattr(effective, "deciding_values", of_all_rows)
            regions = effective.effective_dimension(params, inputs, network)
            patch.setattr(effective, "_one_per_region", lambda params, inputs, network: np.arange(len(inputs)))
            everything = effective.effective_dimension(params, inputs, network)
        assert short.n_vectors_used < regions.n_vectors_used < everything.n_vectors_used == short.n_vectors
        assert short.n_eff == regions.n_eff == everything.n_eff


def test_symmetries_are_in_the_kernel():
    network, params, inputs = healthy()
    norms = effective._column_norms(params, inputs, network)
    symmetries = effective._symmetries(params, norms, network)
    np.testing.assert_allclose(symmetries @ symmetries.T, np.eye(network.n_hidden), atol=1e-13)
    g = effective.tangent_vectors(params, inputs, network).reshape(-1, network.n_params) / norms
    np.testing.assert_allclose(g @ symmetries.T, 0, atol=1e-12)


def test_each_dead_neuron_takes_its_weights_along():
    """N_eff loses d_in + 1 incoming and d_out outgoing parameters, minus one for the neuron's symmetry."""
    network, params, inputs = healthy()
    d, h = network.dim, network.width
    whole = network.n_params - network.n_hidden
    assert n_eff(silence(params, network, 0, [2]), inputs, network) == whole - (d + 1 + h) + 1
    assert n_eff(silence(params, network, 2, [1]), inputs, network) == whole - (h + 1 + 1) + 1
    both = silence(silence(params, network, 0, [2]), network, 2, [1])
    found = effective.effective_dimension(both, inputs, network)
    assert found.n_eff == found.bound == whole - (d + h) - (h + 1)
    assert (found.n_zero_columns, found.n_symmetries) == ((d + 1 + h) + (h + 1 + 1), network.n_hidden - 2)
    expected = np.linalg.matrix_rank(full_g(both, inputs[:200], network).reshape(-1, network.n_params))
    assert found.n_eff == expected


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_linear_network_has_at_most_one_more_than_its_inputs(depth):
    """With large biases every neuron is active on every pattern and f is affine in x."""
    network = Network(4, 7, depth, "relu")
    params, inputs = made(network, 300)
    for _, biases in net.unpack(params, network):
        biases[:] = 1e3
    for layer, (weights, _) in enumerate(net.unpack(params, network)):
        weights[:] = np.abs(weights) if layer else weights
    assert all(np.all(pre > 0) for pre in net.forward(params, inputs, network)[1])
    found = effective.effective_dimension(params, inputs, network)
    assert found.n_eff == network.dim + 1 < found.bound
    assert found.n_vectors_used == network.dim + 1  # one linear region, of which one pattern tells all
    assert np.linalg.matrix_rank(full_g(params, inputs[:20], network).reshape(-1, network.n_params)) == found.n_eff


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_network_that_transmits_nothing_has_one(layer):
    """Only the bias of the output is left."""
    network = Network(4, 6, 3, "relu")
    params, inputs = made(network, 50)
    dead = silence(params, network, layer, slice(None))
    outputs = net.forward(dead, inputs, network)[0]
    assert np.ptp(outputs) == 0
    found = effective.effective_dimension(dead, inputs, network)
    # Above a silent layer neurons may be active, but all patterns see the same constants there.
    expected = np.linalg.matrix_rank(full_g(dead, inputs, network).reshape(-1, network.n_params))
    assert found.n_eff == expected == 1


def test_few_patterns_bound_the_rank():
    network, params, inputs = healthy()
    assert n_eff(params, inputs[:5], network) == 5 * (network.dim + 1)


def test_rank_does_not_depend_on_the_scale_of_neurons():
    """Λ into a neuron and 1/Λ out of it change neither f nor the normalised columns of G."""
    network, params, inputs = healthy()
    before = effective.effective_dimension(params, inputs, network)
    scaled = params.copy()
    parts = net.unpack(scaled, network)
    for (weights, biases), (above, _), factor in zip(parts, parts[1:], (1e6, 1e-5, 1e4), strict=False):
        weights[1] *= factor
        biases[1] *= factor
        above[:, 1] /= factor
    after = effective.effective_dimension(scaled, inputs, network)
    assert after.n_eff == before.n_eff
    assert after.gap > 1e6
    np.testing.assert_allclose(after.singular_values, before.singular_values, atol=1e-9)


def test_patterns_of_one_region_span_the_same_space():
    network, params, inputs = healthy()
    near = inputs[:10] + 1e-9
    twice = effective.effective_dimension(params, np.concatenate([inputs[:10], near]), network)
    once = effective.effective_dimension(params, inputs[:10], network)
    assert (twice.n_eff, twice.n_vectors_used, twice.n_vectors) == (once.n_eff, once.n_vectors_used, 2 * once.n_vectors)


def test_nothing_to_measure_is_refused():
    network = Network(3, 4, 2, "relu")
    params, inputs = made(network, 5)
    with pytest.raises(ObservableError, match="at least one pattern and finite parameters"):
        effective.effective_dimension(params, inputs[:0], network)
    with pytest.raises(ObservableError, match="at least one pattern and finite parameters"):
        effective.effective_dimension(params * np.nan, inputs, network)


# --- measure --------------------------------------------------------------------------------------------------------

NETWORK = Network(4, 6, 3, "relu")
POINT = point_for(NETWORK, n_train=1000)


@pytest.fixture(scope="module")
def dataset():
    return dataset_for(NETWORK, 2200)


def kept(replica, initial, step=0):
    params = np.array([initial, replica["state"]["params"][-1]])
    return replica | {"state": {"step": np.array([step, 10]), "params": params}}


def test_measure_tells_the_initial_state_from_the_final_one(dataset, tmp_path):
    _, params, _ = healthy()
    dead = silence(params, NETWORK, 1, slice(None))
    replica = kept(replica_of(POINT, dataset, params), dead)
    tree = through_a_file(tmp_path / "effective.h5", "effective", effective.measure(run_of(POINT, [replica]), dataset))
    found = tree["replica_00"]
    assert (found["n_params"], found["n_hidden"], found["n_train"]) == (NETWORK.n_params, 18, 1000)
    assert (found["n_eff_initial"], found["n_eff_final"]) == (1, NETWORK.n_params - NETWORK.n_hidden)
    for when in ("initial", "final"):
        part = found[when]
        values = part["singular_values"]
        assert part["n_eff"] == found[f"n_eff_{when}"]
        assert np.all(np.diff(values) <= 0) and len(values) == NETWORK.n_params - part["n_zero_columns"]
        assert part["n_eff"] == np.sum(values > part["tolerance"] * values[0])
    assert found["final"]["gap"] > 1e9


def test_measure_refuses_another_dataset_and_a_lost_initial_state(dataset):
    _, params, _ = healthy()
    replica = kept(replica_of(POINT, dataset, params), params)
    with pytest.raises(ObservableError, match="replica_00 of the run made, P = 1000 was not trained on this dataset"):
        effective.measure(run_of(POINT, [replica]), dataset_for(NETWORK, 2202))
    with pytest.raises(ObservableError, match="does not hold its initial state"):
        effective.measure(run_of(POINT, [kept(replica, params, step=3)]), dataset)
