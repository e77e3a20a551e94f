"""The rank of a matrix with many more rows than columns, whose rows are made in blocks and never held together.

Rows pass through a QR factorization, which leaves a triangle R of (n, n) with the same singular values, to rounding.
The Gram matrix would do the same but square them, and lose half of the digits the decision about the rank lives on.

Once the rank has stopped growing nearly all rows lie in the span of those before, and to see that takes less than to
factor them: what a row has outside the span is its product with a basis K of the kernel of R, which has few columns.
A block for which that is no more than rounding is left out; of any other, rows that span what is outside are factored,
and K is found anew. This ends when all blocks left out have been seen with the same K. That it has changed no rank is
checked at the end (`_is_decided`), and where that cannot be shown all rows are factored.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.fft import dct, idct
from scipy.linalg import lapack, qr, solve_triangular, svdvals

# Columns that LAPACK's dtpqrt factors at a time; the rest of its work is matrix products.
PANEL = 32
# What is smaller than this, relatively, may be rounding that a triangle has amplified: it is not built upon.
CLEAR = 1e-10
# Steps of the power method: for a lower bound of the largest singular value, which need not be sharp.
POWER_STEPS = 5


class Rows(NamedTuple):
    """The rows of a matrix in blocks: `of(i)`, 0 ≤ i < `n_blocks`, makes an array (m, columns); `n` rows in all.

    Columns that are zero throughout are left out and the others divided by their `norms` (columns,).
    """

    of: Callable[[int], np.ndarray]
    n_blocks: int
    n: int
    norms: np.ndarray


def deciding_values(rows: Rows, tolerance: float, bound: int) -> tuple[np.ndarray, int]:
    """Singular values, descending, of rows that decide about the rank of a matrix; and how many rows these are.

    The rank is known not to exceed `bound`. As many of the values as of the singular values of the whole matrix exceed
    `tolerance` times the largest.
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
    """Put rows that span all into the triangle; the dimension of its kernel, and ‖(all rows)·K‖.

    That norm is 0 if every row is in the triangle, and infinite if the rank seems to have reached its bound before all
    rows were looked at.
    """
    triangle.absorb(rows.of(0))
    if rows.n_blocks == 1:
        return 0, 0.0
    kernel = triangle.kernel()
    waiting, left_out, taken = deque(range(1, rows.n_blocks)), {}, [np.array([], dtype=int)] * rows.n_blocks
    # The parts of all rows together may be half of what makes a singular value count.
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
            # What is outside is neither rounding nor another dimension: this block is not for choosing.
            triangle.absorb(np.delete(block, taken[index], axis=0))
            kernel = triangle.kernel()
        waiting.extend(left_out)
        left_out.clear()
    if waiting:
        return kernel.shape[1], np.inf
    outside = np.linalg.norm([*left_out.values(), triangle.times(kernel)]) if left_out else 0.0
    return kernel.shape[1], float(outside)


def _is_decided(values: np.ndarray, dimension: int, outside: float, tolerance: float, bound: int) -> bool:
    """Whether the rank of the rows in the triangle, of singular values (n,), is that of all rows.

    All rows have singular values at least as large, and the largest, as columns have norm 1, is at most √n: what
    exceeds `tolerance`·√n here counts there. On the `dimension` vectors of the kernel all rows give no more than
    `outside`: if that does not count here, as many singular values do not count there.
    """
    n, rank = len(values), int(np.sum(values > tolerance * values[0]))
    if rank >= bound:
        return True
    counted = values[rank - 1] > tolerance * np.sqrt(n)
    return bool(counted and dimension == n - rank and outside <= tolerance * values[0])


def _spanning(parts: np.ndarray, allowed: float) -> np.ndarray:
    """Indices of few rows of `parts` (m, k) that span them clearly, but for rows of norm `allowed`; at least one."""
    triangle, order = qr(parts.T, mode="r", pivoting=True, check_finite=False)
    sizes = np.abs(np.diagonal(triangle))
    return order[: max(1, int(np.sum(sizes > max(allowed, CLEAR * sizes[0]))))]


class _Triangle:
    """The triangle R (n, n) of the QR factorization of all rows absorbed so far, times a fixed orthogonal matrix M.

    Its n columns are those that are not zero, divided by their `norms` (columns,).

    M mixes the columns, by random signs, a cosine transform and a random order. It changes no singular value, and lets
    the diagonal of R show the rank: the last columns depend on those before them, whichever did so before (Demmel,
    Dumitriu and Holtz, Numerische Mathematik 108, 59, 2007).
    """

    def __init__(self, norms: np.ndarray):
        self._live = norms > 0
        self._norms, self.n, self.n_rows = norms[self._live], int(self._live.sum()), 0
        self._matrix = np.zeros((self.n, self.n), order="F")
        generator = np.random.default_rng(0)
        self._signs, self._order = generator.choice([-1.0, 1.0], self.n), generator.permutation(self.n)

    def absorb(self, rows: np.ndarray) -> None:
        """Make R that of the rows so far and these, (m, columns)."""
        if len(rows) == 0:
            return
        mixed = dct(rows[:, self._live] * (self._signs / self._norms), axis=1, norm="ortho", overwrite_x=True)
        mixed, panel = np.asfortranarray(mixed[:, self._order]), min(PANEL, self.n)
        self._matrix, *_ = lapack.dtpqrt(0, panel, self._matrix, mixed, overwrite_a=True, overwrite_b=True)
        self.n_rows += len(rows)

    def kernel(self) -> np.ndarray:
        """A basis K (columns, k) of the kernel, as the diagonal shows it, to be checked (`times`).

        It is orthonormal but for the norms of the columns, by which it is divided, so that rows need not be.
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
        """‖R·K‖ in the Frobenius norm, for a K (columns, k) as `kernel` gives it."""
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
        """Those of all rows absorbed so far, descending, (n,)."""
        return svdvals(self._matrix, check_finite=False)
