"""The search for N*: the ladder of widths, and its logic on fake trainers whose transition is known."""

import dataclasses
import itertools
import math
import subprocess
import sys

import numpy as np
import pytest

from helpers.small_trainings import CROSS_ENTROPY, PACKAGE
from helpers.small_trainings import LINE_POINT as POINT
from jamming.spec import LinePoint, Network
from jamming.storage import store
from jamming.training import widths
from jamming.training.widths import (
    NEVER,
    Attempt,
    LineError,
    first_width,
    ladder,
    n_star_at,
    next_width,
    search,
    widths_of,
)

HINGE = POINT.protocol


def a_point(**changes):
    return dataclasses.replace(POINT, **changes)


def rungs(highest):
    return list(itertools.takewhile(lambda width: width <= highest, ladder()))


class FakeTrainer:
    """A trainer that answers from `fitted_at` and remembers the widths it was asked; N = 10 h."""

    def __init__(self, fitted_at, steps=100):
        self.fitted_at, self.steps, self.asked = fitted_at, steps, []

    def __call__(self, width):
        self.asked.append(width)
        at = self.fitted_at(width)
        return attempt(width, at if at <= self.steps else NEVER)


def attempt(width, fitted_at):
    return Attempt(width, 10 * width, 0, 0.0, 0.0, 100, fitted_at)


def fits_from(threshold):
    return lambda width: 5 if width >= threshold else math.inf


def searched(trainer, first=20, highest=60, shortest_time=0):
    return search(trainer, rungs(highest), first, shortest_time)


# The ladder


def test_the_ladder_has_every_integer_to_16():
    assert list(itertools.islice(ladder(), 16)) == list(range(1, 17))


def test_the_ladder_then_rises_by_8_percent():
    widths = np.array(rungs(3000))[15:]
    assert (np.diff(widths) >= 1).all()
    np.testing.assert_allclose(widths, 16 * 1.08 ** np.arange(len(widths)), atol=0.5)
    assert widths[-1] > 2700


# The search


@pytest.mark.parametrize("threshold", [2, 7, 16, 20])
def test_it_goes_down_to_the_transition(threshold):
    trainer = FakeTrainer(fits_from(threshold))
    attempts = searched(trainer)
    down = [width for width in rungs(20) if width >= threshold]
    assert trainer.asked == [*reversed(down), threshold - 1]
    assert n_star_at(attempts) == ("found", 10 * threshold, 10 * (threshold - 1))


def test_it_goes_up_when_the_first_fails():
    trainer = FakeTrainer(fits_from(24))
    attempts = searched(trainer)
    assert trainer.asked == [20, 25, 24, 22]
    assert n_star_at(attempts) == ("found", 240, 220)


def test_it_says_when_nothing_ever_fits():
    trainer = FakeTrainer(fits_from(1000))
    attempts = searched(trainer, highest=30)
    assert trainer.asked == [20, 25, 30]
    assert n_star_at(attempts) == ("never_fitted", math.inf, 300)


def test_it_says_when_everything_fits():
    trainer = FakeTrainer(fits_from(0))
    attempts = searched(trainer)
    assert trainer.asked == list(reversed(rungs(20)))
    assert n_star_at(attempts) == ("always_fitted", 10, 0)


def test_the_first_failure_ends_the_descent():
    """A narrower network would fit, but the search does not try it."""
    trainer = FakeTrainer(lambda width: math.inf if width in (5, 12) else 5)
    assert n_star_at(searched(trainer)) == ("found", 130, 120)
    assert trainer.asked[-1] == 12


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_trainer_the_bracket_is_real(seed):
    fits = np.random.default_rng(seed).random(100) < 0.6
    trainer = FakeTrainer(lambda width: 5 if fits[width] else math.inf)
    attempts, widths = searched(trainer, first=9), rungs(60)
    status, n_star, n_below = n_star_at(attempts)
    assert len(set(trainer.asked)) == len(trainer.asked)
    if status == "found":
        assert fits[int(n_star) // 10] and not fits[int(n_below) // 10]
        assert widths.index(n_star // 10) == widths.index(n_below // 10) + 1
    else:
        assert fits[trainer.asked].all() if status == "always_fitted" else not fits[trainer.asked].any()


def test_a_single_rung_is_a_search_too():
    assert n_star_at(search(FakeTrainer(fits_from(0)), [1], 1)) == ("always_fitted", 10, 0)
    assert n_star_at(search(FakeTrainer(fits_from(9)), [1], 1)) == ("never_fitted", math.inf, 10)


def test_a_short_time_sends_it_up_again():
    trainer = FakeTrainer(lambda width: 1000 / width)
    attempts = searched(trainer, first=14, shortest_time=40)
    assert trainer.asked == [14, 13, 12, 11, 10, 9, 15, 16, 17, 19, 20, 22, 24, 25]
    assert n_star_at(attempts) == ("found", 100, 90)
    assert n_star_at(attempts, 40) == ("found", 250, 240)
    assert n_star_at(attempts, 50) == ("found", 200, 190)


def test_a_time_too_short_for_any_width_diverges():
    attempts = searched(FakeTrainer(lambda width: 50 if width > 7 else math.inf), highest=30, shortest_time=40)
    assert n_star_at(attempts) == ("found", 80, 70)
    assert n_star_at(attempts, 49) == ("never_fitted", math.inf, 300)


def test_a_search_goes_on_where_it_was_interrupted():
    whole = searched(FakeTrainer(fits_from(9)))
    for done in range(len(whole) + 1):
        trainer = FakeTrainer(fits_from(9))
        assert search(trainer, rungs(60), 20, attempts=whole[:done]) == whole
        assert trainer.asked == [made.width for made in whole[done:]]


def test_every_attempt_is_kept_as_it_is_made():
    kept = []
    attempts = search(FakeTrainer(fits_from(9)), rungs(60), 12, keep=lambda made: kept.append(list(made)))
    assert kept == [attempts[: number + 1] for number in range(len(attempts))]


def test_an_ended_search_asks_for_nothing():
    assert next_width([attempt(8, 5), attempt(7, NEVER)], rungs(60), 8) is None


# N* at a time


TIMED = [attempt(10, 10), attempt(9, 20), attempt(8, 15), attempt(7, 40), attempt(6, NEVER)]


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (math.inf, ("found", 70, 60)),
        (40, ("found", 70, 60)),
        (39, ("found", 80, 70)),
        (20, ("found", 80, 70)),
        # 8 had fitted by then, but 9, wider, had not.
        (19, ("found", 100, 90)),
        (10, ("found", 100, 90)),
        (9, ("never_fitted", math.inf, 100)),
    ],
)
def test_n_star_at_shorter_times(time, expected):
    assert n_star_at(TIMED, time) == expected
    assert n_star_at(TIMED[::-1], time) == expected


