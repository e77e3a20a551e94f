"""A fully-connected network: the layout of its flat parameter vector, initial state, forward and backward pass.

The network is that of [G] Eq. 6–8. The flat vector is W¹, b¹, W², b², …, W^{L+1}, b^{L+1}, each W in C order with shape
(outputs, inputs). Pre-activations are a = W z + b. The papers write −B for b; this is a matter of sign only.
ReLU'(0) = 0.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .spec import Network


@dataclass(frozen=True)
class Layer:
    """The parts of a layer in the flat vector: its weights (n_out, n_in) and its biases (n_out,)."""

    weights: slice
    biases: slice
    n_out: int
    n_in: int


def layers(network: Network) -> list[Layer]:
    """The L + 1 layers in order. Together they cover the flat vector (n_params,) exactly once."""
    widths = [network.dim, *[network.width] * network.depth, 1]
    found, start = [], 0
    for n_in, n_out in pairwise(widths):
        middle, end = start + n_out * n_in, start + n_out * n_in + n_out
        found.append(Layer(slice(start, middle), slice(middle, end), n_out, n_in))
        start = end
    return found


def unpack(params: np.ndarray, network: Network) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each layer the views W (n_out, n_in) and b (n_out,) into a flat vector (n_params,)."""
    return [(params[layer.weights].reshape(layer.n_out, layer.n_in), params[layer.biases]) for layer in layers(network)]


def initial_params(network: Network, seed: int) -> np.ndarray:
    """Orthogonal weights (Saxe et al. 2014; Haar measure, gain 1) and zero biases: shape (n_params,), float64."""
    generator = np.random.default_rng(seed)
    params = np.zeros(network.n_params)
    for weights, _ in unpack(params, network):
        tall = generator.standard_normal((max(weights.shape), min(weights.shape)))
        q, r = np.linalg.qr(tall)
        q = q * np.sign(np.diag(r))  # makes the factorization unique, and so Q uniform on the Stiefel manifold
        weights[:] = q if weights.shape == q.shape else q.T
    return params


def activate(pre: np.ndarray, activation: str) -> np.ndarray:
    """ρ(a), elementwise."""
    return np.maximum(pre, 0) if activation == "relu" else np.tanh(pre)


def forward(params: np.ndarray, inputs: np.ndarray, network: Network) -> tuple[np.ndarray, list[np.ndarray]]:
    """Outputs f(x), shape (P,), and the pre-activations of the L hidden layers, each (P, width).

    `inputs` has shape (P, dim).
    """
    *hidden, (last_weights, last_bias) = unpack(params, network)
    active, pre_activations = inputs, []
    for weights, biases in hidden:
        pre = active @ weights.T + biases
        pre_activations.append(pre)
        active = activate(pre, network.activation)
    return (active @ last_weights.T + last_bias)[:, 0], pre_activations


def slope(pre: np.ndarray, activation: str) -> np.ndarray:
    """ρ'(a), elementwise, float64; ReLU'(0) = 0."""
    return (pre > 0).astype(np.float64) if activation == "relu" else 1 - np.tanh(pre) ** 2


def curvature(pre: np.ndarray, activation: str) -> np.ndarray:
    """ρ''(a), elementwise; zero for ReLU, also on its cusp."""
    if activation == "relu":
        return np.zeros_like(pre)
    active = np.tanh(pre)
    return -2 * active * (1 - active**2)


def backward(params: np.ndarray, pre_activations: list[np.ndarray], network: Network) -> list[np.ndarray]:
    """δ^j = ∂f/∂a^j for j = 1, …, L + 1: L arrays of shape (P, width), then one of shape (P, 1), all ones.

    `pre_activations` are those that `forward` returns.
    """
    weights = [weights for weights, _ in unpack(params, network)]
    found = [np.ones((len(pre_activations[-1]), 1))]
    for pre, above in zip(reversed(pre_activations), reversed(weights[1:]), strict=True):
        found.insert(0, slope(pre, network.activation) * (found[0] @ above))
    return found


def output_gradients(params: np.ndarray, inputs: np.ndarray, network: Network) -> np.ndarray:
    """∇f(x_μ) over all parameters for inputs (P, dim): shape (P, n_params), in the order of the flat vector."""
    _, pre_activations = forward(params, inputs, network)
    below = [inputs, *[activate(pre, network.activation) for pre in pre_activations]]
    gradients = np.empty((len(inputs), network.n_params))
    for layer, active, error in zip(layers(network), below, backward(params, pre_activations, network), strict=True):
        gradients[:, layer.weights] = (error[:, :, None] * active[:, None, :]).reshape(len(inputs), -1)
        gradients[:, layer.biases] = error
    return gradients
