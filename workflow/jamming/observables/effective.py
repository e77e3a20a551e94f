"""N_eff, the number of parameters the output depends on near the training patterns ([G] Eq. A1–A5, [S] App. A.1).

N_eff = rk(G). The columns of G in [G] are the vectors g_μ + ê_n·∇_x g_μ with g_μ = ∇_W f(x_μ), n = 0, …, d and ê_0 = 0.
They have the same span as the vectors g_μ and ê_1·∇_x g_μ, …, ê_d·∇_x g_μ. These P·(d + 1) vectors of Ñ numbers are
used here. They are the *rows* of a matrix, which is made in blocks and never held as a whole (`rank`).

Three exact facts save work:
1. A parameter whose column is zero does not change the rank. All parameters of a dead ReLU neuron are such.
2. The output of a ReLU network is affine in x as long as no neuron switches. So patterns with the same active neurons
   give vectors with the same span, and one pattern of each such set is enough.
3. Each ReLU neuron has a scale symmetry, which leaves f unchanged for every x. So the rank cannot exceed the number of
   non-zero columns minus the number of independent symmetries. Once some patterns reach this bound, the others are
   not needed.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.linalg import orth

from .. import network as net
from ..spec import Network
from ..storage import store
from . import ObservableError, point_of, replicas, split_of, summary
from .rank import Rows, deciding_values


class EffectiveDimension(NamedTuple):
    """N_eff and the numbers behind it.

    - `singular_values`, descending: of the vectors that were needed; all other vectors lie in their span. Zero columns
      are left out, and each other column is divided by its norm over the patterns. This changes no rank. It weights all
      parameters alike, and makes the values independent of the scale symmetries.
    - `n_eff`: the number of singular values above `tolerance` times the largest.
    - `gap`: the last value counted over the first one not counted; infinite if that one is zero or does not exist.
    - `bound`: the largest n_eff possible, which is Ñ − `n_zero_columns` − `n_symmetries`.
    - `n_vectors` = P·(d + 1); `n_vectors_used`: the number of vectors that were needed.
    """

    n_eff: int
    singular_values: np.ndarray
    tolerance: float
    gap: float
    bound: int
    n_zero_columns: int
    n_symmetries: int
    n_vectors: int
    n_vectors_used: int


def tangent_vectors(params: np.ndarray, inputs: np.ndarray, network: Network) -> np.ndarray:
    """∇_W f(x_μ) and its derivatives along ê_1, …, ê_d: shape (P, d + 1, n_params) for inputs of shape (P, dim).

    ∂f/∂W^i_γη = δ^i_γ z^{i−1}_η, so its derivative along ê_n is δ'^i_γ z^{i−1}_η + δ^i_γ z'^{i−1}_η, where z'^0 = ê_n,
    z'^i = ρ'(a^i) a'^i, a'^i = W^i z'^{i−1}, and δ'^i = ρ'(a^i) (W^{i+1})ᵀ δ'^{i+1} + ρ''(a^i) a'^i (W^{i+1})ᵀ δ^{i+1}
    with δ'^{L+1} = 0. For ReLU ρ'' = 0 and hence δ' = 0.
    """
    n_patterns = len(inputs)
    _, pre = net.forward(params, inputs, network)
    errors = net.backward(params, pre, network)
    below = [inputs, *[net.activate(a, network.activation) for a in pre]]
    moved_pre, moved_below = _moved_activities(params, pre, network)
    moved_errors = _moved_errors(params, pre, errors, moved_pre, network)

    vectors = np.empty((n_patterns, network.dim + 1, network.n_params))
    parts = zip(net.layers(network), below, errors, moved_below, moved_errors, strict=True)
    for layer, active, error, moved_active, moved_error in parts:
        weights = np.empty((n_patterns, network.dim + 1, layer.n_out, layer.n_in))
        np.multiply(error[:, :, None], active[:, None, :], out=weights[:, 0])
        np.multiply(error[:, None, :, None], moved_active[:, :, None, :], out=weights[:, 1:])
        vectors[:, 0, layer.biases] = error
        vectors[:, 1:, layer.biases] = 0
        if moved_error is not None:
            weights[:, 1:] += moved_error[..., None] * active[:, None, None, :]
            vectors[:, 1:, layer.biases] = moved_error
        vectors[:, :, layer.weights] = weights.reshape(n_patterns, network.dim + 1, -1)
    return vectors


def effective_dimension(params: np.ndarray, inputs: np.ndarray, network: Network) -> EffectiveDimension:
    """N_eff at the parameters (n_params,) and the training patterns (P, dim).

    Raises ObservableError if there is no pattern or a parameter is not finite.
    """
    if len(inputs) == 0 or not np.all(np.isfinite(params)):
        raise ObservableError("N_eff needs at least one pattern and finite parameters; train the network again.")
    n_vectors = len(inputs) * (network.dim + 1)
    inputs = inputs[_one_per_region(params, inputs, network)]
    norms = _column_norms(params, inputs, network)
    live = norms > 0
    symmetries = _symmetries(params, norms, network)[:, live]
    n_live, bound = int(live.sum()), int(live.sum()) - len(symmetries)

    # The usual choice for a matrix of these dimensions. Rounding changes singular values by less.
    tolerance = max(n_vectors, network.n_params) * float(np.finfo(np.float64).eps)
    blocks = list(_blocks(len(inputs), network))

    def rows_of(index: int) -> np.ndarray:
        return tangent_vectors(params, inputs[blocks[index]], network).reshape(-1, network.n_params)

    rows = Rows(rows_of, len(blocks), len(inputs) * (network.dim + 1), norms)
    values, n_used = deciding_values(rows, tolerance, bound)
    n_eff = int(np.sum(values > tolerance * values[0]))
    return EffectiveDimension(
        n_eff=n_eff,
        singular_values=values,
        tolerance=tolerance,
        gap=_gap(values, n_eff),
        bound=bound,
        n_zero_columns=network.n_params - n_live,
        n_symmetries=len(symmetries),
        n_vectors=n_vectors,
        n_vectors_used=n_used,
    )


def measure(run: store.Result, dataset: store.Result) -> dict:
    """The tree of a result of kind "effective": N_eff of every replica before and after training.

    Raises ObservableError if a replica was not trained on this dataset, or if its initial state was not kept.
    """
    point = point_of(run)
    tree = {}
    for name, replica in replicas(run):
        inputs, state = split_of(run, name, dataset).train_inputs, replica["state"]
        if state["step"][0] != 0:
            raise ObservableError(
                f"{name} of the run {point.sweep}, P = {point.n_train} does not hold its initial state; train it again."
            )
        found = {
            when: effective_dimension(np.asarray(state["params"][index], dtype=np.float64), inputs, point.network)
            for when, index in (("initial", 0), ("final", -1))
        }
        tree[name] = {
            **summary(point, replica),
            "n_params": point.network.n_params,
            "n_hidden": point.network.n_hidden,
            **{f"n_eff_{when}": dimension.n_eff for when, dimension in found.items()},
            **{when: dimension._asdict() for when, dimension in found.items()},
        }
    return tree


def _moved_activities(
    params: np.ndarray, pre: list[np.ndarray], network: Network
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The derivatives a'^1, …, a'^L and z'^0, …, z'^L along ê_1, …, ê_d: each of shape (P, d, n_i)."""
    moved_pre = []
    moved_below = [np.broadcast_to(np.eye(network.dim), (len(pre[0]), network.dim, network.dim))]
    for (weights, _), a in zip(net.unpack(params, network), pre, strict=False):
        moved_pre.append(moved_below[-1] @ weights.T)
        moved_below.append(net.slope(a, network.activation)[:, None, :] * moved_pre[-1])
    return moved_pre, moved_below


