"""The compared implementations of the training step. A new one needs only an entry in `STEPS` or `REPLICAS`."""

from collections.abc import Callable, Sequence
from functools import partial

from problems import Problem

from jamming import kernels

RATE = 1e-9
"""So small that a state stays what it is while it is measured."""


class PlainAdam:
    """The obvious implementation: autograd over all patterns, with one parameter tensor per layer."""

    def __init__(self, problem: Problem):
        import torch

        from jamming.network import unpack

        self.torch, self.margin = torch, problem.margin
        self.inputs, self.labels = torch.tensor(problem.inputs), torch.tensor(problem.labels)
        self.layers = [
            (torch.tensor(weights, requires_grad=True), torch.tensor(biases, requires_grad=True))
            for weights, biases in unpack(problem.params, problem.network)
        ]
        self.adam = torch.optim.Adam([tensor for layer in self.layers for tensor in layer], lr=RATE)

    def step(self) -> int:
        """Make one step; return N_Δ before it."""
        functional = self.torch.nn.functional
        active = self.inputs
        for weights, biases in self.layers[:-1]:
            active = self.torch.relu(functional.linear(active, weights, biases))
        delta = self.margin - self.labels * functional.linear(active, *self.layers[-1])[:, 0]
        loss = (self.torch.relu(delta) ** 2).sum() / (2 * len(self.labels))
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return int((delta > 0).sum())


def autograd(problem: Problem) -> Callable[[], int]:
    """The step of `PlainAdam`."""
    return PlainAdam(problem).step


def ours(backend: str, dtype: str, problem: Problem) -> Callable[[], int]:
    """The step of one of the project's backends."""
    kernel = kernels.choose("cpu", backend).hinge_adam
    optimizer = kernel(*problem[:4], margin=problem.margin, dtype=dtype)

    def step() -> int:
        n_delta = optimizer.compute_gradient()
        optimizer.update(RATE)
        return n_delta

    return step


def one_after_the_other(backend: str, dtype: str, problems: Sequence[Problem]) -> Callable[[], int]:
    """A function that makes one step of each of several networks, and returns the sum of their N_Δ."""
    steps = [ours(backend, dtype, problem) for problem in problems]
    return lambda: sum(step() for step in steps)


def all_together(dtype: str, problems: Sequence[Problem]) -> Callable[[], int]:
    """A function that makes one batched step of several networks, as a GPU does, and returns the sum of their N_Δ."""
    from jamming.kernels.batched import BatchedHingeAdam

    params, inputs, labels = (
        [getattr(problem, name) for problem in problems] for name in ("params", "inputs", "labels")
    )
    batch = BatchedHingeAdam(problems[0].network, params, inputs, labels, problems[0].margin, dtype)

    def step() -> int:
        batch.advance([RATE])
        return int(batch.look()[1].sum())

    return step


STEPS: dict[str, tuple[str, Callable[[Problem], Callable[[], int]]]] = {
    "autograd": ("float64", autograd),
    "torch": ("float64", partial(ours, "torch", "float64")),
    "compiled": ("float64", partial(ours, "compiled", "float64")),
    "compiled, float32": ("float32", partial(ours, "compiled", "float32")),
}
"""Name → (precision, what makes a step of a problem, which returns N_Δ)."""

REPLICAS: dict[str, tuple[str, Callable[[Sequence[Problem]], Callable[[], int]]]] = {
    "torch": ("float64", partial(one_after_the_other, "torch", "float64")),
    "batched torch": ("float64", partial(all_together, "float64")),
    "compiled": ("float64", partial(one_after_the_other, "compiled", "float64")),
}
"""Name → (precision, what makes one step of several networks of one size, which returns their N_Δ together)."""
