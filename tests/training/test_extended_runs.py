"""A run with more steps goes on from the end of the shorter one, and ends as one long run would."""

import dataclasses
import itertools

import numpy as np
import pytest

from helpers.same_bits import assert_same_bits
from helpers.small_trainings import killed_after, random_patterns, trained
from jamming.spec import Network, Point, Protocol
from jamming.storage import store

CONSTANT = Protocol("hinge_adam_constant", 0.5, 100, 1e-3, 0.0, 0)
DROPPING = Protocol("hinge_adam", 0.5, 100, 1e-2, 1e-6, 40)
ANNEALED = Protocol("hinge_adam_annealed", 0.5, 100, 1e-2, 1e-6, 0)


@pytest.fixture(scope="module")
def dataset():
    return random_patterns()


def a_point(protocol, steps, **changes):
    point = Point("s", "random", Network(5, 6, 2, "relu"), protocol, 200, 2, "float64", 1)
    return dataclasses.replace(point, protocol=dataclasses.replace(protocol, steps=steps), **changes)


def train(point, dataset, folder):
    """The tree and the messages."""
    said = []
    return trained(point, dataset, folder, report=said.append), said


def went_on(said):
    return [line.split("going on from ")[1] for line in said if "going on" in line]


@pytest.mark.parametrize("protocol", [CONSTANT, DROPPING], ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("lengths", [(64, 400), (7, 64, 400), (100, 1000)], ids=str)
def test_a_longer_run_goes_on_and_has_the_same_bits(dataset, tmp_path, protocol, lengths):
    whole, _ = train(a_point(protocol, lengths[-1]), dataset, tmp_path / "whole")
    train(a_point(protocol, lengths[0]), dataset, tmp_path)
    for before, steps in itertools.pairwise(lengths):
        tree, said = train(a_point(protocol, steps), dataset, tmp_path)
        assert went_on(said) == 2 * [f"step {before}"]
    assert_same_bits(tree, whole)


def test_a_run_that_had_fitted_stays_where_it_was(dataset, tmp_path):
    easy = {"network": Network(5, 20, 1, "relu"), "n_train": 20}
    short, _ = train(a_point(CONSTANT, 3000, **easy), dataset, tmp_path)
    tree, said = train(a_point(CONSTANT, 6000, **easy), dataset, tmp_path)
    assert went_on(said) == [f"step {replica['steps_done']}" for replica in short.values()]
    assert all(replica["converged"] for replica in tree.values())
    assert_same_bits(tree, train(a_point(CONSTANT, 6000, **easy), dataset, tmp_path / "whole")[0])


def test_an_extension_that_is_killed_goes_on_as_any_run(dataset, tmp_path):
    """Killed in its first replica, so the second has not begun to go on from its end."""
    point = a_point(CONSTANT, 400)
    train(a_point(CONSTANT, 64), dataset, tmp_path)
    killed_after(100, point, dataset, tmp_path)
    tree, said = train(point, dataset, tmp_path)
    assert went_on(said) == ["step 164", "step 64"]
    assert_same_bits(tree, train(point, dataset, tmp_path / "whole")[0])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (a_point(ANNEALED, 64), a_point(ANNEALED, 400)),
        (a_point(CONSTANT, 400), a_point(CONSTANT, 64)),
        (a_point(CONSTANT, 64), a_point(CONSTANT, 64)),
        (a_point(CONSTANT, 64), a_point(dataclasses.replace(CONSTANT, rate=2e-3), 400)),
        (a_point(CONSTANT, 64), a_point(CONSTANT, 400, seed=2)),
        (a_point(CONSTANT, 64), a_point(CONSTANT, 400, n_train=201)),
    ],
    ids=["annealed", "shorter", "forced", "another rate", "another seed", "another P"],
)
def test_what_differs_in_more_than_its_length_starts_over(dataset, tmp_path, before, after):
    train(before, dataset, tmp_path)
    tree, said = train(after, dataset, tmp_path)
    assert went_on(said) == []
    assert_same_bits(tree, train(after, dataset, tmp_path / "whole")[0])


def test_a_damaged_state_means_starting_over_and_saying_so(dataset, tmp_path):
    train(a_point(CONSTANT, 64), dataset, tmp_path)
    path = tmp_path / ".point.h5.replica_00.ended"
    content = bytearray(path.read_bytes())
    params = store.read(path, "ended").tree["optimizer"]["params"].tobytes()
    content[content.index(params) + 5] ^= 1
    path.write_bytes(content)
    tree, said = train(a_point(CONSTANT, 400), dataset, tmp_path)
    assert went_on(said) == ["step 64"]
    assert any("starting over" in line and ".replica_00.ended is damaged" in line for line in said)
    assert_same_bits(tree, train(a_point(CONSTANT, 400), dataset, tmp_path / "whole")[0])


def test_a_longer_run_looks_at_the_same_steps_first(dataset, tmp_path):
    steps = [train(a_point(CONSTANT, n), dataset, tmp_path)[0]["replica_00"]["record"]["step"] for n in (150, 777)]
    np.testing.assert_array_equal(steps[0][:-1], steps[1][: len(steps[0]) - 1])
    assert steps[0][-1] == 150 and 150 not in steps[1] and steps[1][-1] == 777
