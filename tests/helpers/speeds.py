"""Speeds of a machine that does not exist, in round numbers: for plans that can be checked by hand."""

from itertools import product

from jamming.planning.cost import Speeds, Step

OF_A_STEP = {"adam": (1e-5, 1e-10, 2e-9), "lbfgs": (3e-5, 3e-10, 6e-9), "sgd": (1e-4, 1e-10, 1e-9)}


def speeds(together: bool = False) -> Speeds:
    """Those of a backend that trains the replicas of a point `together` or not. Single precision is twice as fast."""
    steps = {
        Step(method, precision, activation, at_once): tuple(value / (1 + (precision == "float32")) for value in times)
        for method, times in OF_A_STEP.items()
        for precision, activation, at_once in product(("float32", "float64"), ("relu", "tanh"), {False, together})
    }
    return Speeds(steps, eigenvalues=1e-10, start=0.5)


SPEEDS = speeds()
