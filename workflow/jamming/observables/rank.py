"""The rank of a matrix with many more rows than columns. Its rows are made in blocks and never held all at once.

A QR factorization of the rows leaves a triangle R (n, n). To rounding, R has the singular values of the whole matrix.
The Gram matrix would give their squares and lose half of their digits, which are needed to decide about the rank.

Once the rank stops growing, nearly all further rows lie in the span of the rows before them. To check this is cheaper
than to factor these rows. The check multiplies each row by a basis K of the kernel of R, which has few columns: the
product is the part of the row outside the span. There are two cases for each block.
- The product is no larger than rounding: the block is left out.
- Otherwise: rows that span the part outside are factored, and K is computed again.
This ends when all blocks left out have been checked with the same K. At the end `_is_decided` checks that leaving them
out changed no rank. If it cannot show this, all rows are factored.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.fft import dct, idct
from scipy.linalg import lapack, qr, solve_triangular, svdvals

# Number of columns that LAPACK's dtpqrt factors at a time; the rest of its work is matrix products.
PANEL = 32
# Smaller relative values may be rounding that a triangle has amplified. No decision rests on them.
CLEAR = 1e-10
# Steps of the power method. They give a lower bound of the largest singular value, which need not be sharp.
POWER_STEPS = 5


class Rows(NamedTuple):
    """The `n` rows of a matrix, in blocks: `of(i)` for 0 ≤ i < `n_blocks` makes an array (m, columns).

    `norms` (columns,) are the norms of the columns. Columns with norm 0 are left out; the others are divided by it.
    """

    of: Callable[[int], np.ndarray]
    n_blocks: int
    n: int
    norms: np.ndarray


def deciding_values(rows: Rows, tolerance: float, bound: int) -> tuple[np.ndarray, int]:
    """Singular values (n,), descending, of enough rows to decide the rank of the matrix; and the number of these rows.

    The number of values above `tolerance` times the largest is the same as for the whole matrix. `bound` is an upper
    bound of the rank that the caller knows.
    """
    triangle = _Triangle(rows.norms)
    dimension, outside = _absorb_what_counts(triangle, rows, tolerance, bound)
    values = triangle.singular_values()
    if outside and not _is_decided(values, dimension, outside, tolerance, bound):
        triangle = _Triangle(rows.norms)
        for index in range(rows.n_blocks):
            triangle.absorb(rows.of(index))
        values = triangle.singular_values()
    return values, triangle.n_rows


def _absorb_what_counts(triangle: "_Triangle", rows: Rows, tolerance: float, bound: int) -> tuple[int, float]:
    """Factor rows that span all others; return the dimension of the kernel K of the triangle, and ‖(all rows)·K‖.

    The norm is 0 if every row is in the triangle. It is infinite if the rank seems to reach its bound before all rows
    were looked at.
    """
    triangle.absorb(rows.of(0))
    if rows.n_blocks == 1:
        return 0, 0.0
    kernel = triangle.kernel()
    waiting, left_out, taken = deque(range(1, rows.n_blocks)), {}, [np.array([], dtype=int)] * rows.n_blocks
    # The parts outside of all rows together may reach half of the size at which a singular value counts.
    allowed = tolerance * triangle.largest() / 2 / np.sqrt(rows.n)
    while waiting and kernel.shape[1] > triangle.n - bound:
        index = waiting.popleft()
        block = rows.of(index)
        parts = block @ kernel
        size = float(np.linalg.norm(parts))
        if size <= allowed * np.sqrt(len(block)):
            left_out[index] = size
            continue
        chosen, dimension = np.setdiff1d(_spanning(parts, allowed), taken[index]), kernel.shape[1]
        triangle.absorb(block[chosen])
        taken[index] = np.union1d(taken[index], chosen).astype(int)
        kernel = triangle.kernel()
        if kernel.shape[1] < dimension:
            waiting.appendleft(index)
        else:
            # The chosen rows lie outside the span, but R shows no new dimension. So the whole block is factored.
            triangle.absorb(np.delete(block, taken[index], axis=0))
            kernel = triangle.kernel()
        waiting.extend(left_out)
        left_out.clear()
    if waiting:
        return kernel.shape[1], np.inf
    outside = np.linalg.norm([*left_out.values(), triangle.times(kernel)]) if left_out else 0.0
    return kernel.shape[1], float(outside)


def _is_decided(values: np.ndarray, dimension: int, outside: float, tolerance: float, bound: int) -> bool:
    """Whether the rows in the triangle, with singular `values` (n,), have the same rank as all rows.

    Two bounds show it. From below: the singular values of all rows are at least as large as those of the triangle, and
    the largest is at most √n, since columns have norm 1. So a value above `tolerance`·√n in the triangle counts for all
    rows. From above: on the `dimension` vectors of the kernel all rows give at most `outside`. If that does not count
    in the triangle, then as many singular values of all rows do not count.
    """
    n, rank = len(values), int(np.sum(values > tolerance * values[0]))
    if rank >= bound:
        return True
    counted = values[rank - 1] > tolerance * np.sqrt(n)
    return bool(counted and dimension == n - rank and outside <= tolerance * values[0])


def _spanning(parts: np.ndarray, allowed: float) -> np.ndarray:
    """Indices of a few rows of `parts` (m, k) that span all of them, up to parts of norm `allowed`. At least one."""
    triangle, order = qr(parts.T, mode="r", pivoting=True, check_finite=False)
    sizes = np.abs(np.diagonal(triangle))
    return order[: max(1, int(np.sum(sizes > max(allowed, CLEAR * sizes[0]))))]


class _Triangle:
    """The triangle R (n, n) of the QR factorization of (all rows absorbed so far)·M, with a fixed orthogonal M.

    The n columns are the non-zero ones, divided by their `norms` (columns,).

    M mixes the columns by random signs, a cosine transform and a random order. It changes no singular value. After it
    the last columns depend on those before them, whichever columns were dependent before. So the diagonal of R shows
    the rank (Demmel, Dumitriu and Holtz, Numerische Mathematik 108, 59, 2007).
    """

    def __init__(self, norms: np.ndarray):
        self._live = norms > 0
        self._norms, self.n, self.n_rows = norms[self._live], int(self._live.sum()), 0
        self._matrix = np.zeros((self.n, self.n), order="F")
        generator = np.random.default_rng(0)
        self._signs, self._order = generator.choice([-1.0, 1.0], self.n), generator.permutation(self.n)

    def absorb(self, rows: np.ndarray) -> None:
        """Add rows (m, columns) to the factorization."""
        if len(rows) == 0:
            return
        mixed = dct(rows[:, self._live] * (self._signs / self._norms), axis=1, norm="ortho", overwrite_x=True)
        mixed, panel = np.asfortranarray(mixed[:, self._order]), min(PANEL, self.n)
        self._matrix, *_ = lapack.dtpqrt(0, panel, self._matrix, mixed, overwrite_a=True, overwrite_b=True)
        self.n_rows += len(rows)

    def kernel(self) -> np.ndarray:
        """A basis K (columns, k) of the kernel, with the rank read off the diagonal; `times` checks it.

        K is an orthonormal basis divided by the norms of the columns, so that it applies to rows that are not divided.
        """
        diagonal = np.abs(np.diagonal(self._matrix))
        small = diagonal <= CLEAR * diagonal.max()
        rank = int(np.argmax(small)) if small.any() else self.n
        dependent = -solve_triangular(self._matrix[:rank, :rank], self._matrix[:rank, rank:], check_finite=False)
        basis = np.empty((self.n, self.n - rank))
        basis[self._order] = np.linalg.qr(np.concatenate([dependent, np.eye(self.n - rank)]))[0]
        kernel = np.zeros((len(self._live), self.n - rank))
        kernel[self._live] = idct(basis, axis=0, norm="ortho") * (self._signs / self._norms)[:, None]
        return kernel

    def times(self, kernel: np.ndarray) -> float:
        """‖R·K‖ in the Frobenius norm, for a K (columns, k) from `kernel`."""
        basis = dct(kernel[self._live] * (self._signs * self._norms)[:, None], axis=0, norm="ortho")
        return float(np.linalg.norm(self._matrix @ basis[self._order]))

    def largest(self) -> float:
        """A lower bound of the largest singular value."""
        vector = np.ones(len(self._matrix))
        for _ in range(POWER_STEPS):
            vector = self._matrix.T @ (self._matrix @ vector)
            vector /= np.linalg.norm(vector)
        return float(np.linalg.norm(self._matrix @ vector))

    def singular_values(self) -> np.ndarray:
        """The singular values (n,) of all rows absorbed so far, descending."""
        return svdvals(self._matrix, check_finite=False)
