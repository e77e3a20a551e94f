"""A network in the middle of training, with patterns that are satisfied and others that are not."""

import numpy as np

from jamming.network import initial_params, unpack
from jamming.spec import Network


def problem(activation="relu", depth=2, n_train=60, seed=0):
    generator = np.random.default_rng(seed)
    network = Network(dim=4, width=6, depth=depth, activation=activation)
    inputs = generator.standard_normal((n_train, 4))
    labels = np.where(np.arange(n_train) % 2, 1.0, -1.0)
    # Random biases and a larger last layer: some patterns satisfied and others not, at any depth.
    params = initial_params(network, seed)
    for _, biases in unpack(params, network):
        biases[:] = 0.3 * generator.standard_normal(len(biases))
    unpack(params, network)[-1][0][:] *= 3
    return network, params, inputs, labels
