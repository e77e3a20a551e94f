"""Would a Verlet list pay? Measure how far outputs move while a network trains, and compare with a bound.

Molecular dynamics keeps a list of the pairs closer than the range of the force plus a *skin*. It makes the list again
when a particle may have crossed the skin. Here the list would hold the patterns with Δ > −skin. The others would not be
evaluated until one of them may have become unsatisfied. The number of steps that a list lasts is measured twice: until
one of the other patterns *is* unsatisfied, which is unknown without evaluating them, and until one *may* be unsatisfied
by a bound that holds for every pattern.
"""

from typing import NamedTuple

import numpy as np
from problems import square
from timing import medians

from jamming import kernels
from jamming import network as net
from jamming.datasets import random

SKINS = (0.1, 0.25, 0.5, 1.0, 2.0)
MARGIN = 0.5
SPANS = (1, 10, 100)
STARTS = 3  # lists begun at each rate; their median is the result


class Plan(NamedTuple):
    """A network with d = h, its P, the annealed protocol, the rates of the measurements, and the longest list.

    Each measurement takes `STARTS`·`longest` steps. `rates` are far enough apart that it ends before the next rate.
    """

    width: int
    n_train: int
    steps: int
    first_rate: float
    rates: tuple[float, ...]
    longest: int
    tail: int
    tail_rates: tuple[float, ...]


FULL = Plan(20, 2337, 20000, 2e-3, (1.5e-3, 1e-3, 5e-4, 2e-4, 1e-4), 300, 3000, (1e-5, 1e-6, 1e-7))
QUICK = Plan(8, 250, 1500, 1e-2, (5e-3, 1e-3), 30, 40, (1e-6,))


def measure(quick: bool) -> dict:
    """The result of `follow` for a network with N = 820, P/N = 2.85, trained as long as in `quick`."""
    return follow(QUICK if quick else FULL)


def follow(plan: Plan) -> dict:
    """`rows`, one per rate: first during an annealed run, then at constant rates as late in the papers' runs.

    `seconds` holds the time of one bound and of one step. No list was followed for more than `longest` steps.
    """
    network = square(plan.width, 2)
    inputs, labels = random.generate(plan.width, plan.n_train, seed=1)
    kernel = kernels.choose("cpu").hinge_adam
    optimizer = kernel(network, net.initial_params(network, 1), inputs, labels.astype(float), MARGIN)
    rows, step = [], 0
    for rate in plan.rates:
        until = round(plan.steps * (1 - rate / plan.first_rate)) - STARTS * plan.longest // 2
        _advance(optimizer, lambda done: plan.first_rate * (1 - done / plan.steps), step, until)
        looked = [_look(optimizer, inputs, rate, plan.longest) for _ in range(STARTS)]
        step = until + STARTS * plan.longest
        rows.append({"protocol": "annealed", "rate": rate, **_typical(looked)})
    _advance(optimizer, lambda done: plan.first_rate * (1 - done / plan.steps), step, plan.steps)
    for rate in plan.tail_rates:
        _advance(optimizer, lambda _, rate=rate: rate, 0, plan.tail)
        looked = [_look(optimizer, inputs, rate, plan.longest) for _ in range(STARTS)]
        rows.append({"protocol": "constant", "rate": rate, **_typical(looked)})
    sizes = {"n_weights": network.n_weights, "n_train": plan.n_train, "longest": plan.longest}
    return {"rows": rows, "seconds": _costs(optimizer, inputs), **sizes}


def motion_bound(before: np.ndarray, after: np.ndarray, norms: list[np.ndarray], network) -> np.ndarray:
    """A bound on |f(x_μ; after) − f(x_μ; before)|, shape (P,); `norms` are |z⁰|, …, |z^L| at `before`, each (P,).

    With e⁰ = 0 the activations of layer l move by at most e^l ≤ ‖W^l‖ e^{l−1} + ‖δW^l‖ |z^{l−1}| + |δb^l|, where W^l is
    the matrix after, ‖·‖ the spectral norm, and |ρ(a) − ρ(a')| ≤ |a − a'| for ReLU and tanh. The output is the last
    layer. The bound uses the norms of each pattern and the displacement since the list was made, and not the largest
    norm or a sum over steps. So no bound from norms of whole layers is tighter.
    """
    moved = np.zeros_like(norms[0])
    layers = zip(net.unpack(before, network), net.unpack(after, network), norms, strict=True)
    for (weights, biases), (new_weights, new_biases), norm in layers:
        moved = (
            np.linalg.norm(new_weights, 2) * moved
            + np.linalg.norm(new_weights - weights, 2) * norm
            + np.linalg.norm(new_biases - biases)
        )
    return moved


