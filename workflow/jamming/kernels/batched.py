"""The training step of all replicas of a point together, in torch: what suits a GPU, where each call has a price.

Each call works on all replicas, the shapes never change, and nothing is asked of the device between two looks at it; so
a GPU can repeat a step as one recorded graph (`repeated`). All patterns go back through the network, with weight zero
where they are satisfied. Replicas end at different steps: one that has N_Δ = 0 is left behind by the others, for good.
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
"""What activations and sensitivities may take on the device; with more patterns these are taken in blocks."""

ABSENT = -1
"""The step of a replica that takes no part."""


class BatchedHingeAdam:
    """R replicas of a network under full-batch Adam on the quadratic hinge loss, as `HingeAdam` does one.

    The batch stands at `step`. A replica whose own step is that one moves on with it unless N_Δ = 0; the others keep
    their parameters and moments: those that ended before, those that begin later, and those that are `ABSENT`.

    On the device: `params`, `gradient`, `first_moment`, `second_moment` (R, Ñ), `outputs`, `delta`, `labels` (R, P),
    `n_delta` and `steps`, the own step of each replica, (R,). All but `params`, moments and `steps` are as of those.
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
        """Of each of the R replicas `params` (Ñ,), `inputs` (P, d) and `labels` (P,) of ±1; all begin at step 0."""
        self.network, self.margin, self.step = network, margin, 0
        options = {"dtype": getattr(torch, dtype), "device": device}
        self.params = torch.tensor(np.array(params), **options)
        self.labels = torch.tensor(np.array(labels), **options)
        self.gradient, self.first_moment, self.second_moment, self._scratch = (
            torch.zeros_like(self.params) for _ in range(4)
        )
        self.outputs, self.delta = torch.zeros_like(self.labels), torch.zeros_like(self.labels)
        self.steps, self.n_delta = (torch.zeros(len(params), dtype=torch.int64, device=device) for _ in range(2))
        # Replicas on the same patterns (those of MNIST) share them.
        shared = all(np.array_equal(inputs[0], other) for other in inputs[1:])
        stored = np.array(inputs[:1] if shared else inputs).transpose(0, 2, 1)
        self._inputs = torch.tensor(np.ascontiguousarray(stored), **options).expand(len(params), -1, -1)
        self._weights, self._biases = self._views(self.params)
        self._weight_gradients, self._bias_gradients = self._views(self.gradient)
        self._blocks = self._make_blocks()
        # A step reads all that changes from step to step on the device: a recorded graph holds no numbers of its own.
        self._now = torch.zeros((), dtype=torch.int64, device=device)
        self._coefficients = torch.zeros(2, **options)
        self._rate, self._root = self._coefficients
        self._repeat = Repeated(self._take_step, device)
        self.is_done = False
        self.compute_gradient()

    def go_to(self, step: int) -> None:
        """Let the batch stand at `step`."""
        self.step = step
        self._now.fill_(step)

    def load_state(self, replica: int, state: dict[str, np.ndarray], step: int) -> None:
        """Put one replica where `state` was taken, after `step` updates; a look or `compute_gradient` has to follow."""
        for name in STATE:
            getattr(self, name)[replica].copy_(torch.tensor(state[name]))
        self.steps[replica] = step
        self._is_stale = True

    def leave_out(self, replica: int) -> None:
        """Let one replica take no part; others do not move with it, nor does it with them."""
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
        """One step of the batch at each of these learning rates. Returns before the device has done them."""
        steps = self.step + 1 + np.arange(len(rates))
        corrected = np.stack([np.array(rates) / (1 - BETA_1**steps), np.sqrt(1 - BETA_2**steps)], axis=1)
        for coefficients in torch.tensor(corrected, dtype=self.params.dtype, device=self.params.device):
            self._coefficients.copy_(coefficients)
            self._repeat()
        self.step += len(rates)

    @property
    def members(self) -> list["Member"]:
        """Each replica, as if it were alone."""
        return [Member(self, replica) for replica in range(len(self.params))]

    def look(self) -> tuple[np.ndarray, np.ndarray]:
        """The own step and N_Δ of each replica, (R,) each; waits for the device.

        The batch then stands at the first step from which a replica moves on.
        """
        if self._is_stale:
            self.compute_gradient()
        steps, n_delta = torch.stack([self.steps, self.n_delta]).cpu().numpy()
        moving = steps[(n_delta > 0) & (steps != ABSENT)]
        if len(moving):
            self.go_to(int(moving.min()))
        return steps, n_delta

    def evaluator(self, inputs: np.ndarray) -> Callable[[int], np.ndarray]:
        """A function of the replica that gives its present outputs (Q,) for other inputs (Q, d)."""
        features = torch.tensor(np.ascontiguousarray(inputs.T), dtype=self.params.dtype, device=self.params.device)
        widest = max(self.network.width, self.network.dim)
        pieces = features.split(max(1, BUFFER_BYTES // (2 * widest * features.element_size())), dim=1)

        def outputs(replica: int) -> np.ndarray:
            return torch.cat([self._evaluate(replica, piece) for piece in pieces]).cpu().numpy()

        return outputs

    def _take_step(self) -> None:
        """One Adam step along the last gradient of each replica that moves, and the gradient after it."""
        moves = (self.steps == self._now) & (self.n_delta > 0)
        self.steps += moves
        self._now += 1
        # Interpolation by zero, and a rate of zero, leave numbers as they are.
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
        """Add to `gradient` what the patterns of one block contribute; the satisfied ones contribute zeros."""
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
        """Of each layer the weights (R, n_out, n_in) and the biases (R, n_out, 1) in an array (R, Ñ)."""
        found = layers(self.network)
        weights = [flat[:, layer.weights].view(len(flat), layer.n_out, layer.n_in) for layer in found]
        return weights, [flat[:, layer.biases, None] for layer in found]

    def _make_blocks(self) -> list["_Block"]:
        """Patterns in as few blocks of about the same size as the buffers allow."""
        network, n_replicas, n_train = self.network, *self.labels.shape
        floats_per_pattern = n_replicas * (network.n_hidden + 2 * network.width)
        largest = max(1, BUFFER_BYTES // (floats_per_pattern * self.params.element_size()))
        pieces = math.ceil(n_train / largest)
        edges = [round(piece * n_train / pieces) for piece in range(pieces + 1)]
        widest = max(stop - start for start, stop in itertools.pairwise(edges))
        buffers = self.params.new_empty(network.depth + 2, n_replicas * network.width * widest)
        return [_Block(self, slice(start, stop), buffers) for start, stop in itertools.pairwise(edges)]


def _seen(name: str) -> property:
    """What a member has of this array of the batch: on the CPU the same numbers, from a GPU a copy."""
    return property(lambda self: getattr(self._batch, name)[self._replica].cpu().numpy())


class Member:
    """One replica of a batch, to be looked at, saved and put back as a `HingeAdam`; the steps are the batch's."""

    params, gradient, outputs, delta, labels = map(_seen, ("params", "gradient", "outputs", "delta", "labels"))
    first_moment, second_moment = _seen("first_moment"), _seen("second_moment")
    step = property(lambda self: int(self._batch.steps[self._replica]))
    loss = property(lambda self: quadratic_hinge(self.delta))

    def __init__(self, batch: BatchedHingeAdam, replica: int):
        self._batch, self._replica = batch, replica

    def state(self) -> dict[str, np.ndarray]:
        """As HingeAdam's. Replicas that train together are under Adam from the first step on."""
        return {**{name: np.array(getattr(self, name)) for name in STATE}, "begun": 0}

    hand_over = state

    def load_state(self, state: dict[str, np.ndarray], step: int) -> None:
        """As HingeAdam's."""
        self._batch.load_state(self._replica, state, step)

    def leave_out(self) -> None:
        """Let this replica take no part."""
        self._batch.leave_out(self._replica)

    def evaluator(self, inputs: np.ndarray) -> Callable[[], np.ndarray]:
        """As HingeAdam's."""
        return partial(self._batch.evaluator(inputs), self._replica)


class _Block:
    """Some of the patterns of all replicas, and the place of what is computed of them; blocks share their buffers.

    With B patterns: `inputs` (R, d, B), `outputs` (R, 1, B), `delta` (R, B), `active`, the L activations, and
    `sensitivities`, two in turn, (R, h, B).
    """

    def __init__(self, batch: BatchedHingeAdam, patterns: slice, buffers: torch.Tensor):
        n_replicas, width, size = len(batch.labels), batch.network.width, patterns.stop - patterns.start
        self.patterns = patterns
        self.inputs = batch._inputs[:, :, patterns]
        self.outputs, self.delta = batch.outputs[:, None, patterns], batch.delta[:, patterns]
        *self.active, even, odd = (flat[: n_replicas * width * size].view(n_replicas, width, size) for flat in buffers)
        self.sensitivities = even, odd
