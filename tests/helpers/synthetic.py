"""Results as the workflow stores them, made up in a moment: a transition, spectra and gaps of the right shapes.

Nothing is trained. Each number is drawn from a law with the published features: the jump of N_Δ/N, λ ∝ √𝓛 for H_p,
a gap in H_0, power laws of Δ with planted exponents.
"""

import json

import numpy as np

from helpers import synthetic_generalization, synthetic_lines
from jamming.criteria import End, end_of
from jamming.observables import gaps
from jamming.spec import Network, Point, Protocol
from jamming.storage.store import Result

SWEEPS = {
    "relu_L2": ("random", 2, "relu", 2.75),
    "relu_L3": ("random", 3, "relu", 2.75),
    "relu_L5": ("random", 5, "relu", 2.75),
    "tanh_L3": ("random", 3, "tanh", 3.8),
    "mnist_L5": ("mnist", 5, "relu", 5.5),
}
"""Sweep → dataset, depth, activation, P/N at the transition."""

THETA, GAMMA = 0.3, 0.2
POSITIVE_RANGE, NEGATIVE_RANGE = (1e-2, 1.0), (1e-3, 1e-1)
MAX_LOSS = 1e-3
SETTINGS = json.dumps({"max_loss": MAX_LOSS, "n_bootstrap": 20, "seed": 1})
"""What the verbs are told about the analysis of these results."""


def make_results(width: int = 8, n_points: int = 6, replicas: int = 3, seed: int = 0) -> dict:
    """{kind: {sweep: [Result, …]}} for every kind of result: seven sweeps, mnist_L3 for "effective", the lines."""
    results = {kind: {} for kind in ("runs", "gaps", "preactivations", "spectra")}
    for sweep, (dataset, depth, activation, critical) in SWEEPS.items():
        network = Network(width if dataset == "random" else 10, width, depth, activation)
        for kind in results:
            results[kind][sweep] = []
        for load in np.linspace(0.85, 1.25, n_points) * critical:
            n_train = round(load * network.n_weights)
            protocol = Protocol("hinge_adam_annealed", 0.5, 20000, 3e-3, 1e-7, 250000)
            point = Point(sweep, dataset, network, protocol, n_train, replicas, "float64", seed)
            generator = np.random.default_rng([seed, n_train, depth, ord(activation[0])])
            for kind, tree in _point_trees(point, critical, generator).items():
                spec = json.loads(point.to_json())
                if kind == "runs":
                    results[kind][sweep].append(Result("run", spec, {}, tree))
                else:
                    results[kind][sweep].append(Result(kind, {"run": spec, "settings": {}}, {}, tree))
    results["runs"] |= synthetic_generalization.make_sweeps(replicas=replicas)
    return results | effective_results() | {"lines": synthetic_lines.make_lines(replicas=replicas)}


def _point_trees(point: Point, critical: float, generator: np.random.Generator) -> dict[str, dict]:
    trees = {
        "runs": {},
        "gaps": {},
        "preactivations": {"threshold": 1e-4, "edges": np.linspace(-20, 20, 161)},
        "spectra": {"max_loss": MAX_LOSS},
    }
    for replica in range(point.replicas):
        name = f"replica_{replica:02d}"
        run = _run(point, critical, generator)
        state = {
            "n_train": point.n_train,
            "converged": run["converged"],
            **end_of(run, point.protocol.margin).to_tree(),
        }
        trees["runs"][name] = run
        trees["gaps"][name] = {**state, **_gaps(run["final"]["delta"])}
        trees["preactivations"][name] = {**state, **_preactivations(point.network, generator)}
        trees["spectra"][name] = {**state, **_spectra(point.network, state, generator)}
    return trees


def _run(point: Point, critical: float, generator: np.random.Generator) -> dict:
    n_weights, n_train = point.network.n_weights, point.n_train
    excess = n_train / n_weights / critical - 1 + 0.02 * generator.standard_normal()
    steps = np.unique(np.round(np.logspace(0, np.log10(point.protocol.steps), 44)).astype(np.int64))
    steps = np.concatenate([[0], steps])
    final_loss = max(excess, 0) ** 2 * 0.2 + 1e-6 if excess > 0 else 0.0
    plateau = (0.5 if point.dataset == "mnist" else 0.72) + 0.3 * final_loss**0.25 if excess > 0 else 0.0
    decay = (1 + steps / 30) ** -0.6
    decay -= decay[-1]
    n_delta = np.round(n_weights * (plateau + (n_train / n_weights - plateau) * decay)).astype(np.int64)
    loss = final_loss + 0.1 * decay**2
    misclassified = np.round(n_train * 0.5 * np.sqrt(loss / 0.125).clip(max=1) ** 3)
    converged = bool(n_delta[-1] == 0)
    return {
        "seed_data": 1,
        "seed_initial": 2,
        "converged": converged,
        "steps_done": int(steps[-1]),
        "n_params": point.network.n_params,
        "n_weights": n_weights,
        "record": {
            "step": steps,
            "n_delta": n_delta,
            "loss": loss,
            "misclassified": misclassified,
            "gradient_norm": 0.2 * np.sqrt(loss),
        },
        "final": final_state(_deltas(n_train, int(n_delta[-1]), final_loss, generator), point.protocol.margin),
    }