def _moved_errors(
    params: np.ndarray, pre: list[np.ndarray], errors: list[np.ndarray], moved_pre: list[np.ndarray], network: Network
) -> list[np.ndarray | None]:
    """The derivatives δ'^1, …, δ'^{L+1} along ê_1, …, ê_d: each of shape (P, d, n_i), or None where it vanishes."""
    if network.activation == "relu":
        return [None] * (network.depth + 1)
    weights = [weights for weights, _ in net.unpack(params, network)]
    found = [np.zeros((len(pre[0]), network.dim, 1))]
    for i in reversed(range(network.depth)):
        bend = net.curvature(pre[i], network.activation) * (errors[i + 1] @ weights[i + 1])
        slope = net.slope(pre[i], network.activation)
        found.insert(0, slope[:, None, :] * (found[0] @ weights[i + 1]) + bend[:, None, :] * moved_pre[i])
    return found


def _one_per_region(params: np.ndarray, inputs: np.ndarray, network: Network) -> np.ndarray:
    """Indices of the patterns to use: for ReLU one pattern for each set of active neurons, otherwise all.

    Patterns that activate rarely active neurons come first, so that the bound is reached early.
    """
    if network.activation != "relu":
        return np.arange(len(inputs))
    _, pre = net.forward(params, inputs, network)
    active = np.concatenate(pre, axis=1) > 0
    _, first = np.unique(np.packbits(active, axis=1), axis=0, return_index=True)
    active = active[first]
    rarity = active @ (1 / np.maximum(active.sum(axis=0), 1))
    return first[np.argsort(-rarity, kind="stable")]


