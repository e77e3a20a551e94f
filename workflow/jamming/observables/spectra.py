"""Spectra of the Hessian of the hinge loss and of its two parts, H = H_0 + H_p ([G] Eq. 3, Sec. V).

H_0 = (1/P) Σ_m ∇Δ ⊗ ∇Δ and H_p = (1/P) Σ_m Δ ∇⊗∇Δ. The sums run over the unsatisfied patterns (Δ > 0), and derivatives
over all Ñ parameters, weights and biases. Both are exact, in float64. H_0 is one matrix product. H_p is assembled layer
by layer from matrix products over patterns.
"""

from typing import NamedTuple

import numpy as np

from .. import losses
from .. import network as net
from ..criteria import End
from ..spec import Network
from ..storage import store
from . import final_params, point_of, replicas, split_of, summary

# Size of one array (patterns in a block, n_params) of doubles. A few of them exist at a time. They are small compared
# with the matrix, and large enough for matrix products at full speed.
BLOCK_BYTES = 64e6


class Spectra(NamedTuple):
    """Eigenvalues in ascending order, each of shape (n_params,), in the units of 𝓛 per squared parameter."""

    h0: np.ndarray
    hp: np.ndarray
    h: np.ndarray


def h0(params: np.ndarray, inputs: np.ndarray, labels: np.ndarray, network: Network, margin: float) -> np.ndarray:
    """H_0 = (1/P) Σ_{Δ>0} ∇Δ ⊗ ∇Δ, shape (Ñ, Ñ); inputs (P, dim), labels (P,). Zero if no pattern is unsatisfied."""
    delta = losses.overlaps(net.forward(params, inputs, network)[0], labels, margin)
    unsatisfied = inputs[delta > 0]
    matrix = np.zeros((network.n_params, network.n_params))
    for block in _blocks(len(unsatisfied), network):
        gradients = net.output_gradients(params, unsatisfied[block], network)  # ∇Δ = −y ∇f, and y² = 1
        matrix += gradients.T @ gradients
    matrix /= len(inputs)
    return matrix


def hp(params: np.ndarray, inputs: np.ndarray, labels: np.ndarray, network: Network, margin: float) -> np.ndarray:
    """H_p = (1/P) Σ_{Δ>0} Δ ∇⊗∇Δ, shape (Ñ, Ñ); inputs (P, dim), labels (P,). Zero if no pattern is unsatisfied."""
    delta = losses.overlaps(net.forward(params, inputs, network)[0], labels, margin)
    chosen = delta > 0
    coefficients = -(labels * delta)[chosen] / len(inputs)  # ∇⊗∇Δ = −y ∇⊗∇f
    return output_hessian(params, inputs[chosen], coefficients, network)


def output_hessian(params: np.ndarray, inputs: np.ndarray, coefficients: np.ndarray, network: Network) -> np.ndarray:
    """Σ_μ c_μ ∇⊗∇f(x_μ), shape (Ñ, Ñ), for inputs (P, dim) and coefficients (P,).

    With z⁰ = x, a^j = W^j z^{j−1} + b^j, z^j = ρ(a^j) and δ^j = ∂f/∂a^j, the gradient is ∂f/∂W^j_γη = δ^j_γ z^{j−1}_η.
    It depends on an earlier (or the same) layer i only through that layer's pre-activations. Hence for i ≤ j

        ∂²f / ∂W^i_αβ ∂W^j_γη = z^{i−1}_β [ δ^j_γ ∂z^{j−1}_η/∂a^i_α + z^{j−1}_η ∂δ^j_γ/∂a^i_α ],

    and a bias is a weight whose z is 1. The second term vanishes for ReLU, the first for i = j and for the bias of j.
    Each term is a product of a factor in (β, γ) or (β, η) and a factor in the other two indices. So for each α the sum
    over patterns is one matrix product.
    """
    matrix = np.zeros((network.n_params, network.n_params))
    for block in _blocks(len(inputs), network):
        _add_block(matrix, params, inputs[block], coefficients[block], network)
    return _mirror(matrix)


def h0_eigenvalues(
    params: np.ndarray, inputs: np.ndarray, labels: np.ndarray, network: Network, margin: float
) -> np.ndarray:
    """Eigenvalues of H_0, ascending, shape (n_params,).

    Let J be the matrix of the N_Δ rows ∇Δ_m. Then H_0 = JᵀJ/P and the Gram matrix JJᵀ/P have the same eigenvalues,
    except for exact zeros. The smaller matrix is diagonalised: near jamming, at N_Δ ≈ 0.75 N, this takes 0.4 of the
    time.
    """
    delta = losses.overlaps(net.forward(params, inputs, network)[0], labels, margin)
    unsatisfied = inputs[delta > 0]
    if not 0 < len(unsatisfied) < network.n_params:
        return eigenvalues(h0(params, inputs, labels, network, margin))
    gradients = net.output_gradients(params, unsatisfied, network)
    gram = gradients @ gradients.T
    del gradients
    gram /= len(inputs)
    return np.sort(np.concatenate([eigenvalues(gram), np.zeros(network.n_params - len(unsatisfied))]))


