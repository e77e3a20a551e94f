"""The rank of a tall matrix by blocks: as a full SVD has it, from few rows, and never by luck."""

import numpy as np
import pytest

from jamming.observables import rank

N = 40


def matrix(n_rows, values, seed=0, n=N):
    """Rows with these singular values, but for a common factor that makes the largest column norm 1."""
    generator = np.random.default_rng(seed)
    left = np.linalg.qr(generator.standard_normal((n_rows, len(values))))[0]
    right = np.linalg.qr(generator.standard_normal((n, len(values))))[0]
    made = left * values @ right.T
    return made / np.linalg.norm(made, axis=0).max()


def decided(rows, size=50, bound=N, tolerance=None):
    """The rank by blocks of this size, and how many rows it took."""
    blocks = [rows[start : start + size] for start in range(0, len(rows), size)]
    tolerance = tolerance or len(rows) * np.finfo(float).eps
    made = rank.deciding_values(lambda index: blocks[index].copy(), len(blocks), rows.shape, tolerance, bound)
    return int(np.sum(made[0] > tolerance * made[0][0])), made[1]


@pytest.mark.parametrize("true_rank", [1, 7, 33, 39, 40])
def test_it_is_that_of_a_full_svd_and_takes_few_rows(true_rank):
    for seed in range(3):
        rows = matrix(2000, np.logspace(0, -4, true_rank), seed)
        assert decided(rows) == (np.linalg.matrix_rank(rows), 50)


def test_what_comes_late_is_found():
    """A direction that a single row in the middle has, another that the very last one has."""
    rows = matrix(2000, np.logspace(0, -3, 30))
    outside = np.linalg.svd(rows)[2][30:]
    rows[1234] += 1e-6 * outside[0]
    rows[1999] += 1e-8 * outside[1]
    assert np.linalg.matrix_rank(rows) == 32
    assert decided(rows) == (32, 52)


def test_many_new_directions_in_each_block():
    generator = np.random.default_rng(1)
    rows = np.zeros((400, N))
    for block in range(8):
        rows[50 * block : 50 * (block + 1), : 4 * (block + 1)] = generator.standard_normal((50, 4 * (block + 1)))
    rows /= np.linalg.norm(rows, axis=0).max()
    found, n_used = decided(rows)
    assert found == np.linalg.matrix_rank(rows) == 32 and 50 + 7 * 4 <= n_used < len(rows)


def test_a_bound_that_is_reached_ends_it():
    rows = matrix(2000, np.logspace(0, -3, 30))
    made = []

    def block(index):
        made.append(index)
        return rows[50 * index : 50 * (index + 1)].copy()

    values, n_used = rank.deciding_values(block, 40, rows.shape, 1e-12, bound=30)
    assert (made, n_used) == ([0], 50) and np.sum(values > 1e-12 * values[0]) == 30


@pytest.mark.parametrize("seed", range(6))
def test_without_a_gap_all_rows_decide(seed):
    """Singular values all the way down through the tolerance: no choice of rows can be trusted, and none is."""
    rows = matrix(1000, np.logspace(0, -18, N), seed)
    tolerance = 1e-10
    values = np.linalg.svd(rows, compute_uv=False)
    found, n_used = decided(rows, tolerance=tolerance)
    assert found == np.sum(values > tolerance * values[0]) and n_used == len(rows)


def test_what_adds_up_over_rows_counts():
    """No row has more than a tenth of the tolerance in a direction that all of them together have ten times over."""
    rows = matrix(10_000, np.ones(30))
    outside, tolerance = np.linalg.svd(rows[:100])[2][30], 1e-8
    rows += (
        tolerance * np.linalg.norm(rows, 2) / 10 * np.random.default_rng(3).choice([-1, 1], 10_000)[:, None] * outside
    )
    assert decided(rows, tolerance=tolerance)[0] == 31
    values = np.linalg.svd(rows, compute_uv=False)
    assert np.sum(values > tolerance * values[0]) == 31


def test_a_wrong_kernel_is_found_out(monkeypatch):
    """The diagonal shows the rank nearly always; where it does not all rows are taken."""
    rows = matrix(1000, np.logspace(0, -4, 30))
    right = rank._Triangle.kernel
    for wrong in (
        lambda self: right(self)[:, 1:],
        lambda self: np.linalg.qr(right(self) + 0.01)[0],
    ):
        monkeypatch.setattr(rank._Triangle, "kernel", wrong)
        assert decided(rows) == (30, 1000)
