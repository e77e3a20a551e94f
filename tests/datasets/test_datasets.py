"""Data: the sphere, the principal components, and the split of each."""

import math
from dataclasses import astuple

import numpy as np
import pytest
import scipy.linalg

from jamming import datasets
from jamming.datasets import DatasetError, mnist, random, split
from jamming.storage import store


def result(name, inputs, labels):
    return store.Result("dataset", {"dataset": name}, {}, {"inputs": inputs, "labels": labels})


@pytest.fixture(scope="module")
def pool():
    return result("random", *random.generate(dim=4, n_patterns=400, seed=1))


@pytest.fixture(scope="module")
def pixels():
    """300 images of 40 correlated pixels and their digits. One pixel is always black, as the corners of MNIST are."""
    generator = np.random.default_rng(0)
    patterns = generator.standard_normal((6, 40)) * np.array([60, 40, 30, 20, 12, 8])[:, None]
    images = 120 + generator.standard_normal((300, 6)) @ patterns + 3 * generator.standard_normal((300, 40))
    images[:, 0] = 0
    digits = generator.choice(10, 300, p=[0.14, 0.08] * 4 + [0.06, 0.06]).astype(np.uint8)
    return images.clip(0, 255).astype(np.uint8), digits


@pytest.fixture(scope="module")
def components(pixels):
    return result("mnist", *mnist.principal_components(*pixels, dim=3, seed=5))


def assert_same(first, second):
    for left, right in zip(astuple(first), astuple(second), strict=True):
        np.testing.assert_array_equal(left, right)


# The sphere


@pytest.mark.parametrize("dim", [1, 2, 20])
def test_random_patterns_lie_on_the_sphere(dim):
    inputs, labels = random.generate(dim, 50, seed=3)
    assert inputs.shape == (50, dim) and inputs.dtype == np.float64
    assert labels.shape == (50,) and labels.dtype == np.int8
    np.testing.assert_allclose((inputs**2).sum(axis=1), dim, rtol=1e-14)


def test_random_patterns_have_the_moments_of_the_uniform_sphere():
    # On |x|² = d: ⟨x⟩ = 0, ⟨x xᵀ⟩ = 1, ⟨x₁⁴⟩ = 3d/(d+2); a cube projected to the sphere fails the last one.
    dim, inputs = 3, random.generate(3, 100_000, seed=2)[0]
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=0.015)
    np.testing.assert_allclose(inputs.T @ inputs / len(inputs), np.eye(dim), atol=0.015)
    np.testing.assert_allclose((inputs**4).mean(axis=0), 3 * dim / (dim + 2), atol=0.03)


def test_random_labels_are_balanced_and_know_nothing_of_the_patterns():
    inputs, labels = random.generate(3, 100_000, seed=2)
    assert labels.sum() == 0
    np.testing.assert_allclose(labels @ inputs / len(inputs), 0, atol=0.015)
    assert abs((labels[:-1] * labels[1:]).mean()) < 0.015  # shuffled, not alternating


def test_odd_pools_have_one_more_of_either_label():
    sums = {int(random.generate(2, 7, seed)[1].sum()) for seed in range(20)}
    assert sums == {-1, 1}


def test_random_data_follow_the_seed_alone():
    np.testing.assert_array_equal(random.generate(3, 10, 1)[0], random.generate(3, 10, 1)[0])
    np.testing.assert_array_equal(random.generate(3, 10, 1)[1], random.generate(3, 10, 1)[1])
    assert not np.isin(random.generate(3, 10, 1)[0], random.generate(3, 10, 2)[0]).any()


@pytest.mark.parametrize(("dim", "n_patterns"), [(0, 10), (3, 1)])
def test_impossible_pools_are_refused(dim, n_patterns):
    with pytest.raises(DatasetError, match=f"dim = {dim} and n_patterns = {n_patterns}"):
        random.generate(dim, n_patterns, 0)


# Principal components


def reference_components(images, dim):
    """Whitened scores by a singular value decomposition of the centred images, largest loading positive."""
    centred = images - images.mean(axis=0)
    _, _, loadings = np.linalg.svd(centred, full_matrices=False)
    scores = []
    for loading in loadings[:dim]:
        sign = 1 if max(loading, key=abs) > 0 else -1
        score = sign * (centred @ loading)
        scores.append(score / score.std())
    return np.array(scores).T


def test_components_are_those_of_a_singular_value_decomposition(pixels):
    images, digits = pixels
    inputs, labels = mnist.principal_components(images, digits, dim=5, seed=5)
    order = mnist.interleaved_order(np.where(digits % 2, -1, 1), seed=5)
    assert inputs.dtype == np.float64 and labels.dtype == np.int8
    np.testing.assert_allclose(inputs, reference_components(images, 5)[order], atol=1e-10)
    np.testing.assert_array_equal(labels, [-1 if digit in (1, 3, 5, 7, 9) else 1 for digit in digits[order]])


