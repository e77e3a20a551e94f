"""The specification of a run, and the seeds that follow from it."""

import dataclasses
import itertools

import pytest

from jamming.spec import Network, Point, Protocol, seed_of


def a_point(**changes):
    point = Point(
        sweep="relu_L2",
        dataset="random",
        network=Network(dim=4, width=5, depth=2, activation="relu"),
        protocol=Protocol("hinge_adam_annealed", 0.5, 100, 1e-2, 1e-6, 0),
        n_train=20,
        replicas=2,
        dtype="float64",
        seed=1,
    )
    return dataclasses.replace(point, **changes)


def test_a_point_survives_json():
    point = a_point()
    assert Point.from_json(point.to_json()) == point


def test_the_same_point_gives_the_same_text():
    assert a_point().to_json() == Point.from_json(a_point().to_json()).to_json()


@pytest.mark.parametrize("change", [{"sweep": "relu_L3"}, {"n_train": 21}, {"seed": 2}])
def test_seeds_follow_from_what_a_run_is(change):
    assert a_point(**change).seed_for("data", 0) != a_point().seed_for("data", 0)


def test_seeds_differ_between_replicas_and_purposes():
    point = a_point()
    seeds = {point.seed_for(purpose, replica) for purpose in ("data", "initial") for replica in range(5)}
    assert len(seeds) == 10


def test_seeds_do_not_depend_on_how_a_run_is_trained():
    """More replicas, more steps or another precision keep the data and the initial states."""
    longer = a_point(replicas=7, dtype="float32", protocol=Protocol("hinge_adam", 0.5, 10**6, 1e-4, 1e-7, 1000))
    assert longer.seed_for("initial", 1) == a_point().seed_for("initial", 1)


def test_seeds_are_the_same_on_every_machine():
    """A fixed value: if the rule of seeds changed, every result would change silently."""
    assert seed_of(1, "relu_L2", 20, 0, "data") == 2268164416609072860


def test_words_are_kept_apart():
    assert seed_of(1, "ab", "c") != seed_of(1, "a", "bc")


@pytest.mark.parametrize(("dim", "width", "depth"), [(3, 4, 1), (20, 20, 2), (10, 30, 5)])
def test_counts_of_parameters(dim, width, depth):
    network = Network(dim, width, depth, "relu")
    widths = [dim, *[width] * depth, 1]
    assert network.n_weights == sum(a * b for a, b in itertools.pairwise(widths))
    assert network.n_params == network.n_weights + sum(widths[1:])
