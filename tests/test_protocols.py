"""Learning rates, and the steps at which runs are recorded."""

import dataclasses

import numpy as np
import pytest

from jamming.protocols import Stage, can_be_extended, learning_rate, log_spaced_steps, stages, steps_seen
from jamming.spec import Protocol


def test_hinge_adam_divides_by_ten_down_to_the_floor():
    protocol = Protocol("hinge_adam", 0.5, 10**7, 1e-4, 1e-7, 250_000)
    rates = [learning_rate(protocol, step) for step in (0, 249_999, 250_000, 500_000, 750_000, 10**7 - 1)]
    assert rates == pytest.approx([1e-4, 1e-4, 1e-5, 1e-6, 1e-7, 1e-7], rel=1e-12)


def test_constant_rate():
    protocol = Protocol("hinge_adam_constant", 0.5, 1000, 1e-4, 0, 0)
    assert {learning_rate(protocol, step) for step in range(1000)} == {1e-4}


def test_annealed_rate_is_linear():
    protocol = Protocol("hinge_adam_annealed", 0.5, 1000, 3e-3, 1e-7, 0)
    assert learning_rate(protocol, 0) == 3e-3
    assert learning_rate(protocol, 1000) == pytest.approx(1e-7)
    assert learning_rate(protocol, 500) == pytest.approx((3e-3 + 1e-7) / 2)


def test_the_rate_of_lbfgs_then_adam_falls_after_lbfgs():
    protocol = Protocol("hinge_lbfgs_annealed", 0.5, 60, 1e-2, 1e-6, 0, 25, 30)
    rates = [learning_rate(protocol, step) for step in range(61)]
    assert set(rates[:26]) == {1e-2} and rates[-1] == pytest.approx(1e-6)
    assert np.allclose(np.diff(rates[25:]), (1e-6 - 1e-2) / 35)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_one_precision_is_one_stage(dtype):
    assert stages(Protocol("hinge_adam", 0.5, 1000, 1e-4, 1e-7, 100), dtype) == [Stage("adam", dtype, 1000)]


@pytest.mark.parametrize(
    ("protocol", "until"),
    [
        (Protocol("hinge_adam", 0.5, 1000, 1e-4, 1e-7, 250), 250),
        (Protocol("hinge_adam_constant", 0.5, 1000, 1e-4, 0, 0), 1000),
        (Protocol("hinge_adam_annealed", 0.5, 1000, 1e-3, 0, 0), 900),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_mixed_precision_is_double_from_a_tenth_of_the_rate_on(protocol, until):
    single, double = stages(protocol, "mixed")
    assert single == Stage("adam", "float32", until, is_final=False), "a network that fits has to fit in double, too"
    assert double == Stage("adam", "float64", 1000)


def test_lbfgs_is_a_stage_of_its_own_in_double_precision():
    protocol = Protocol("hinge_lbfgs_annealed", 0.5, 100, 1e-2, 0, 0, 50, 30)
    assert stages(protocol, "float32") == [Stage("lbfgs", "float64", 50, memory=30), Stage("adam", "float32", 100)]
    first, *others = stages(protocol, "mixed")
    assert first == Stage("lbfgs", "float64", 50, memory=30) and [stage.until for stage in others] == [95, 100]


def test_adam_may_come_before_lbfgs_and_its_rate_falls_only_after_it():
    protocol = Protocol("hinge_lbfgs_annealed", 0.5, 100, 1e-2, 0, 0, 50, 30, start_steps=10)
    start, descent, *others = stages(protocol, "mixed")
    assert start == Stage("adam", "float32", 10, is_final=False), "a network that fits has to fit in double, too"
    assert descent == Stage("lbfgs", "float64", 60, memory=30) and [stage.until for stage in others] == [96, 100]
    assert stages(protocol, "float64")[0] == Stage("adam", "float64", 10)
    rates = [learning_rate(protocol, step) for step in range(101)]
    assert set(rates[:61]) == {1e-2} and rates[80] == pytest.approx(5e-3) and rates[100] == 0


@pytest.mark.parametrize(("dtype", "precision"), [("mixed", "float32"), ("float32", "float32"), ("float64", "float64")])
def test_cross_entropy_has_one_stage(dtype, precision):
    assert stages(Protocol("cross_entropy_sgd", 0, 100, 0.1, 0.01, 0), dtype) == [Stage("sgd", precision, 100)]


def test_unknown_protocol_is_named():
    with pytest.raises(ValueError, match="unknown protocol 'sgd'"):
        learning_rate(Protocol("sgd", 0.5, 10, 1, 1, 1), 0)


@pytest.mark.parametrize("last", [1, 2, 9, 1000, 20_000, 10**7])
def test_steps_are_log_spaced(last):
    steps = log_spaced_steps(last, 10)
    assert steps[0] == 0 and steps[-1] == last
    assert steps == sorted(set(steps))
    late = np.array([step for step in steps if step > 100])
    if len(late) > 2:
        np.testing.assert_allclose(np.diff(np.log10(late)), 0.1, atol=0.01)


@pytest.mark.parametrize("name", ["hinge_adam", "hinge_adam_constant"])
@pytest.mark.parametrize("last", [1, 2, 9, 1000, 20_000, 10**7])
def test_runs_that_can_be_extended_look_at_the_same_steps(name, last):
    protocol = Protocol(name, 0.5, last, 1e-4, 1e-7, 1000)
    steps = steps_seen(protocol, 10)
    assert steps[0] == 0 and steps[-1] == last and steps == sorted(set(steps))
    longer = steps_seen(dataclasses.replace(protocol, steps=3 * last), 10)
    assert steps[:-1] == [step for step in longer if step < last]
    assert {1, 10, 100, 1000} & set(range(last + 1)) <= set(steps)


def test_runs_whose_rate_knows_the_end_count_back_from_it():
    protocol = Protocol("hinge_adam_annealed", 0.5, 777, 1e-3, 1e-7, 0)
    assert steps_seen(protocol, 10) == log_spaced_steps(777, 10)
    assert not can_be_extended(protocol) and can_be_extended(dataclasses.replace(protocol, name="hinge_adam"))