def test_components_are_white(pixels):
    inputs, _ = mnist.principal_components(*pixels, dim=5, seed=5)
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(inputs.T @ inputs / len(inputs), np.eye(5), atol=1e-11)


def test_moments_are_exact_whatever_the_chunks(pixels, monkeypatch):
    images = pixels[0]
    mean, covariance = mnist._moments(images)
    monkeypatch.setattr(mnist, "CHUNK", 7)
    np.testing.assert_array_equal(mnist._moments(images)[1], covariance)
    whole = images.astype(np.int64)
    total = whole.sum(axis=0)
    np.testing.assert_array_equal(mean, total / 300)
    np.testing.assert_array_equal(covariance, (300 * whole.T @ whole - np.outer(total, total)) / 300**2)


def test_components_do_not_depend_on_the_signs_lapack_returns(pixels, monkeypatch):
    expected = mnist.principal_components(*pixels, dim=3, seed=5)[0]
    eigh = scipy.linalg.eigh

    def flipped(*arguments, **options):
        values, vectors = eigh(*arguments, **options)
        return values, vectors * np.array([-1, 1, -1])

    monkeypatch.setattr(scipy.linalg, "eigh", flipped)
    np.testing.assert_array_equal(mnist.principal_components(*pixels, dim=3, seed=5)[0], expected)


def test_every_prefix_is_balanced_while_both_classes_last(pixels, components):
    labels = components.tree["labels"]
    n_odd = int((pixels[1] % 2 == 1).sum())
    assert 0 < n_odd < 150
    assert np.abs(np.cumsum(labels[: 2 * n_odd], dtype=int)).max() == 1
    assert (labels[2 * n_odd :] == 1).all() and labels.size == 300


def test_the_order_is_a_permutation_that_follows_the_seed():
    labels = np.resize([1, -1, 1], 30)
    first, second = mnist.interleaved_order(labels, 1), mnist.interleaved_order(labels, 2)
    np.testing.assert_array_equal(first, mnist.interleaved_order(labels, 1))
    np.testing.assert_array_equal(np.sort(first), np.arange(30))
    assert (first != second).any()
    assert (np.sort(first[::2][:10]) != first[::2][:10]).any()  # shuffled within a class too


@pytest.mark.parametrize("dim", [0, 41])
def test_more_components_than_pixels_are_refused(pixels, dim):
    with pytest.raises(DatasetError, match=f"dim = {dim} .* 1 to 40"):
        mnist.principal_components(*pixels, dim=dim, seed=0)


def test_directions_without_variance_are_refused(pixels):
    # One pixel is always black: there are 39 directions, not 40.
    mnist.principal_components(*pixels, dim=39, seed=0)
    with pytest.raises(DatasetError, match="fewer than dim = 40"):
        mnist.principal_components(*pixels, dim=40, seed=0)
    with pytest.raises(DatasetError, match="fewer than dim = 1"):
        mnist.principal_components(np.full((9, 4), 7, dtype=np.uint8), np.arange(9), dim=1, seed=0)


def test_what_is_not_pixels_is_refused(pixels):
    images, digits = pixels
    with pytest.raises(DatasetError, match="float64"):
        mnist.principal_components(images / 256, digits, dim=2, seed=0)
    with pytest.raises(DatasetError, match=r"\(299,\)"):
        mnist.principal_components(images, digits[1:], dim=2, seed=0)


# Both kinds by name


def test_generate_by_name(pixels):
    images, digits = pixels
    tree = datasets.generate("random", 3, 10, seed=4)
    np.testing.assert_array_equal(tree["inputs"], random.generate(3, 10, 4)[0])
    np.testing.assert_array_equal(tree["labels"], random.generate(3, 10, 4)[1])
    raw = store.Result("pixels", {}, {}, {"images": images, "digits": digits})
    for n_patterns in (None, 300):
        tree = datasets.generate("mnist", 3, n_patterns, 4, raw)
        np.testing.assert_array_equal(tree["inputs"], mnist.principal_components(images, digits, 3, 4)[0])
        np.testing.assert_array_equal(tree["labels"], mnist.principal_components(images, digits, 3, 4)[1])
    with pytest.raises(DatasetError, match=r"n_patterns = 299 .* always has 300"):
        datasets.generate("mnist", 3, 299, 4, raw)


@pytest.mark.parametrize(("name", "says"), [("mnist", "pixels"), ("cifar", "no dataset 'cifar'")])
def test_generate_refuses_what_it_cannot_make(name, says):
    with pytest.raises(DatasetError, match=says):
        datasets.generate(name, 3, 10, seed=4)


# Splits


