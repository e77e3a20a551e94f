"""The last displacements and changes of the gradient, and the inverse Hessian that BFGS computes from them.

The two loops of Nocedal (1980) visit the pairs one by one. Here they are two triangular systems, solved by four
products of a matrix with a vector. So a hundred pairs cost little compared with one evaluation of the gradient.
"""

import math

import numpy as np

from .blocks import VECTOR_BYTES, zeros

SMALLEST = 1e-200
"""A pair with a smaller displacement·change is left out, since a division by it would overflow."""


class Pairs:
    """At most `memory` pairs of vectors (n,), the oldest first: displacements s_i and changes y_i with s_i·y_i > 0.

    The pairs are rows of arrays that have twice as many rows as needed. A new pair goes behind the last one. At the end
    of the arrays, all pairs move to the front. Products of arrays with the same offsets have the same bits.
    """

    def __init__(self, size: int, memory: int):
        """`size` is n. Raises ValueError for a memory below 1."""
        if memory < 1:
            raise ValueError(f"L-BFGS needs a memory of one pair or more, not {memory}.")
        self._size, self._memory = size, memory
        # Each row is filled up with zeros to whole vector registers of the processor.
        numbers = VECTOR_BYTES // 8
        row = math.ceil(size / numbers) * numbers
        self._displacements, self._changes = (zeros((2 * memory, row), "float64") for _ in range(2))
        # The inverse of R_ij = s_i·y_j, i ≤ j. If the oldest pair is dropped, its row and column are dropped too.
        self._inverse = np.zeros((2 * memory, 2 * memory))
        self._curvatures = np.zeros(2 * memory)
        self._first = self._end = 0

    def __len__(self) -> int:
        return self._end - self._first

    def clear(self) -> None:
        """Forget all pairs."""
        self._first = self._end = 0

    def append(self, displacement: np.ndarray, change: np.ndarray) -> None:
        """Add a pair with displacement·change > 0. If there are more than `memory` pairs, drop the oldest one."""
        if displacement @ change < SMALLEST:
            return
        if self._end == 2 * self._memory:
            self._move_to_front()
        if len(self) == self._memory:
            self._first += 1
        before, last = self._window, self._end
        self._displacements[last, : self._size] = displacement
        self._changes[last, : self._size] = change
        curvature = self._displacements[last] @ self._changes[last]
        column = self._inverse[before, before] @ (self._displacements[before] @ self._changes[last])
        self._inverse[before, last] = -column / curvature
        self._inverse[last, before] = 0
        self._inverse[last, last] = 1 / curvature
        self._curvatures[last] = curvature
        self._end += 1

    def times_inverse_hessian(self, vector: np.ndarray) -> np.ndarray:
        """H v (n,). H is the BFGS matrix that starts from γ·1, γ = s·y / y·y of the last pair.

        Equations: Nocedal and Wright (2006), Algorithm 7.4 and Eq. 7.20. The rows of S and Y are the pairs, R is the
        upper triangle of S Yᵀ, and D is its diagonal. R α = S v gives the weights of the first loop, and
        q = v − α Y. Rᵀ β = D α − γ Y q gives those of the second loop, and H v = γ q + β S.
        """
        if not len(self):
            return np.array(vector)
        window = self._window
        displacements, changes, inverse = (
            self._displacements[window],
            self._changes[window],
            self._inverse[window, window],
        )
        curvatures = self._curvatures[window]
        padded = np.zeros(displacements.shape[1])
        padded[: self._size] = vector
        first = inverse @ (displacements @ padded)
        rest = padded - first @ changes
        rest *= curvatures[-1] / (changes[-1] @ changes[-1])
        second = (curvatures * first - changes @ rest) @ inverse
        return (rest + second @ displacements)[: self._size]

    def state(self) -> dict[str, np.ndarray | int]:
        """Copies of the pairs and their place in the arrays. `load_state` continues from them with the same bits."""
        window = self._window
        return {
            "first": self._first,
            "displacements": np.array(self._displacements[window, : self._size]),
            "changes": np.array(self._changes[window, : self._size]),
            "curvatures": np.array(self._curvatures[window]),
            "inverse": np.array(self._inverse[window, window]),
        }

    def load_state(self, state: dict[str, np.ndarray | int]) -> None:
        """Restore a state that an instance with the same memory returned."""
        self._first = int(state["first"])
        self._end = self._first + len(state["changes"])
        window = self._window
        self._displacements[window, : self._size] = state["displacements"]
        self._changes[window, : self._size] = state["changes"]
        self._curvatures[window] = state["curvatures"]
        self._inverse[window, window] = state["inverse"]

    @property
    def _window(self) -> slice:
        return slice(self._first, self._end)

    def _move_to_front(self) -> None:
        window, front = self._window, slice(0, len(self))
        for array in (self._displacements, self._changes, self._curvatures):
            array[front] = array[window]
        self._inverse[front, front] = self._inverse[window, window]
        self._first, self._end = 0, len(self)
