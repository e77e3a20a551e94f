"""The rank of a tall matrix by blocks: it equals the rank of a full SVD, needs few rows, and never relies on luck."""

import numpy as np
import pytest

from jamming.observables import rank

N = 40


def matrix(n_rows, values, seed=0, n=N):
    """Rows with these singular values, in random directions."""
    generator = np.random.default_rng(seed)
    left = np.linalg.qr(generator.standard_normal((n_rows, len(values))))[0]
    right = np.linalg.qr(generator.standard_normal((n, len(values))))[0]
    return left * values @ right.T


def in_blocks(blocks):
    norms = np.linalg.norm(np.concatenate(blocks), axis=0)
    return rank.Rows(lambda index: blocks[index], len(blocks), sum(map(len, blocks)), norms)


def decided(rows, size=50, bound=N, tolerance=None):
    """The rank with blocks of this size, and the number of rows that were needed."""
    blocks = [rows[start : start + size] for start in range(0, len(rows), size)]
    tolerance = tolerance or len(rows) * np.finfo(float).eps
    values, n_used = rank.deciding_values(in_blocks(blocks), tolerance, bound)
    return int(np.sum(values > tolerance * values[0])), n_used


def counted(rows, tolerance=None):
    """The slow reference: one decomposition of all rows, with all non-zero columns scaled to norm 1."""
    norms = np.linalg.norm(rows, axis=0)
    values = np.linalg.svd(rows[:, norms > 0] / norms[norms > 0], compute_uv=False)
    return int(np.sum(values > (tolerance or len(rows) * np.finfo(float).eps) * values[0]))


@pytest.mark.parametrize("true_rank", [1, 7, 33, 39, 40])
def test_it_is_that_of_a_full_svd_and_takes_few_rows(true_rank):
    for seed in range(3):
        rows = matrix(2000, np.logspace(0, -4, true_rank), seed)
        found, n_used = decided(rows)
        assert found == counted(rows) == true_rank and n_used <= 100


def test_what_comes_late_is_found():
    """One direction is only in a single row in the middle, another only in the very last row."""
    rows = matrix(2000, np.logspace(0, -3, 30))
    outside = np.linalg.svd(rows)[2][30:]
    rows[1234] += 1e-6 * outside[0]
    rows[1999] += 1e-8 * outside[1]
    assert decided(rows) == (counted(rows), 52) == (32, 52)


def test_many_new_directions_in_each_block():
    """Some columns are zero in the first blocks or in all."""
    generator = np.random.default_rng(1)
    rows = np.zeros((400, N))
    for block in range(8):
        rows[50 * block : 50 * (block + 1), : 4 * (block + 1)] = generator.standard_normal((50, 4 * (block + 1)))
    found, n_used = decided(rows)
    assert found == counted(rows) == 32 and 50 + 7 * 4 <= n_used < len(rows)


def test_the_scale_of_columns_does_not_matter():
    rows = matrix(2000, np.logspace(0, -3, 30)) * np.logspace(-8, 8, N)
    assert decided(rows) == (counted(rows), 50) == (30, 50)


def test_a_bound_that_is_reached_ends_it():
    rows = matrix(2000, np.logspace(0, -3, 30))
    made = []

    def block(index):
        made.append(index)
        return rows[50 * index : 50 * (index + 1)]

    norms = np.linalg.norm(rows, axis=0)
    values, n_used = rank.deciding_values(rank.Rows(block, 40, 2000, norms), 1e-12, bound=30)
    assert (made, n_used) == ([0], 50) and np.sum(values > 1e-12 * values[0]) == 30


@pytest.mark.parametrize("seed", range(6))
def test_without_a_gap_all_rows_decide(seed):
    """Singular values lie on both sides of the tolerance without a gap, so no choice of rows is trusted."""
    rows = matrix(1000, np.logspace(0, -18, N), seed)
    assert decided(rows, tolerance=1e-10) == (counted(rows, 1e-10), len(rows))


def test_what_adds_up_over_rows_counts():
    """Each row has a tenth of the tolerance in a direction, and all rows together ten times the tolerance."""
    rows = matrix(10_000, np.ones(30))
    outside, tolerance = np.linalg.svd(rows[:100])[2][30], 1e-8
    signs = np.random.default_rng(3).choice([-1, 1], 10_000)
    rows += tolerance * np.linalg.norm(rows, 2) / 10 * np.outer(signs, outside)
    assert decided(rows, tolerance=tolerance)[0] == counted(rows, tolerance) == 31


def test_a_wrong_kernel_is_found_out(monkeypatch):
    """The diagonal shows the rank nearly always. If it does not, all rows are taken."""
    rows = matrix(1000, np.logspace(0, -4, 30))
    right = rank._Triangle.kernel
    for wrong in (
        lambda self: right(self)[:, 1:],
        lambda self: np.linalg.qr(right(self) + 0.01)[0],
    ):
        monkeypatch.setattr(rank._Triangle, "kernel", wrong)
        assert decided(rows) == (30, 1000)


@pytest.mark.parametrize("n_rows", [1, 3, 50, 51, 100])
def test_few_rows(n_rows):
    rows = matrix(100, np.logspace(0, -2, 30))[:n_rows]
    assert decided(rows)[0] == counted(rows) == min(n_rows, 30)