def _column_norms(params: np.ndarray, inputs: np.ndarray, network: Network) -> np.ndarray:
    """Euclidean norm of each parameter's column of the matrix, shape (n_params,)."""
    squares = np.zeros(network.n_params)
    for block in _blocks(len(inputs), network):
        vectors = tangent_vectors(params, inputs[block], network)
        squares += np.einsum("bni,bni->i", vectors, vectors)
    return np.sqrt(squares)


def _symmetries(params: np.ndarray, norms: np.ndarray, network: Network) -> np.ndarray:
    """The scale symmetries of ReLU neurons: orthonormal rows (K, n_params) along which f does not change for any x.

    The direction of one neuron holds its incoming weights and bias, minus its outgoing weights, and 0 elsewhere. It is
    given in the coordinates in which each non-zero column has been divided by its norm.
    """
    if network.activation != "relu":
        return np.empty((0, network.n_params))
    index, modes = np.arange(network.n_params), []
    for into, out in pairwise(net.layers(network)):
        incoming = index[into.weights].reshape(into.n_out, into.n_in)
        outgoing = index[out.weights].reshape(out.n_out, out.n_in)
        for neuron in range(into.n_out):
            mode = np.zeros(network.n_params)
            enters = [*incoming[neuron], index[into.biases][neuron]]
            mode[enters] = params[enters]
            mode[outgoing[:, neuron]] = -params[outgoing[:, neuron]]
            modes.append(mode * norms)
    lengths = np.linalg.norm(modes, axis=1)
    unit = np.array([mode / length for mode, length in zip(modes, lengths, strict=True) if length > 0])
    return orth(unit.T).T if len(unit) else np.empty((0, network.n_params))


def _blocks(n_patterns: int, network: Network) -> Iterator[slice]:
    """Blocks of patterns with about Ñ rows each, so that no block is much larger than the triangle of `rank`."""
    size = -(-network.n_params // (network.dim + 1))
    for start in range(0, n_patterns, size):
        yield slice(start, min(start + size, n_patterns))


def _gap(values: np.ndarray, n_counted: int) -> float:
    """σ_r / σ_{r+1} with r = `n_counted`; infinite if σ_{r+1} is zero or does not exist."""
    if n_counted == len(values) or values[n_counted] == 0:
        return float("inf")
    return float(values[n_counted - 1] / values[n_counted])