@pytest.mark.parametrize("n_train", [2, 51, 200])
def test_random_split_is_balanced_disjoint_and_complete(pool, n_train):
    found = split(pool, n_train, seed=8)
    assert found.train_inputs.shape == (n_train, 4) and found.test_inputs.shape == (400 - n_train, 4)
    assert found.train_labels.dtype == found.test_labels.dtype == np.float64
    assert abs(found.train_labels.sum()) == n_train % 2
    assert not found.has_test
    rows = np.column_stack([pool.tree["inputs"], pool.tree["labels"]])
    train = np.column_stack([found.train_inputs, found.train_labels])
    test = np.column_stack([found.test_inputs, found.test_labels])
    # Every pattern of the pool once, with its own label; what is left keeps the order of the pool.
    np.testing.assert_array_equal(np.unique(np.concatenate([train, test]), axis=0), np.unique(rows, axis=0))
    trained = set(map(tuple, train))
    np.testing.assert_array_equal(test, [row for row in rows if tuple(row) not in trained])


def test_random_splits_of_two_seeds_are_independent(pool):
    index = {tuple(row): number for number, row in enumerate(pool.tree["inputs"])}
    drawn = np.array([[index[tuple(row)] for row in split(pool, 40, seed).train_inputs] for seed in range(200)])
    shared = [len(set(drawn[i]) & set(drawn[i + 1])) for i in range(199)]
    assert np.mean(shared) == pytest.approx(40 * 40 / 400, abs=0.6)  # 4 ± 0.13 for independent draws
    counts = np.bincount(drawn.ravel(), minlength=400)  # each pattern 20 ± 4.2 times
    assert counts.min() > 3 and counts.max() < 45
    assert np.mean(np.diff(drawn, axis=1) > 0) == pytest.approx(0.5, abs=0.03)  # in random order
    labels = pool.tree["labels"][drawn]
    assert abs(np.mean(labels[:, :20])) < 0.08  # and not one label after the other
    assert {int(split(pool, 11, seed).train_labels.sum()) for seed in range(20)} == {-1, 1}


def test_a_split_depends_on_the_content_of_the_file_alone(pool, components, tmp_path):
    for number, dataset in enumerate((pool, components)):
        path = tmp_path / f"{number}.h5"
        store.write(path, "dataset", dataset.spec, dataset.tree, {"written": "some other day"})
        np.random.seed(number)
        assert_same(split(store.read(path, "dataset"), 30, 7), split(dataset, 30, 7))


def test_mnist_split_is_centred_on_the_training_set_and_projected(components):
    found = split(components, 20, seed=1)
    inputs, labels = components.tree["inputs"], components.tree["labels"]
    mean = sum(inputs[:20]) / 20

    def expected(point):
        centred = point - mean
        return centred / math.sqrt(sum(centred**2)) * math.sqrt(3)

    np.testing.assert_allclose(found.train_inputs, [expected(point) for point in inputs[:20]], atol=1e-12)
    np.testing.assert_allclose(found.test_inputs, [expected(point) for point in inputs[20:]], atol=1e-12)
    np.testing.assert_array_equal(found.train_labels, labels[:20])
    np.testing.assert_array_equal(found.test_labels, labels[20:])
    assert found.train_labels.dtype == np.float64 and found.has_test
    assert_same(found, split(components, 20, seed=2))


def test_splitting_leaves_the_dataset_as_it_was(components):
    before = components.tree["inputs"].copy()
    found = split(components, 20, seed=1)
    found.train_inputs[:] = 0
    np.testing.assert_array_equal(components.tree["inputs"], before)


def test_all_of_mnist_leaves_no_test_set(components):
    found = split(components, 300, seed=1)
    assert found.test_inputs.shape == (0, 3) and found.test_labels.shape == (0,) and not found.has_test


def test_a_point_at_the_mean_is_put_on_the_sphere():
    inputs = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0], [0.0, 0.0], [0.0, 0.0]])
    found = split(result("mnist", inputs, np.resize(np.array([1, -1], dtype=np.int8), 6)), 5, seed=0)
    root = math.sqrt(2)
    np.testing.assert_allclose(found.train_inputs, [[root, 0], [-root, 0], [0, root], [0, -root], [root, 0]])
    np.testing.assert_allclose(found.test_inputs, [[root, 0]])


@pytest.mark.parametrize("n_train", [-1, 0, 1, 201, 400])
def test_random_training_sets_leave_half_of_the_pool(pool, n_train):
    with pytest.raises(DatasetError, match=rf"P = {n_train} .* 400 patterns .* between 2 and 200"):
        split(pool, n_train, seed=0)


@pytest.mark.parametrize("n_train", [0, 1, 301])
def test_mnist_training_sets_fit_in_the_data(components, n_train):
    with pytest.raises(DatasetError, match=rf"P = {n_train} .* between 2 and 300"):
        split(components, n_train, seed=0)


def test_a_pool_without_one_label_is_refused():
    lonely = result("random", np.ones((10, 2)), np.ones(10, dtype=np.int8))
    with pytest.raises(DatasetError, match="label -1 are needed and the pool holds 0"):
        split(lonely, 4, seed=0)


def test_a_split_of_an_unknown_dataset_is_refused(pool):
    with pytest.raises(DatasetError, match="no dataset 'cifar'"):
        split(result("cifar", **pool.tree), 4, seed=0)
