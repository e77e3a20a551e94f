"""The network of the protocol `cross_entropy_sgd`: cross-entropy, batch normalization, plain SGD ([G] Sec. III).

Each hidden layer is z → ρ(γ·BN(W z) + β). The normalization stands between the linear map and the activation, as in
Ioffe and Szegedy (2015), with the affine γ and β of torch.nn.BatchNorm1d. Hidden layers have no bias before the
normalization: it would be subtracted with the mean and get no gradient. The last layer is linear, with a bias.
N counts the weights W alone, as everywhere. `kernels.CrossEntropySGD` is the training step.
"""

from dataclasses import dataclass

import numpy as np

from .spec import Network

NORMALIZATION_EPSILON = 1e-5  # added to the variance, as torch.nn.BatchNorm1d does
LARGEST_BATCH = 1024
LEAST_BETWEEN_CHECKS = 10  # steps


def batch_size(n_train: int) -> int:
    """The number of patterns in a batch: min(P/2, 1024), rounded down ([G] Sec. III).

    Raises ValueError for P < 4, since a batch of one pattern has no variance.
    """
    if n_train < 4:
        raise ValueError(f"batch normalization needs batches of at least 2 patterns; P is {n_train}, take at least 4.")
    return min(n_train // 2, LARGEST_BATCH)


def check_every(n_train: int) -> int:
    """The number of steps between two looks at all patterns: one epoch, but at least ten steps."""
    return max(n_train // batch_size(n_train), LEAST_BETWEEN_CHECKS)


@dataclass(frozen=True)
class Layer:
    """The parts of a layer in the flat vector: W (n_out, n_in), then γ and β (n_out,), or a bias in the last layer."""

    weights: slice
    scales: slice
    shifts: slice
    n_out: int
    n_in: int


def layers(network: Network) -> list[Layer]:
    """The L + 1 layers in order. They cover a vector (N + 2Lh + 1,) exactly once. `scales` of the last one is empty."""
    found, start, n_in = [], 0, network.dim
    for number in range(network.depth + 1):
        last = number == network.depth
        n_out = 1 if last else network.width
        scales = start + n_out * n_in
        shifts = scales if last else scales + n_out
        found.append(Layer(slice(start, scales), slice(scales, shifts), slice(shifts, shifts + n_out), n_out, n_in))
        start, n_in = shifts + n_out, n_out
    return found


def initial_params(network: Network, seed: int) -> np.ndarray:
    """Initial parameters (N + 2Lh + 1,), float64, as PyTorch's default: γ = 1, β = 0.

    W and the last bias are uniform on [−1/√n, 1/√n] with n the number of inputs of the layer.
    """
    generator = np.random.default_rng(seed)
    every_layer = layers(network)
    params = np.zeros(every_layer[-1].shifts.stop)
    for layer in every_layer:
        bound = 1 / np.sqrt(layer.n_in)
        params[layer.weights] = generator.uniform(-bound, bound, layer.n_out * layer.n_in)
        params[layer.scales] = 1
    params[every_layer[-1].shifts] = generator.uniform(-bound, bound, 1)
    return params
