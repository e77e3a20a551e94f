"""Time of one training step against plain autograd with torch.optim.Adam over all patterns.

    python benchmarks/training_step.py [--threads 1] [--repeats 7] [--backend torch]

Both do the same steps from the same state, which is prepared by training towards jamming: that is where runs
spend their time, and where only the unsatisfied patterns need a backward pass. Rounds of the two alternate, so that
a noisy machine disturbs both; medians and their ratio are printed.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

# name, network's (dim, width, depth), P, steps of preparation, steps in a round
CASES = (
    ("d = h = 20, L = 2, P = 2300", (20, 20, 2), 2300, 20000, 100),
    ("d = h = 51, L = 3, P = 22000", (51, 51, 3), 22000, 3500, 4),
)


class PlainAdam:
    """The obvious way: forward and backward over all patterns by autograd, one parameter tensor per layer."""

    def __init__(self, network, params, inputs, labels, margin):
        import torch

        from jamming.network import unpack

        self.torch, self.margin = torch, margin
        self.inputs, self.labels = torch.tensor(inputs), torch.tensor(labels)
        self.layers = [
            (torch.tensor(weights, requires_grad=True), torch.tensor(biases, requires_grad=True))
            for weights, biases in unpack(params, network)
        ]
        self.adam = torch.optim.Adam([tensor for layer in self.layers for tensor in layer], lr=1e-6)

    def step(self):
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


def measure(shape, n_train, preparation, steps, repeats, backend="auto"):
    """Median seconds per step of (ours, plain) and N_Δ/P of the state they were measured at."""
    import numpy as np

    from jamming import kernels
    from jamming.datasets import random
    from jamming.network import initial_params
    from jamming.spec import Network

    dim, width, depth = shape
    network = Network(dim, width, depth, "relu")
    inputs, labels = random.generate(dim, n_train, seed=1)
    labels = labels.astype(np.float64)
    ours = kernels.choose("cpu", backend).hinge_adam(network, initial_params(network, 1), inputs, labels, margin=0.5)
    for step in range(preparation):
        ours.compute_gradient()
        ours.update(2e-3 * (1 - step / preparation))
    plain = PlainAdam(network, ours.params.copy(), inputs, labels, margin=0.5)

    def our_step():
        n_delta = ours.compute_gradient()
        ours.update(1e-6)
        return n_delta

    seconds = {our_step: [], plain.step: []}
    for step, times in [*seconds.items()] * repeats:
        started = time.perf_counter()
        for _ in range(steps):
            n_delta = step()
        times.append((time.perf_counter() - started) / steps)
    medians = [statistics.median(times[1:] or times) for times in seconds.values()]
    return *medians, n_delta / n_train


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--backend", default="auto", help="auto, compiled or torch")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    import torch

    torch.set_num_threads(arguments.threads)
    print(f"one training step, float64, {arguments.threads} thread(s), torch {torch.__version__}, medians\n")
    print(f"{'network':30} {'N_Δ/P':>6} {'ours [ms]':>10} {'autograd [ms]':>14} {'ratio':>6}")
    for name, shape, n_train, preparation, steps in CASES:
        ours, plain, fraction = measure(shape, n_train, preparation, steps, arguments.repeats, arguments.backend)
        print(f"{name:30} {fraction:6.2f} {1e3 * ours:10.3f} {1e3 * plain:14.3f} {plain / ours:6.2f}", flush=True)


if __name__ == "__main__":
    main()
