"""A job that is killed at any step and started again ends with the same bits, in every stage, on every backend."""

import re
from dataclasses import replace

import pytest

from helpers.same_bits import assert_same_bits
from helpers.small_trainings import (
    CROSS_ENTROPY,
    LBFGS,
    LINE_POINT,
    POINT,
    killed_after,
    random_patterns,
    trained,
    with_steps,
)
from jamming import kernels
from jamming.spec import Network, Protocol

# Of the three replicas of the easy point some fit early, at different steps, and others do not.
EASY = replace(with_steps(POINT, 150), network=Network(5, 6, 2, "tanh"), n_train=24, replicas=3)
ANNEALED = replace(EASY.protocol, rate=3e-2, floor=1e-5)
CONSTANT = Protocol("hinge_adam_constant", 0.5, 100, 2e-2, 0.0, 0)
POINTS = {
    "annealed": with_steps(replace(POINT, replicas=1), 60),
    "annealed, some fit": replace(EASY, protocol=ANNEALED),
    "constant, some fit": replace(EASY, protocol=CONSTANT),
    "L-BFGS": replace(POINT, protocol=LBFGS, n_train=300, replicas=1),
}


@pytest.fixture(scope="module")
def dataset():
    return random_patterns()


def assert_killed_jobs_end_alike(point, dataset, folder, kills, backend):
    """Kill after each number of steps in turn, then let the job end. Returns the messages."""
    chosen = kernels.choose("cpu", backend, threads=1, together=point.can_train_together)
    said = []
    for steps in kills:
        killed_after(steps, point, dataset, folder, chosen, said.append)
    tree = trained(point, dataset, folder, chosen, said.append)
    assert_same_bits(tree, trained(point, dataset, folder / "whole", chosen))
    return said


@pytest.mark.parametrize("backend", ["compiled", "torch", "batched"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "mixed"])
@pytest.mark.parametrize("name", POINTS)
def test_a_killed_training_ends_with_the_same_bits(dataset, tmp_path, name, dtype, backend):
    """Killed at the start, within L-BFGS, about where Adam begins, and about where double precision does."""
    point = replace(POINTS[name], dtype=dtype)
    said = assert_killed_jobs_end_alike(point, dataset, tmp_path, (0, 12, 13, 8, 16), backend)
    assert sum("going on from step" in line for line in said) >= 4


@pytest.mark.parametrize("stop", [24, 25, 26, 27, 28, 56, 57, 58, 59])
def test_the_steps_at_which_a_stage_ends(dataset, tmp_path, stop):
    """L-BFGS makes 25 steps, and double precision begins at step 57."""
    assert_killed_jobs_end_alike(replace(POINTS["L-BFGS"], dtype="mixed"), dataset, tmp_path, (stop,), "compiled")


@pytest.mark.parametrize("backend", ["compiled", "torch"])
@pytest.mark.parametrize("protocol", [ANNEALED, LBFGS, CROSS_ENTROPY], ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("dtype", ["float64", "float32", "mixed"])
def test_a_killed_search_ends_with_the_same_bits(tmp_path, protocol, dtype, backend):
    point = replace(LINE_POINT, protocol=protocol, dtype=dtype, replicas=2, max_ratio=1.8)
    steps = 40 if protocol is LBFGS else 12
    kills = (3, steps - 7, 10)
    said = assert_killed_jobs_end_alike(with_steps(point, steps), None, tmp_path, kills, backend)
    assert sum("going on from step" in line for line in said) == 3
    assert any("going on after 0 widths" in line for line in said), "killed within the first width"
    assert any(re.search("going on after [1-9] widths", line) for line in said), "and in a later one"