def test_n_star_at_when_all_fitted():
    attempts = [attempt(2, 10), attempt(1, 30)]
    assert n_star_at(attempts) == ("always_fitted", 10, 0)
    assert n_star_at(attempts, 20) == ("found", 20, 10)
    assert n_star_at([attempt(1, 0)], 0) == ("always_fitted", 10, 0)


def test_n_star_needs_an_attempt():
    with pytest.raises(LineError, match="at least one attempted width"):
        n_star_at([])


def test_attempts_survive_a_file(tmp_path):
    attempts = [Attempt(5, 60, 3, 0.25, 1.5, 100, NEVER, 0.1), Attempt(6, 84, 0, 0.0, 0.0, 50, 50, 0.2)]
    for number, made in enumerate([attempts, []]):
        path = tmp_path / f"{number}.h5"
        store.write(path, "line", {}, {"attempts": widths.to_columns(made)}, {})
        columns = store.read(path, "line").tree["attempts"]
        assert widths.from_columns(columns) == made
        assert columns["fitted"].tolist() == [made.fitted for made in made]


# A point of a line


def test_a_point_survives_json():
    assert LinePoint.from_json(POINT.to_json()) == POINT
    assert LinePoint.from_json(POINT.to_json()).to_json() == POINT.to_json()


@pytest.mark.parametrize(
    ("dim", "n_train", "first_ratio"), [(5, 40, 1.2), (0, 2000, 1.2), (25, 100, 6.0), (10, 10, 0.1)]
)
def test_the_first_width_is_the_smallest_that_is_large_enough(dim, n_train, first_ratio):
    point = a_point(dim=dim, n_train=n_train, first_ratio=first_ratio, max_ratio=10.0)
    widths, first = widths_of(point), first_width(point)
    assert widths == rungs(widths[-1]) and first in widths
    assert point.network(first).n_weights >= first_ratio * n_train
    assert all(point.network(width).n_weights < first_ratio * n_train for width in widths if width < first)
    beyond = rungs(2 * widths[-1])[len(widths)]
    assert point.network(widths[-1]).n_weights <= 10 * n_train < point.network(beyond).n_weights


def test_the_first_width_is_tried_even_if_it_is_above_the_most():
    point = a_point(first_ratio=1.2, max_ratio=1.2)
    assert widths_of(point)[-1] == first_width(point)
    assert point.network(first_width(point)).n_weights > 1.2 * point.n_train


def test_dim_0_means_d_equals_h():
    assert a_point(dim=0).network(7) == Network(7, 7, 2, "relu")
    assert POINT.network(7) == Network(5, 7, 2, "relu")


def test_seeds_follow_from_line_p_replica_and_width():
    base = POINT.seed_for("initial", 0, 7)
    changed = [a_point(line="other"), a_point(n_train=41), a_point(seed=2)]
    others = [point.seed_for("initial", 0, 7) for point in changed]
    others += [POINT.seed_for("initial", 1, 7), POINT.seed_for("initial", 0, 8), POINT.seed_for("data", 0, 7)]
    assert len({base, *others}) == 7
    assert a_point(replicas=5, protocol=CROSS_ENTROPY, max_ratio=9.0).seed_for("initial", 0, 7) == base


def test_the_description_of_a_line_needs_no_torch():
    words = "import sys, jamming.training.widths; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words], env={"PYTHONPATH": PACKAGE}).returncode == 0
