"""Speeds of an imaginary machine, in round numbers, for plans that can be checked by hand."""

from jamming.planning.cost import Speeds

SPEEDS = Speeds(
    step={"relu": (1e-5, 1e-10, 2e-9), "tanh": (2e-5, 1e-10, 5e-9), "cross_entropy_sgd": (1e-4, 1e-10, 1e-9)},
    evaluation=(1e-4, 1e-10, 1e-9),
    spectrum=(1e-3, 1e-10),
    effective=(1e-3, 1e-10),
    start={"training": 1.5, "measuring": 0.4, "drawing": 0.7},
    base={"training": 3e8, "measuring": 8e7, "drawing": 1e8},
    error=0.1,
)
