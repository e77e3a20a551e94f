"""One training step of `cross_entropy_sgd`: cross-entropy, batch normalization, minibatches, plain SGD ([G] Sec. III).

Each hidden layer is z → ρ(γ·BN(W z) + β): normalization between the linear map and the activation, the place Ioffe
and Szegedy (2015) gave it, with the affine γ and β of torch.nn.BatchNorm1d. A bias before the normalization would be
subtracted with the mean and get no gradient, so hidden layers have none. The last layer is linear, with a bias.
N counts weights W alone, as everywhere.

Activations are stored features × patterns, as in kernels/torch_step.py.
"""

from dataclasses import dataclass

import numpy as np
import torch

from .spec import Network, Protocol

NORMALIZATION_EPSILON = 1e-5  # added to the variance, as torch.nn.BatchNorm1d does
LARGEST_BATCH = 1024


def learning_rate(protocol: Protocol, step: int) -> float:
    """The rate of the update that leads from `step` to `step + 1`: `rate` in the first half, then `floor`."""
    return protocol.rate if 2 * step < protocol.steps else protocol.floor


def batch_size(n_train: int) -> int:
    """min(P/2, 1024), rounded down. Raises ValueError for P < 4: one pattern alone has no variance."""
    if n_train < 4:
        raise ValueError(f"batch normalization needs batches of at least 2 patterns; P is {n_train}, take at least 4.")
    return min(n_train // 2, LARGEST_BATCH)


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


class CrossEntropySGD:
    """A batch-normalized network under SGD on ℓ = log(1 + e^{−y f}), the mean over each batch.

    An epoch goes through a permutation of the patterns that follows from the seed and the epoch's number alone; what
    is left over from its last full batch is not used in that epoch. Attributes: `params`, `gradient` (N + 2Lh + 1,),
    `outputs` (P,) as of the last `evaluate_all`, and `step`.
    """

    def __init__(
        self,
        network: Network,
        params: np.ndarray,
        inputs: np.ndarray,
        labels: np.ndarray,
        seed: int,
        dtype: torch.dtype = torch.float64,
        device: str = "cpu",
    ):
        """`params` as `initial_params` has them, `inputs` (P, d), `labels` (P,) of ±1; `seed` orders the batches."""
        options = {"dtype": dtype, "device": device}
        self.network, self.seed, self.step = network, seed, 0
        self.inputs = torch.tensor(np.ascontiguousarray(inputs.T), **options)
        self.labels = torch.tensor(labels, **options)
        self.params = torch.tensor(params, **options)
        self.gradient, self.outputs = torch.zeros_like(self.params), torch.zeros_like(self.labels)
        self.batch_size = batch_size(len(labels))
        self.steps_per_epoch = len(labels) // self.batch_size
        self._layers, self._gradients = self._views(self.params), self._views(self.gradient)
        self._epoch = -1

    def train_step(self, rate: float) -> None:
        """One SGD step on the next batch: fills `gradient`, moves `params`."""
        inputs, labels = self._next_batch()
        outputs, active, normalized = self._forward(inputs)
        self._backward(self._sensitivity(outputs, labels)[None, :], active, normalized)
        self.params.add_(self.gradient, alpha=-rate)
        self.step += 1

    def evaluate_all(self) -> torch.Tensor:
        """Fill and return `outputs` (P,): the whole training set as one batch.

        Its own mean and variance normalize each layer. So f depends on the parameters alone, and is the network that
        evaluation mode would give if the running averages had caught up with the present parameters.
        """
        self.outputs = self._forward(self.inputs)[0]
        return self.outputs

    def state(self) -> dict[str, np.ndarray]:
        """A copy of the parameters, from which `load_state` goes on with the same bits."""
        return {"params": self.params.cpu().numpy().copy()}

    def load_state(self, state: dict[str, np.ndarray], step: int) -> None:
        """Put the optimizer where `state` was taken, after `step` updates."""
        self.params.copy_(torch.tensor(state["params"]))
        self.step = step

    def _next_batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs (d, B) and labels (B,)."""
        epoch, number = divmod(self.step, self.steps_per_epoch)
        if epoch != self._epoch:
            order = np.random.default_rng([self.seed, epoch]).permutation(len(self.labels))
            order = torch.from_numpy(order).to(self.labels.device)
            # One gather an epoch, from which batches are slices.
            self._shuffled_inputs = self.inputs.gather(1, order.expand(len(self.inputs), -1))
            self._shuffled_labels, self._epoch = self.labels[order], epoch
        batch = slice(number * self.batch_size, (number + 1) * self.batch_size)
        return self._shuffled_inputs[:, batch], self._shuffled_labels[batch]

    @staticmethod
    def _sensitivity(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """∂ℓ/∂f = −y / (1 + e^{y f}) for the mean over a batch: shape (B,)."""
        return torch.sigmoid(-labels * outputs).mul_(labels).mul_(-1 / len(labels))

    def _forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, list, list]:
        """Outputs (B,); inputs and activations of each layer (features, B); what `_backward` needs of each BN."""
        active, normalized = [inputs], []
        for weights, scales, shifts in self._layers[:-1]:
            # (1, features, B) is one sample with B positions: the same mean, taken along the contiguous axis.
            pre = torch.mm(weights, active[-1])[None]
            out, mean, inverse_deviation = torch.native_batch_norm(
                pre, scales, shifts, None, None, training=True, momentum=0.0, eps=NORMALIZATION_EPSILON
            )
            normalized.append((pre, mean, inverse_deviation))
            active.append(out[0].relu_() if self.network.activation == "relu" else out[0].tanh_())
        weights, _, bias = self._layers[-1]
        return torch.mm(weights, active[-1])[0] + bias, active, normalized

    def _backward(self, sensitivity: torch.Tensor, active: list, normalized: list) -> None:
        """Fill `gradient` from `sensitivity` (1, B), the slope of the loss along the outputs."""
        weights, _, _ = self._layers[-1]
        gradient_weights, _, gradient_bias = self._gradients[-1]
        torch.mm(sensitivity, active[-1].T, out=gradient_weights)
        torch.sum(sensitivity, dim=1, out=gradient_bias)
        sensitivity = weights.T * sensitivity
        for number in range(self.network.depth - 1, -1, -1):
            (weights, scales, _), (pre, mean, inverse_deviation) = self._layers[number], normalized[number]
            gradient_weights, gradient_scales, gradient_shifts = self._gradients[number]
            pulled_back, along_scales, along_shifts = torch.ops.aten.native_batch_norm_backward(
                self._times_slope(sensitivity, active[number + 1])[None],
                pre,
                scales,
                None,
                None,
                mean,
                inverse_deviation,
                True,
                NORMALIZATION_EPSILON,
                [True, True, True],
            )
            gradient_scales.copy_(along_scales)
            gradient_shifts.copy_(along_shifts)
            torch.mm(pulled_back[0], active[number].T, out=gradient_weights)
            if number:
                sensitivity = torch.mm(weights.T, pulled_back[0])

    def _times_slope(self, sensitivity: torch.Tensor, active: torch.Tensor) -> torch.Tensor:
        """Times ρ'(a), written as a function of ρ(a); ReLU'(0) = 0."""
        if self.network.activation == "relu":
            return torch.ops.aten.threshold_backward(sensitivity, active, 0)
        return torch.ops.aten.tanh_backward(sensitivity, active)

    def _views(self, flat: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        return [
            (flat[layer.weights].view(layer.n_out, layer.n_in), flat[layer.scales], flat[layer.shifts])
            for layer in layers(self.network)
        ]