def final_state(delta: np.ndarray, margin: float) -> dict:
    """The group `final` of a run that ended with these Δ (P,), labels +1 and −1 in turn."""
    labels = np.where(np.arange(len(delta)) % 2 == 0, 1.0, -1.0)
    return {"delta": delta, "output": labels * (margin - delta)}


def power_law(exponent: float, low: float, high: float, size: int, generator: np.random.Generator) -> np.ndarray:
    """Values with density ∝ z^exponent on [low, high], by inversion of the distribution function."""
    power = exponent + 1
    return (low**power + generator.random(size) * (high**power - low**power)) ** (1 / power)


def _deltas(n_train: int, n_delta: int, loss: float, generator: np.random.Generator) -> np.ndarray:
    overlaps = power_law(THETA, 1e-7, 3.0, n_delta, generator)
    overlaps *= np.sqrt(2 * n_train * loss / max((overlaps**2).sum(), 1e-300))
    gaps = power_law(-GAMMA, 1e-9, 1.5, n_train - n_delta, generator)
    return np.concatenate([overlaps, -gaps])


def _gaps(delta: np.ndarray) -> dict:
    return {
        "positive": gaps.distribution(gaps.overlaps(delta), gaps.POSITIVE_EDGES, POSITIVE_RANGE),
        "positive_by_loss": gaps.distribution(gaps.overlaps_by_loss(delta), gaps.POSITIVE_EDGES, POSITIVE_RANGE),
        "negative": gaps.distribution(gaps.gaps(delta), gaps.NEGATIVE_EDGES, NEGATIVE_RANGE),
    }


def _preactivations(network: Network, generator: np.random.Generator) -> dict:
    edges = np.linspace(-20, 20, 161)
    centre, depth = (edges[:-1] + edges[1:]) / 2, network.depth
    mass = (0.002 * (1 + np.arange(depth))) * (1 + 0.1 * generator.standard_normal(depth))
    spread = 2 + 0.7 * np.arange(depth)[:, None]
    density = np.exp(-((centre + 0.5) ** 2) / (2 * spread**2)) / (spread * np.sqrt(2 * np.pi))
    return {
        "n_cusp": round(0.21 * network.n_weights),
        "n_fresh": 1000,
        "train": {"density": density * (1 - mass[:, None]), "mass_at_zero": mass},
        "fresh": {"density": density, "mass_at_zero": np.zeros(depth)},
    }


def _spectra(network: Network, state: dict, generator: np.random.Generator) -> dict:
    n_params, n_hidden, n_delta = network.n_params, network.n_hidden, state["n_delta"]
    described = {
        "measured": End.from_tree(state).is_near_jamming(MAX_LOSS),
        "n_params": n_params,
        "n_hidden": n_hidden,
    }
    if not described["measured"]:
        return described
    n_zero = n_hidden if network.activation == "relu" else 0
    rank = min(n_delta, n_params - n_zero)
    gradients = generator.standard_normal((n_params - n_zero, rank)) / np.sqrt(state["n_train"])
    h0 = gradients @ gradients.T
    noise = generator.standard_normal(h0.shape) * np.exp(0.7 * generator.standard_normal(len(h0)))
    shift = 0.15 * np.eye(len(h0)) * (network.activation == "tanh")
    hp = 0.5 * state["overlap"] * ((noise + noise.T) / np.sqrt(len(h0)) + shift)
    zeros = np.zeros(n_zero)
    found = {
        name: np.sort(np.concatenate([np.linalg.eigvalsh(matrix), zeros]))
        for name, matrix in (("h0", h0), ("hp", hp), ("h", h0 + hp))
    }
    return described | {
        "eigenvalues": found,
        "rank_h0": rank,
        "n_zero_hp": n_zero,
        "n_negative_hp": int((found["hp"] < 0).sum()),
        "n_positive_hp": int((found["hp"] > 0).sum()),
        "n_negative_h": int((found["h"] < 0).sum()),
        "zero_tolerance": 1e-12,
    }


def effective_results(widths=(4, 8, 12), loads=(100, 300), replicas=2, depth=3):
    """Healthy networks, except that the first replica loses twice as much before training."""
    results = []
    for width in widths:
        network = Network(10, width, depth, "relu")
        for n_train in loads:
            protocol = Protocol("hinge_adam_annealed", 0.5, 10, 1e-3, 1e-7, 0)
            point = Point("mnist_L3", "mnist", network, protocol, n_train, replicas, "float64", 1)
            tree = {}
            for replica in range(replicas):
                healthy = network.n_params - network.n_hidden
                n_vectors = 11 * n_train
                tree[f"replica_{replica:02d}"] = {
                    "n_train": n_train,
                    "n_params": network.n_params,
                    "n_hidden": network.n_hidden,
                    "initial": {"n_eff": healthy - network.n_hidden * (replica == 0), "n_vectors": n_vectors},
                    "final": {"n_eff": healthy, "n_vectors": n_vectors},
                }
            spec = {"run": json.loads(point.to_json()), "settings": {}}
            results.append(Result("effective", spec, {}, tree))
    return {"effective": {"mnist_L3": results}}
