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

import numpy as np
from scipy.fft import dct, idct
from scipy.linalg import lapack, qr, solve_triangular, svdvals

# Columns that LAPACK's dtpqrt factors at a time; the rest of its work is matrix products.
PANEL = 32
# What is smaller than this, relatively, may be rounding that a triangle has amplified: it is not built upon.
CLEAR = 1e-10
# Steps of the power method: for a lower bound of the largest singular value, which need not be sharp.
POWER_STEPS = 5


def deciding_values(
    rows_of: Callable[[int], np.ndarray], n_blocks: int, shape: tuple[int, int], tolerance: float, bound: int
) -> tuple[np.ndarray, int]:
    """Singular values (n,), descending, of rows that decide about the rank of a matrix; and how many rows these are.

    `rows_of(i)`, 0 ≤ i < n_blocks, makes block i, an array (m, n). `shape` is that of the whole matrix, whose columns
    have norms of at most 1 and whose rank is known not to exceed `bound`. As many of the values as of the singular
    values of the whole matrix exceed `tolerance` times the largest.
    """
    triangle = _Triangle(shape[1])
    kernel, outside = _absorb_what_counts(triangle, rows_of, n_blocks, shape, tolerance, bound)
    values = triangle.singular_values()
    if outside and not _is_decided(values, kernel.shape[1], outside, tolerance, bound):
        triangle = _Triangle(shape[1])
        for index in range(n_blocks):
            triangle.absorb(rows_of(index))
        values = triangle.singular_values()
    return values, triangle.n_rows


def _absorb_what_counts(
    triangle: "_Triangle",
    rows_of: Callable[[int], np.ndarray],
    n_blocks: int,
    shape: tuple[int, int],
    tolerance: float,
    bound: int,
) -> tuple[np.ndarray, float]:
    """Put rows that span all into the triangle; its kernel K (n, k), orthonormal, and ‖(all rows)·K‖.

    That norm is 0 if every row is in the triangle, and infinite if the rank seems to have reached its bound before all
    rows were looked at.
    """
    n_rows, n = shape
    triangle.absorb(rows_of(0))
    kernel = triangle.kernel() if n_blocks > 1 else np.empty((n, 0))
    waiting, left_out, taken = deque(range(1, n_blocks)), {}, [np.array([], dtype=int)] * n_blocks
    # The parts of all rows together may be half of what makes a singular value count.
    allowed = tolerance * triangle.largest() / 2 / np.sqrt(n_rows)
    while waiting and kernel.shape[1] > n - bound:
        index = waiting.popleft()
        rows = rows_of(index)
        parts = rows @ kernel
        size = float(np.linalg.norm(parts))
        if size <= allowed * np.sqrt(len(rows)):
            left_out[index] = size
            continue
        chosen, dimension = np.setdiff1d(_spanning(parts, allowed), taken[index]), kernel.shape[1]
        triangle.absorb(rows[chosen])
        taken[index] = np.union1d(taken[index], chosen).astype(int)
        kernel = triangle.kernel()
        if kernel.shape[1] < dimension:
            waiting.appendleft(index)
        else:
            # What is outside is neither rounding nor another dimension: this block is not for choosing.
            triangle.absorb(np.delete(rows, taken[index], axis=0))
            kernel = triangle.kernel()
        waiting.extend(left_out)
        left_out.clear()
    if waiting:
        return kernel, np.inf
    return kernel, float(np.linalg.norm([*left_out.values(), triangle.times(kernel)])) if left_out else 0.0


def _is_decided(values: np.ndarray, dimension: int, outside: float, tolerance: float, bound: int) -> bool:
    """Whether the rank of the rows in the triangle, of singular values (n,), is that of all rows.

    All rows have singular values at least as large, and the largest, with columns of norm 1, is at most √n: what
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

    M mixes the columns, by random signs, a cosine transform and a random order. It changes no singular value, and lets
    the diagonal of R show the rank: the last columns depend on those before them, whichever did so before (Demmel,
    Dumitriu and Holtz, Numerische Mathematik 108, 59, 2007).
    """

    def __init__(self, n_columns: int):
        self.n_rows = 0
        self._matrix = np.zeros((n_columns, n_columns), order="F")
        generator = np.random.default_rng(0)
        self._signs, self._order = generator.choice([-1.0, 1.0], n_columns), generator.permutation(n_columns)

    def absorb(self, rows: np.ndarray) -> None:
        """Make R that of the rows so far and these, (m, n)."""
        if len(rows) == 0:
            return
        mixed = np.asfortranarray(self._mix(rows))
        panel = min(PANEL, len(self._matrix))
        self._matrix, *_ = lapack.dtpqrt(0, panel, self._matrix, mixed, overwrite_a=True, overwrite_b=True)
        self.n_rows += len(rows)

    def kernel(self) -> np.ndarray:
        """An orthonormal basis (n, k) of the kernel, as the diagonal shows it; to be checked (`times`)."""
        diagonal = np.abs(np.diagonal(self._matrix))
        small = diagonal <= CLEAR * diagonal.max()
        rank = int(np.argmax(small)) if small.any() else len(diagonal)
        dependent = -solve_triangular(self._matrix[:rank, :rank], self._matrix[:rank, rank:], check_finite=False)
        basis = np.linalg.qr(np.concatenate([dependent, np.eye(len(diagonal) - rank)]))[0]
        unmixed = np.empty_like(basis)
        unmixed[self._order] = basis
        return self._signs[:, None] * idct(unmixed, axis=0, norm="ortho")

    def times(self, kernel: np.ndarray) -> float:
        """‖R·K‖ in the Frobenius norm, for K of shape (n, k)."""
        return float(np.linalg.norm(self._matrix @ self._mix(kernel.T).T))

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

    def _mix(self, rows: np.ndarray) -> np.ndarray:
        return dct(rows * self._signs, axis=1, norm="ortho", overwrite_x=True)[:, self._order]
