"""The training step of all replicas of a point together, in torch. It is made for a GPU, where every call costs time.

Each call works on all replicas. The shapes never change, and the processor reads nothing from the device between two
looks. Therefore a GPU can replay a step as one recorded graph (`cuda_graph`). The backward pass takes all patterns,
with weight zero for satisfied ones. Replicas end at different steps: a replica with N_Δ = 0 stops moving.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch

from ..losses import quadratic_hinge
from ..network import layers
from ..spec import Network
from .cuda_graph import Repeated
from .hinge_adam import BETA_1, BETA_2, EPSILON, STATE

BUFFER_BYTES = 2**30
"""Memory on the device for activations and sensitivities. If all patterns need more, they are processed in blocks."""

ABSENT = -1
"""The step of a replica that does not take part."""


class BatchedHingeAdam:
    """R replicas of a network under full-batch Adam on the quadratic hinge loss; `HingeAdam` is the same for one.

    The batch stands at `step`, and each replica has a step of its own. A replica moves if its step is that of the batch
    and N_Δ > 0. The others keep their parameters and moments: those that ended before, those that begin later, and
    those that are `ABSENT`.

    Tensors on the device: `params`, `gradient`, `first_moment`, `second_moment` (R, Ñ); `outputs`, `delta`, `labels`
    (R, P); `n_delta` (R,); `steps` (R,), the step of each replica. After `look` or `compute_gradient`, `gradient`,
    `outputs`, `delta` and `n_delta` belong to the present `params`.
    """

    def __init__(
        self,
        network: Network,
        params: Sequence[np.ndarray],
        inputs: Sequence[np.ndarray],
        labels: Sequence[np.ndarray],
        margin: float,
        dtype: str = "float64",
        device: str = "cpu",
    ):
        """For each of the R replicas: `params` (Ñ,), `inputs` (P, d), `labels` (P,) of ±1. All begin at step 0."""
        self.network, self.margin, self.step = network, margin, 0
        options = {"dtype": getattr(torch, dtype), "device": device}
        self.params = torch.tensor(np.array(params), **options)
        self.labels = torch.tensor(np.array(labels), **options)
        self.gradient, self.first_moment, self.second_moment, self._scratch = (
            torch.zeros_like(self.params) for _ in range(4)
        )
        self.outputs, self.delta = torch.zeros_like(self.labels), torch.zeros_like(self.labels)
        self.steps, self.n_delta = (torch.zeros(len(params), dtype=torch.int64, device=device) for _ in range(2))
        # Replicas on the same patterns, as for MNIST, share one copy.
        shared = all(np.array_equal(inputs[0], other) for other in inputs[1:])
        stored = np.array(inputs[:1] if shared else inputs).transpose(0, 2, 1)
        self._inputs = torch.tensor(np.ascontiguousarray(stored), **options).expand(len(params), -1, -1)
        self._weights, self._biases = self._views(self.params)
        self._weight_gradients, self._bias_gradients = self._views(self.gradient)
        self._blocks = self._make_blocks()
        # A recorded graph would repeat the numbers of its recording, so a step reads all that changes from tensors.
        self._now = torch.zeros((), dtype=torch.int64, device=device)
        self._coefficients = torch.zeros(2, **options)
        self._rate, self._root = self._coefficients
        self._repeat = Repeated(self._take_step, device)
        self.is_done = False
        self.compute_gradient()

    def go_to(self, step: int) -> None:
        """Set the step of the batch."""
        self.step = step
        self._now.fill_(step)

    def load_state(self, replica: int, state: dict[str, np.ndarray], step: int) -> None:
        """Set one replica to `state`, taken after `step` updates. Call `look` or `compute_gradient` afterwards."""
        for name in STATE:
            getattr(self, name)[replica].copy_(torch.tensor(state[name]))
        self.steps[replica] = step
        self._is_stale = True

    def leave_out(self, replica: int) -> None:
        """Exclude one replica: it does not move, and the others do not wait for it."""
        self.steps[replica] = ABSENT

    def compute_gradient(self) -> None:
        """Fill `outputs`, `delta`, `n_delta` and `gradient` at the present parameters."""
        self._is_stale = False
        self.gradient.zero_()
        self.n_delta.zero_()
        for block in self._blocks:
            self._forward(block)
            torch.mul(self.labels[:, block.patterns], block.outputs[:, 0], out=block.delta)
            block.delta.neg_().add_(self.margin)
            self.n_delta += (block.delta > 0).sum(1)
            self._backward(block)

    def advance(self, rates: Sequence[float]) -> None:
        """Make one step of the batch at each of these learning rates. Returns before the device has made them."""
        steps = self.step + 1 + np.arange(len(rates))
        corrected = np.stack([np.array(rates) / (1 - BETA_1**steps), np.sqrt(1 - BETA_2**steps)], axis=1)
        for coefficients in torch.tensor(corrected, dtype=self.params.dtype, device=self.params.device):
            self._coefficients.copy_(coefficients)
            self._repeat()
        self.step += len(rates)

    @property
    def members(self) -> list["Member"]:
        """One view of each replica, with the interface of a single `HingeAdam`."""
        return [Member(self, replica) for replica in range(len(self.params))]

    def look(self) -> tuple[np.ndarray, np.ndarray]:
        """The step (R,) and N_Δ (R,) of each replica. Waits for the device.

        Afterwards the batch stands at the earliest step among the replicas that still move.
        """
        if self._is_stale:
            self.compute_gradient()
        steps, n_delta = torch.stack([self.steps, self.n_delta]).cpu().numpy()
        moving = steps[(n_delta > 0) & (steps != ABSENT)]
        if len(moving):
            self.go_to(int(moving.min()))
        return steps, n_delta

    def evaluator(self, inputs: np.ndarray) -> Callable[[int], np.ndarray]:
        """A function from the number of a replica to its present outputs (Q,) for these inputs (Q, d)."""
        features = torch.tensor(np.ascontiguousarray(inputs.T), dtype=self.params.dtype, device=self.params.device)
        widest = max(self.network.width, self.network.dim)
        pieces = features.split(max(1, BUFFER_BYTES // (2 * widest * features.element_size())), dim=1)

        def outputs(replica: int) -> np.ndarray:
            return torch.cat([self._evaluate(replica, piece) for piece in pieces]).cpu().numpy()

        return outputs

    def _take_step(self) -> None:
        """Make one Adam step of each replica that moves, then compute the gradient at the new parameters."""
        moves = (self.steps == self._now) & (self.n_delta > 0)
        self.steps += moves
        self._now += 1
        # A replica that does not move has weight zero: interpolation by zero and a rate of zero change no bit.
        weight = moves[:, None].to(self.params.dtype)
        self.first_moment.lerp_(self.gradient, weight * (1 - BETA_1))
        torch.mul(self.gradient, self.gradient, out=self._scratch)
        self.second_moment.lerp_(self._scratch, weight * (1 - BETA_2))
        torch.sqrt(self.second_moment, out=self._scratch)
        self._scratch.div_(self._root).add_(EPSILON)
        torch.div(self.first_moment, self._scratch, out=self._scratch)
        self.params.addcmul_(self._scratch, weight * self._rate, value=-1)
        self.compute_gradient()

    def _forward(self, block: "_Block") -> None:
        below = block.inputs
        for weights, biases, active in zip(self._weights, self._biases, block.active, strict=False):
            torch.baddbmm(biases, weights, below, out=active)
            below = active.relu_() if self.network.activation == "relu" else active.tanh_()
        torch.baddbmm(self._biases[-1], self._weights[-1], below, out=block.outputs)

    def _backward(self, block: "_Block") -> None:
        """Add the contribution of one block of patterns to `gradient`. Satisfied patterns contribute zeros."""
        # ∂𝓛/∂f = −y max(0, Δ) / P
        sensitivity = (self.labels[:, block.patterns] * block.delta.clip(min=0)).mul_(-1 / self.labels.shape[1])
        sensitivity = sensitivity[:, None, :]
        levels = [block.inputs, *block.active]
        for number in range(len(levels) - 1, -1, -1):
            below, weights = levels[number], self._weights[number]
            self._weight_gradients[number].baddbmm_(sensitivity, below.transpose(1, 2))
            self._bias_gradients[number].add_(sensitivity.sum(2, keepdim=True))
            if number:
                out = block.sensitivities[number % 2]
                torch.bmm(weights.transpose(1, 2), sensitivity, out=out)
                self._multiply_by_slope_(out, below)
                sensitivity = out

    def _multiply_by_slope_(self, sensitivity: torch.Tensor, active: torch.Tensor) -> None:
        """Multiply by ρ'(a), written as a function of ρ(a)."""
        if self.network.activation == "relu":
            torch.ops.aten.threshold_backward.grad_input(sensitivity, active, 0, grad_input=sensitivity)
        else:
            sensitivity.addcmul_(sensitivity, active * active, value=-1)

    def _evaluate(self, replica: int, inputs: torch.Tensor) -> torch.Tensor:
        active = inputs
        for number, (weights, biases) in enumerate(zip(self._weights, self._biases, strict=True)):
            active = torch.addmm(biases[replica], weights[replica], active)
            if number < self.network.depth:
                active = active.relu_() if self.network.activation == "relu" else active.tanh_()
        return active[0]

    def _views(self, flat: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Views of an array (R, Ñ): for each layer the weights (R, n_out, n_in) and the biases (R, n_out, 1)."""
        found = layers(self.network)
        weights = [flat[:, layer.weights].view(len(flat), layer.n_out, layer.n_in) for layer in found]
        return weights, [flat[:, layer.biases, None] for layer in found]

    def _make_blocks(self) -> list["_Block"]:
        """Blocks of about equal size that cover all patterns, as few as BUFFER_BYTES allows."""
        network, n_replicas, n_train = self.network, *self.labels.shape
        floats_per_pattern = n_replicas * (network.n_hidden + 2 * network.width)
        largest = max(1, BUFFER_BYTES // (floats_per_pattern * self.params.element_size()))
        pieces = math.ceil(n_train / largest)
        edges = [round(piece * n_train / pieces) for piece in range(pieces + 1)]
        widest = max(stop - start for start, stop in itertools.pairwise(edges))
        buffers = self.params.new_empty(network.depth + 2, n_replicas * network.width * widest)
        return [_Block(self, slice(start, stop), buffers) for start, stop in itertools.pairwise(edges)]


def _seen(name: str) -> property:
    """The replica's row of a tensor of the batch, as an array: a view on the CPU, a copy from a GPU."""
    return property(lambda self: getattr(self._batch, name)[self._replica].cpu().numpy())


class Member:
    """One replica of a batch, with the interface of `HingeAdam` except for the steps, which the batch makes."""

    params, gradient, outputs, delta, labels = map(_seen, ("params", "gradient", "outputs", "delta", "labels"))
    first_moment, second_moment = _seen("first_moment"), _seen("second_moment")
    step = property(lambda self: int(self._batch.steps[self._replica]))
    loss = property(lambda self: quadratic_hinge(self.delta))

    def __init__(self, batch: BatchedHingeAdam, replica: int):
        self._batch, self._replica = batch, replica

    def state(self) -> dict[str, np.ndarray]:
        """As HingeAdam's. `begun` is 0: replicas that train together use Adam from the first step on."""
        return {**{name: np.array(getattr(self, name)) for name in STATE}, "begun": 0}

    hand_over = state

    def load_state(self, state: dict[str, np.ndarray], step: int) -> None:
        """As HingeAdam's."""
        self._batch.load_state(self._replica, state, step)

    def leave_out(self) -> None:
        """Exclude this replica from the steps of the batch."""
        self._batch.leave_out(self._replica)

    def evaluator(self, inputs: np.ndarray) -> Callable[[], np.ndarray]:
        """As HingeAdam's."""
        return partial(self._batch.evaluator(inputs), self._replica)


class _Block:
    """A block of B patterns of all replicas, and the memory for their activations. Blocks share their buffers.

    `inputs` (R, d, B), `outputs` (R, 1, B), `delta` (R, B). `active` holds the L activations (R, h, B).
    `sensitivities` are two arrays (R, h, B), used in turn.
    """

    def __init__(self, batch: BatchedHingeAdam, patterns: slice, buffers: torch.Tensor):
        n_replicas, width, size = len(batch.labels), batch.network.width, patterns.stop - patterns.start
        self.patterns = patterns
        self.inputs = batch._inputs[:, :, patterns]
        self.outputs, self.delta = batch.outputs[:, None, patterns], batch.delta[:, patterns]
        *self.active, even, odd = (flat[: n_replicas * width * size].view(n_replicas, width, size) for flat in buffers)
        self.sensitivities = even, odd
