"""Pre-activations: a network built so that a known number of them sits on the cusp, and slow counts."""

import numpy as np
import pytest

from helpers.made_runs import dataset_for, point_for, replica_of, run_of, through_a_file
from jamming import datasets
from jamming import network as net
from jamming.observables import ObservableError, preactivations
from jamming.spec import Network

NETWORK = Network(4, 6, 2, "relu")
POINT = point_for(NETWORK, n_train=60)


@pytest.fixture(scope="module")
def dataset():
    return dataset_for(NETWORK, 400)


@pytest.fixture(scope="module")
def pinned(dataset):
    """Parameters with which each neuron has as many training patterns on its cusp as it has inputs: h·d + h·h."""
    train = datasets.split(dataset, POINT.n_train, 0).train_inputs
    generator = np.random.default_rng(0)
    params = generator.standard_normal(NETWORK.n_params)
    below = train
    for weights, biases in net.unpack(params, NETWORK)[:-1]:
        for neuron in range(NETWORK.width):
            # The patterns on the cusp fix (w, b) up to a factor: the null vector of their inputs, with a 1 appended.
            chosen = generator.choice(len(train), weights.shape[1], replace=False)
            null = np.linalg.svd(np.c_[below[chosen], np.ones(len(chosen))])[2][-1]
            weights[neuron], biases[neuron] = null[:-1], null[-1]
        below = np.maximum(below @ weights.T + biases, 0)
    return params


def test_planted_cusps_are_found_and_fresh_data_have_none(dataset, pinned, tmp_path):
    run = run_of(POINT, [replica_of(POINT, dataset, pinned)])
    tree = through_a_file(tmp_path / "pre.h5", "preactivations", preactivations.measure(run, dataset))
    found = tree["replica_00"]
    planted = np.array([NETWORK.width * NETWORK.dim, NETWORK.width * NETWORK.width])
    assert found["n_cusp"] == planted.sum()
    np.testing.assert_allclose(found["train"]["mass_at_zero"], planted / (NETWORK.width * POINT.n_train))
    np.testing.assert_array_equal(found["fresh"]["mass_at_zero"], 0)
    assert found["n_fresh"] == 240  # four for each training pattern, of the 340 there are
    plateau = found["plateau"]
    flat = plateau["threshold"] <= tree["threshold"]
    assert flat.sum() > 20
    np.testing.assert_array_equal(plateau["train_count"][:, flat], np.broadcast_to(planted[:, None], (2, flat.sum())))
    np.testing.assert_array_equal(plateau["fresh_count"][:, flat], 0)
    assert np.all(plateau["fresh_count"][:, -1] > 0)  # |a| < 0.1 is common


def test_density_and_peak_share_out_all_pre_activations(dataset, pinned):
    run = run_of(POINT, [replica_of(POINT, dataset, pinned)])
    wide = np.linspace(-1000, 1000, 100_001)
    found = preactivations.measure(run, dataset, edges=wide)["replica_00"]
    for part in ("train", "fresh"):
        total = found[part]["density"].sum(axis=1) * (wide[1] - wide[0]) + found[part]["mass_at_zero"]
        np.testing.assert_allclose(total, 1, rtol=1e-9)
    assert np.all(found["train"]["mass_at_zero"] > 0.05)


def test_density_against_a_slow_count():
    pre = np.random.default_rng(2).standard_normal((50, 7)) * 2
    pre[:10, 0] = 3e-5
    edges = np.array([-3.0, -1.0, 0.0, 0.5, 2.0])
    found = preactivations.density(pre, edges, threshold=1e-4)
    for value, low, high in zip(found, edges[:-1], edges[1:], strict=True):
        count = sum(low <= a < high and abs(a) >= 1e-4 for a in pre.ravel())
        assert value == pytest.approx(count / 350 / (high - low))
    assert (pre > 2).any()  # what lies outside the edges counts in the norm


def test_count_at_zero_is_strict_and_two_sided():
    pre = np.array([[0.0, -1e-5], [1e-4, -2e-4]])
    np.testing.assert_array_equal(preactivations.count_at_zero(pre, np.array([1e-12, 1e-5, 1e-4, 1e-3])), [1, 1, 2, 4])


def test_without_fresh_patterns_nothing_is_claimed_about_them():
    found = preactivations.describe([np.empty((0, 3))], np.array([-1.0, 0.0, 1.0]), threshold=1e-4)
    assert np.isnan(found["density"]).all()
    assert np.isnan(found["mass_at_zero"]).all()
    np.testing.assert_array_equal(found["count"], 0)


def test_another_dataset_is_refused(dataset, pinned):
    other = replica_of(POINT, dataset, pinned, seed=0) | {"seed_data": 1}
    with pytest.raises(ObservableError, match="replica_00 of the run made, P = 60 was not trained on this dataset"):
        preactivations.measure(run_of(POINT, [other]), dataset)