def activation_norms(params: np.ndarray, inputs: np.ndarray, network) -> list[np.ndarray]:
    """The norms |z⁰|, …, |z^L| of each pattern, each of shape (P,)."""
    _, pre = net.forward(params, inputs, network)
    active = [inputs, *[net.activate(a, network.activation) for a in pre]]
    return [np.linalg.norm(z, axis=1) for z in active]


def gain(steps: float, listed: float, unsatisfied: float) -> float:
    """The ratio of the arithmetic without and with a list.

    With a list, all patterns go forward every `steps` steps, and at other steps a fraction `listed`. At every step a
    fraction `unsatisfied` goes backward, which takes twice as long as forward.
    """
    forward = 1 / steps + (1 - 1 / steps) * listed
    return (1 + 2 * unsatisfied) / (forward + 2 * unsatisfied)


def _advance(optimizer, rate_at, step: int, until: int) -> None:
    for done in range(step, until):
        optimizer.compute_gradient()
        optimizer.update(rate_at(done))


def _costs(optimizer, inputs: np.ndarray) -> dict[str, float]:
    params = optimizer.params.copy()
    norms = activation_norms(params, inputs, optimizer.network)
    actions = {
        "step": lambda: (optimizer.compute_gradient(), optimizer.update(0.0)),
        "bound": lambda: motion_bound(params, params, norms, optimizer.network),
    }
    return medians(actions, rounds=5, seconds=0.05)


def _look(optimizer, inputs: np.ndarray, rate: float, longest: int) -> dict:
    """Make `longest` steps at this rate; find the step at which each satisfied pattern is, or may be, unsatisfied.

    Both are arrays (P,) of steps from 1, the next step, to `longest`.
    """
    network = optimizer.network
    optimizer.compute_gradient()
    delta, outputs = optimizer.delta.copy(), optimizer.outputs.copy()
    before = optimizer.params.copy()
    norms = activation_norms(before, inputs, network)
    is_safe, is_satisfied = delta <= 0, delta <= 0
    may_cross, crosses, motion = np.ones(len(delta)), np.ones(len(delta)), {}
    for step in range(1, longest + 1):
        may_cross[is_safe], crosses[is_satisfied] = step, step
        optimizer.update(rate)
        optimizer.compute_gradient()
        if step in SPANS:
            moved = np.abs(optimizer.outputs - outputs)
            motion[str(step)] = [*np.quantile(moved, (0.5, 0.999)).tolist(), float(moved.max())]
        if np.any(is_safe):
            is_safe = is_safe & (motion_bound(before, optimizer.params, norms, network) < -delta)
        is_satisfied = is_satisfied & (optimizer.delta <= 0)
    return {"delta": delta, "by_bound": may_cross, "in_fact": crosses, "motion": motion}


def _typical(looked: list[dict]) -> dict:
    """Medians over the lists begun at one rate: for each skin, and the largest gain with and without the guarantee.

    "each" is the limit of all lists: a pattern is evaluated only when it may have become unsatisfied.
    """
    unsatisfied = float(np.median([np.mean(found["delta"] > 0) for found in looked]))
    listed = [float(np.median([np.mean(found["delta"] > -skin) for found in looked])) for skin in SKINS]
    motion = {span: np.median([found["motion"][span] for found in looked], axis=0) for span in looked[0]["motion"]}
    row = {"n_delta_over_p": unsatisfied, "skins": list(SKINS), "listed": listed}
    row["motion"] = {span: values.tolist() for span, values in motion.items()}
    for name in ("by_bound", "in_fact"):
        lasts = [
            float(np.median([np.min(found[name][found["delta"] <= -skin], initial=np.inf) for found in looked]))
            for skin in SKINS
        ]
        gains = [gain(steps, part, unsatisfied) for steps, part in zip(lasts, listed, strict=True)]
        each = float(np.median([np.mean(1 / found[name]) for found in looked]))
        best = int(np.argmax(gains))
        row[name] = {
            "lasts": [steps if np.isfinite(steps) else None for steps in lasts],
            "gain": gains[best],
            "skin": SKINS[best],
            "gain_each": (1 + 2 * unsatisfied) / (each + 2 * unsatisfied),
        }
    return row
