"""The network and protocol of `cross_entropy_sgd`: cross-entropy, batch normalization, plain SGD ([G] Sec. III).

Each hidden layer is z → ρ(γ·BN(W z) + β): normalization between the linear map and the activation, the place Ioffe
and Szegedy (2015) gave it, with the affine γ and β of torch.nn.BatchNorm1d. A bias before the normalization would be
subtracted with the mean and get no gradient, so hidden layers have none. The last layer is linear, with a bias.
N counts weights W alone, as everywhere. The step itself is `kernels.CrossEntropySGD`.
"""

from dataclasses import dataclass

import numpy as np

from .spec import Network

NORMALIZATION_EPSILON = 1e-5  # added to the variance, as torch.nn.BatchNorm1d does
LARGEST_BATCH = 1024
LEAST_BETWEEN_CHECKS = 10  # steps


def batch_size(n_train: int) -> int:
    """min(P/2, 1024), rounded down. Raises ValueError for P < 4: one pattern alone has no variance."""
    if n_train < 4:
        raise ValueError(f"batch normalization needs batches of at least 2 patterns; P is {n_train}, take at least 4.")
    return min(n_train // 2, LARGEST_BATCH)


def check_every(n_train: int) -> int:
    """Steps between two looks at all patterns: an epoch, and no fewer than ten."""
    return max(n_train // batch_size(n_train), LEAST_BETWEEN_CHECKS)


@dataclass(frozen=True)
class Layer:
    """Where a layer lives in the flat vector: W (n_out, n_in), then γ and β (n_out,), or one bias in the last layer."""

    weights: slice
    scales: slice
    shifts: slice
    n_out: int
    n_in: int


def layers(network: Network) -> list[Layer]:
    """The L + 1 layers in order; they cover a vector of shape (N + 2Lh + 1,) once. `scales` of the last is empty."""
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
    """PyTorch's default: W and the last bias from U[−1/√f_in, 1/√f_in], γ = 1, β = 0. Shape (N + 2Lh + 1,), float64."""
    generator = np.random.default_rng(seed)
    every_layer = layers(network)
    params = np.zeros(every_layer[-1].shifts.stop)
    for layer in every_layer:
        bound = 1 / np.sqrt(layer.n_in)
        params[layer.weights] = generator.uniform(-bound, bound, layer.n_out * layer.n_in)
        params[layer.scales] = 1
    params[every_layer[-1].shifts] = generator.uniform(-bound, bound, 1)
    return params
