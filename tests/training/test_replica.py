"""One replica: the steps at which it is recorded, what a look records, and how its progress is stored."""

import dataclasses

import numpy as np
import pytest

from helpers.same_bits import assert_same_bits
from helpers.small_trainings import POINT, random_patterns, with_steps
from jamming.training.checkpoint import Checkpoint
from jamming.training.progress import DivergenceError, Progress
from jamming.training.replica import Replica


class StandIn:
    """An optimizer at a given step with given numbers; its first parameter is the step."""

    def __init__(self, step, loss=0.5, n=4):
        self.step, self.loss = step, loss
        self.params = np.full(3, float(step))
        self.gradient, self.delta, self.outputs = np.full(3, 2.0), np.full(n, 0.25), np.full(n, -1.0)
        self.labels = np.ones(n)

    def state(self):
        return {"params": self.params}


def silent(_):
    pass


@pytest.fixture
def replica(tmp_path):
    return a_replica(POINT, tmp_path)


def a_replica(point, folder):
    return Replica(point, 1, random_patterns(), Checkpoint(folder / "point.h5", {}))


def test_it_is_looked_at_where_something_is_recorded_and_once(replica):
    steps, step = [0], 0
    while step < POINT.protocol.steps:
        step = replica.next_look(step)
        steps.append(step)
    assert steps[-1] == 400 and all(replica.is_due(step) for step in steps)
    assert not replica.is_due(steps[3] + 1 if steps[3] + 1 not in steps else -1)
    assert replica.goes_on(StandIn(steps[3]), steps[3], 5, silent)
    assert not replica.is_due(steps[3])


def test_a_look_records_what_is_seen(replica):
    replica.progress.seconds = 1.5
    assert replica.goes_on(StandIn(0), 0, 4, silent)
    row = replica.progress.records[-1]
    assert (row["step"], row["n_delta"], row["loss"], row["misclassified"]) == (0, 4, 0.5, 4)
    assert row["gradient_norm"] == pytest.approx(np.sqrt(12)) and row["learning_rate"] == POINT.protocol.rate
    assert row["wall_time"] == 1.5 and np.isnan(row["test_error"])
    assert replica.result is None


@pytest.mark.parametrize(("step", "n_delta"), [(400, 7), (123, 0)], ids=["last step", "fits"])
def test_it_ends_at_the_last_step_or_where_it_fits(replica, step, n_delta):
    assert replica.goes_on(StandIn(0), 0, 4, silent)
    assert not replica.goes_on(StandIn(step), step, n_delta, silent)
    result = replica.result
    assert result["steps_done"] == step and result["converged"] == (n_delta == 0)
    assert result["record"]["step"].tolist() == [0, step] and result["state"]["params"][-1][0] == step
    assert result["record"]["n_delta"].dtype == np.int64


def test_in_a_stage_that_is_not_final_it_only_leaves_the_stage_where_it_fits(tmp_path):
    replica = a_replica(dataclasses.replace(POINT, dtype="mixed"), tmp_path)
    assert not replica.goes_on(StandIn(7), 7, 0, silent)
    assert replica.result is None and not replica.progress.records


def test_what_double_precision_finds_replaces_the_record_of_single_precision(tmp_path):
    replica = a_replica(dataclasses.replace(POINT, dtype="mixed"), tmp_path)
    assert replica.goes_on(StandIn(0, loss=0.5), 0, 4, silent)
    replica.progress.stage = 1
    assert not replica.goes_on(StandIn(0, loss=0.25), 0, 0, silent)
    assert replica.result["record"]["loss"].tolist() == [0.25] and len(replica.result["state"]["step"]) == 1


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_a_diverged_replica_is_named(replica, loss):
    with pytest.raises(DivergenceError, match="sweep relu_L2, P = 200, replica 1 diverged at step 400"):
        replica.goes_on(StandIn(400, loss=loss), 400, 0, silent)


def test_progress_survives_being_stored():
    progress = Progress(
        stage=1,
        step=9,
        optimizer={"params": np.arange(3.0)},
        records=[{"step": 0, "loss": 0.5}, {"step": 9, "loss": 0.25}],
        states=[(0, np.zeros(3)), (9, np.ones(3))],
        seconds=2.5,
    )
    for each in (progress, Progress()):
        again = Progress.from_tree(each.to_tree())
        assert_same_bits(again.to_tree(), each.to_tree())
        assert (again.stage, again.step, again.seconds) == (each.stage, each.step, each.seconds)


def test_replicas_have_seeds_of_their_own(tmp_path):
    checkpoint = Checkpoint(tmp_path / "point.h5", {})
    one, other = (Replica(with_steps(POINT, 10), number, random_patterns(), checkpoint) for number in (0, 1))
    assert not np.array_equal(one.problem.params, other.problem.params)
    assert not np.array_equal(one.problem.inputs, other.problem.inputs)
