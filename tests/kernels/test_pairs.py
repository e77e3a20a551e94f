"""The inverse Hessian of the last pairs: against the two loops as published, forgetting, and the saved state."""

import numpy as np
import pytest

from jamming.kernels.pairs import Pairs

SIZE = 13


def two_loops(vector, pairs):
    """Nocedal and Wright (2006), Algorithm 7.4, with Eq. 7.20."""
    result, weights = np.array(vector), []
    for displacement, change in reversed(pairs):
        weights.append(displacement @ result / (displacement @ change))
        result -= weights[-1] * change
    displacement, change = pairs[-1]
    result *= displacement @ change / (change @ change)
    for (displacement, change), weight in zip(pairs, reversed(weights), strict=True):
        result += (weight - change @ result / (displacement @ change)) * displacement
    return result


def filled(count, memory, seed=0):
    """Pairs of a quadratic form, and the list of those remembered."""
    generator = np.random.default_rng(seed)
    root = generator.standard_normal((SIZE, SIZE))
    remembered, pairs = Pairs(SIZE, memory), []
    for displacement in generator.standard_normal((count, SIZE)):
        pairs.append((displacement, root @ (root.T @ displacement)))
        remembered.append(*pairs[-1])
    return remembered, pairs[-memory:]


@pytest.mark.parametrize("count", [1, 4, 5, 9, 10, 11, 23])
def test_it_is_that_of_the_two_loops(count):
    """Also after the oldest pairs are forgotten, and after all have moved to the front."""
    remembered, pairs = filled(count, memory=5)
    vector = np.linspace(-1, 2, SIZE)
    assert len(remembered) == len(pairs)
    np.testing.assert_allclose(remembered.times_inverse_hessian(vector), two_loops(vector, pairs), rtol=1e-9)


def test_without_pairs_it_is_one():
    remembered, _ = filled(7, memory=5)
    remembered.clear()
    vector = np.linspace(-1, 2, SIZE)
    assert len(remembered) == 0 and np.array_equal(remembered.times_inverse_hessian(vector), vector)


def test_after_forgetting_it_knows_the_new_pairs_alone():
    remembered, _ = filled(7, memory=5)
    remembered.clear()
    _, pairs = filled(3, memory=5, seed=1)
    for pair in pairs:
        remembered.append(*pair)
    vector = np.linspace(-1, 2, SIZE)
    np.testing.assert_allclose(remembered.times_inverse_hessian(vector), two_loops(vector, pairs), rtol=1e-9)


@pytest.mark.parametrize("count", [0, 3, 5, 9, 12])
def test_a_saved_state_goes_on_with_the_same_bits(count):
    one, _ = filled(count, memory=5)
    other = Pairs(SIZE, 5)
    other.load_state(one.state())
    vector = np.linspace(-1, 2, SIZE)
    for displacement in np.eye(SIZE)[:7]:
        assert np.array_equal(one.times_inverse_hessian(vector), other.times_inverse_hessian(vector))
        for remembered in (one, other):
            remembered.append(displacement, displacement + vector**2)


def test_a_pair_too_small_to_divide_by_is_left_out():
    """As close to 𝓛 = 0 as that, N_Δ = 0 may still be a step away."""
    remembered, pairs = filled(3, memory=5)
    remembered.append(np.full(SIZE, 1e-160), np.full(SIZE, 1e-160))
    vector = np.linspace(-1, 2, SIZE)
    np.testing.assert_allclose(remembered.times_inverse_hessian(vector), two_loops(vector, pairs), rtol=1e-9)


def test_a_memory_of_none_is_refused():
    with pytest.raises(ValueError, match="a memory of one pair or more, not 0"):
        Pairs(SIZE, 0)