def spectra(params: np.ndarray, inputs: np.ndarray, labels: np.ndarray, network: Network, margin: float) -> Spectra:
    """Eigenvalues of H_0, H_p and H = H_0 + H_p. At most three matrices of (Ñ, Ñ) doubles exist at a time."""
    data = (params, inputs, labels, network, margin)
    eigenvalues_h0 = h0_eigenvalues(*data)
    second = hp(*data)
    eigenvalues_hp = eigenvalues(second)
    second += h0(*data)
    return Spectra(eigenvalues_h0, eigenvalues_hp, eigenvalues(second))


def eigenvalues(matrix: np.ndarray) -> np.ndarray:
    """Eigenvalues of a symmetric matrix (n, n), ascending."""
    return np.linalg.eigvalsh(matrix)


def zero_tolerance(n_params: int) -> float:
    """The ratio |λ| / max|λ| below which an eigenvalue of an (Ñ, Ñ) matrix counts as zero: Ñ times machine epsilon."""
    return n_params * float(np.finfo(np.float64).eps)


def counts(found: Spectra) -> dict:
    """The numbers rank_h0, n_zero_hp, n_negative_hp, n_positive_hp and n_negative_h, and the zero_tolerance used.

    An eigenvalue counts as zero if |λ| is at most `zero_tolerance` times the largest |λ| of its matrix.
    """
    relative = zero_tolerance(len(found.hp))
    zero_h0, zero_hp, zero_h = (relative * np.max(np.abs(values)) for values in found)
    return {
        "rank_h0": int(np.sum(np.abs(found.h0) > zero_h0)),
        "n_zero_hp": int(np.sum(np.abs(found.hp) <= zero_hp)),
        "n_negative_hp": int(np.sum(found.hp < -zero_hp)),
        "n_positive_hp": int(np.sum(found.hp > zero_hp)),
        "n_negative_h": int(np.sum(found.h < -zero_h)),
        "zero_tolerance": relative,
    }


def measure(run: store.Result, dataset: store.Result, max_loss: float, max_spectra: int) -> dict:
    """The tree of a result of kind "spectra": spectra of the replicas near jamming at the end of training.

    Near jamming means jammed with 𝓛 < `max_loss` ([G] Fig. 6b, the black rectangle; `criteria.End`). The first
    `max_spectra` such replicas are measured; the others have `measured` = False and no eigenvalues.
    Raises ObservableError if a replica was not trained on this dataset.
    """
    point = point_of(run)
    tree, left = {"max_loss": max_loss}, max_spectra
    for name, replica in replicas(run):
        described = summary(point, replica)
        measured = left > 0 and End.from_tree(described).is_near_jamming(max_loss)
        tree[name] = {
            **described,
            "measured": measured,
            "n_params": point.network.n_params,
            "n_hidden": point.network.n_hidden,
        }
        if measured:
            left -= 1
            data = split_of(run, name, dataset)
            found = spectra(
                final_params(replica), data.train_inputs, data.train_labels, point.network, point.protocol.margin
            )
            tree[name] |= counts(found) | {"eigenvalues": found._asdict()}
    return tree


def _blocks(n_patterns: int, network: Network) -> list[slice]:
    size = max(1, int(BLOCK_BYTES / (8 * network.n_params)))
    return [slice(start, min(start + size, n_patterns)) for start in range(0, n_patterns, size)]


def _mirror(matrix: np.ndarray, strip: int = 256) -> np.ndarray:
    """Copy the upper triangle onto the lower one, in place. It works in strips, which need no second matrix."""
    n = len(matrix)
    for start in range(0, n, strip):
        end = min(start + strip, n)
        corner = matrix[start:end, start:end]
        corner[:] = np.triu(corner) + np.triu(corner, 1).T
        matrix[end:, start:end] = matrix[start:end, end:].T
    return matrix


def _add_block(
    matrix: np.ndarray, params: np.ndarray, inputs: np.ndarray, coefficients: np.ndarray, network: Network
) -> None:
    """Add Σ_μ c_μ ∇⊗∇f(x_μ) of one block of patterns to the blocks i ≤ j of `matrix`."""
    smooth = network.activation != "relu"
    _, pre = net.forward(params, inputs, network)
    errors = net.backward(params, pre, network)
    slopes = [net.slope(a, network.activation) for a in pre]
    # z^{i−1} with a 1 appended, so that the bias is the last column of the weights; and c_μ δ^j.
    below = [_with_one(active) for active in [inputs, *[net.activate(a, network.activation) for a in pre]]]
    weighted = [coefficients[:, None] * error for error in errors]
    all_layers = net.layers(network)

    for i, early in enumerate(all_layers[:-1]):
        sensitivities = _sensitivities(params, slopes, i, network)
        for j in range(i + 1, len(all_layers)):
            late = all_layers[j]
            left = _pairs(below[i], weighted[j])  # (B, β, γ)
            if j == i + 1:
                _add_adjacent(matrix, early, late, left, slopes[i])
            else:
                _add_through(matrix, early, late, left, slopes[j - 1][:, :, None] * sensitivities[j - 1 - i])
        if smooth:
            responses = _responses(params, pre, slopes, errors, sensitivities, i, network)
            for j, response in enumerate(responses, start=i):
                bent = coefficients[:, None, None] * response
                _add_bent(matrix, early, all_layers[j], _pairs(below[i], below[j]), bent)


