"""A comparison of results: all numbers except times must be equal, bit for bit."""

import numpy as np


def flat(tree, prefix=""):
    """Every number of a tree by name, without the times, which no two runs share."""
    for name, value in tree.items():
        if isinstance(value, dict):
            if name != "timing":
                yield from flat(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", value


def assert_same_bits(first, second):
    first, second = dict(flat(first)), dict(flat(second))
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
