"""Problems to measure on: untrained networks with labels chosen so that N_Δ is as near jamming."""

from typing import NamedTuple

import numpy as np

from jamming import network as net
from jamming.datasets import random
from jamming.spec import Network

JAMMED = 0.75
"""N_Δ/N at jamming, as in the papers."""
RATIO = 2.8
"""P/N at which the papers' networks jam."""


class Problem(NamedTuple):
    """A network with parameters (Ñ,), inputs (P, d), labels (P,) of ±1, the margin, and its N_Δ."""

    network: Network
    params: np.ndarray
    inputs: np.ndarray
    labels: np.ndarray
    margin: float
    n_delta: int


def jammed(network: Network, n_train: int, n_delta: int | None = None, seed: int = 1) -> Problem:
    """A problem with `n_delta` unsatisfied patterns at random places; the default is 0.75 N, or all patterns.

    The margin is zero. So a pattern is unsatisfied if its label is opposite to the output. The time of a step and of
    the spectra depends only on the sizes and on N_Δ.
    """
    if n_delta is None:
        n_delta = min(n_train, round(JAMMED * network.n_weights))
    generator = np.random.default_rng(seed)
    # Noise is added, since at the initial state a pattern that activates no neuron has an output of exactly zero.
    params = net.initial_params(network, seed) + 0.01 * generator.standard_normal(network.n_params)
    inputs, _ = random.generate(network.dim, n_train, seed)
    outputs, _ = net.forward(params, inputs, network)
    against = generator.permutation(n_train) < n_delta
    labels = np.where(outputs > 0, 1.0, -1.0) * np.where(against, -1, 1)
    return Problem(network, params, inputs, labels, 0.0, n_delta)


def square(width: int, depth: int, activation: str = "relu") -> Network:
    """A network with d = h."""
    return Network(width, width, depth, activation)