def _with_one(active: np.ndarray) -> np.ndarray:
    return np.concatenate([active, np.ones((len(active), 1))], axis=1)


def _pairs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """All products of a column of `first` and a column of `second`: (B, p), (B, q) → (B, p, q)."""
    return first[:, :, None] * second[:, None, :]


def _sensitivities(params: np.ndarray, slopes: list[np.ndarray], i: int, network: Network) -> list[np.ndarray]:
    """∂a^k/∂a^i for the hidden layers k = i, …, L: each of shape (B, n_k, n_i). Layers count from 0."""
    weights = [weights for weights, _ in net.unpack(params, network)]
    n_patterns, n_early = slopes[i].shape
    found = [np.broadcast_to(np.eye(n_early), (n_patterns, n_early, n_early))]
    for k in range(i + 1, network.depth):
        found.append(weights[k] @ (slopes[k - 1][:, :, None] * found[-1]))
    return found


def _responses(
    params: np.ndarray,
    pre: list[np.ndarray],
    slopes: list[np.ndarray],
    errors: list[np.ndarray],
    sensitivities: list[np.ndarray],
    i: int,
    network: Network,
) -> list[np.ndarray]:
    """∂δ^j/∂a^i for the hidden layers j = i, …, L: each of shape (B, n_j, n_i). Layers count from 0.

    They follow from δ^j = ρ'(a^j) (W^{j+1})ᵀ δ^{j+1}. The δ of the output is 1, so its derivative is 0.
    """
    weights = [weights for weights, _ in net.unpack(params, network)]
    found: list[np.ndarray] = []
    for j in range(network.depth - 1, i - 1, -1):
        bend = net.curvature(pre[j], network.activation) * (errors[j + 1] @ weights[j + 1])
        response = bend[:, :, None] * sensitivities[j - i]
        if found:
            response += slopes[j][:, :, None] * (weights[j + 1].T @ found[0])
        found.insert(0, response)
    return found


def _add_adjacent(matrix: np.ndarray, early: net.Layer, late: net.Layer, left: np.ndarray, slopes: np.ndarray) -> None:
    """Add the term Σ_μ c z_β δ_γ ∂z_η/∂a_α for j = i + 1. There z_η depends on a_η alone, so only η = α enters."""
    n_patterns, n_beta, n_gamma = left.shape
    found = (left.reshape(n_patterns, -1).T @ slopes).reshape(n_beta, n_gamma, early.n_out)
    weights = matrix[early.weights, late.weights].reshape(early.n_out, early.n_in, late.n_out, late.n_in)
    np.einsum("abca->bca", weights)[...] += found[:-1]
    biases = matrix[early.biases, late.weights].reshape(early.n_out, late.n_out, late.n_in)
    np.einsum("aca->ca", biases)[...] += found[-1]


def _add_through(matrix: np.ndarray, early: net.Layer, late: net.Layer, left: np.ndarray, carried: np.ndarray) -> None:
    """Add the term Σ_μ c z_β δ_γ ∂z_η/∂a_α for j > i + 1; `carried` is ∂z^{j−1}_η/∂a^i_α, shape (B, η, α)."""
    n_patterns, n_beta, _ = left.shape
    flat = left.reshape(n_patterns, -1).T
    for alpha in range(early.n_out):
        found = (flat @ carried[:, :, alpha]).reshape(n_beta, -1)
        rows = _rows(early, alpha)
        matrix[rows, late.weights] += found[:-1]
        matrix[early.biases.start + alpha, late.weights] += found[-1]


def _add_bent(matrix: np.ndarray, early: net.Layer, late: net.Layer, pairs: np.ndarray, bent: np.ndarray) -> None:
    """Add the term Σ_μ z_β z_η c ∂δ_γ/∂a_α; `pairs` is z_β z_η (B, β, η), `bent` is c ∂δ_γ/∂a_α (B, γ, α)."""
    n_patterns, n_beta, n_eta = pairs.shape
    flat = pairs.reshape(n_patterns, -1)
    for alpha in range(early.n_out):
        found = (bent[:, :, alpha].T @ flat).reshape(late.n_out, n_beta, n_eta).transpose(1, 0, 2)
        rows, bias = _rows(early, alpha), early.biases.start + alpha
        matrix[rows, late.weights] += found[:-1, :, :-1].reshape(n_beta - 1, -1)
        matrix[rows, late.biases] += found[:-1, :, -1]
        matrix[bias, late.weights] += found[-1, :, :-1].reshape(-1)
        matrix[bias, late.biases] += found[-1, :, -1]


def _rows(layer: net.Layer, alpha: int) -> slice:
    """The part of the flat vector that holds the weights into neuron `alpha`."""
    start = layer.weights.start + alpha * layer.n_in
    return slice(start, start + layer.n_in)
