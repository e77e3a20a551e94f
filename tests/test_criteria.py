"""How runs end: states of overlaps made by hand, and dead patterns of a network that has them."""

import numpy as np
import pytest

from helpers.made_runs import ended, point_for
from jamming import losses
from jamming import network as net
from jamming.criteria import FITS, JAMMED, STUCK, UNSETTLED, End, dead_patterns, end_of, fits, fits_by_count
from jamming.spec import Network

N_WEIGHTS, P = 100, 250
SOME = np.where(np.arange(P) < 75, 0.02, -0.3) * np.linspace(0.5, 1.5, P)
"""Δ of a run near jamming: N_Δ/N = 0.75, 𝓛 ≈ 4·10⁻⁵."""


def end(delta, before=1.0, output=None, margin=0.5) -> End:
    return end_of({"n_weights": N_WEIGHTS, **ended(delta, margin, output, before)}, margin)


def with_dead(delta, output):
    """The same, but the first two patterns share their output and are of opposite labels."""
    labels = np.where(np.arange(len(delta)) % 2 == 0, 1.0, -1.0)
    output = np.where(np.arange(len(delta)) < 2, output, labels * (0.5 - delta))
    return {"delta": np.where(np.arange(len(delta)) < 2, 0.5 - labels * output, delta), "output": output}


def test_a_run_near_jamming():
    found = end(SOME)
    assert (found.state, found.n_delta, found.n_dead, found.fall) == (JAMMED, 75, 0, 1.0)
    assert found.loss == found.living_loss == pytest.approx(losses.quadratic_hinge(SOME))
    assert found.overlap == pytest.approx(np.median(SOME[SOME > 0]))
    assert found.is_near_jamming(1e-3) and not found.is_near_jamming(1e-5)
    assert End.from_tree({**found.to_tree(), "more": 1}) == found


def test_fitted_is_what_lies_on_the_margin_but_for_rounding():
    """The rule of the papers counts 75 patterns at Δ ≈ 10⁻⁹ and calls it a failure."""
    found = end(1e-7 * SOME)
    assert found.state == FITS and fits(found.loss)
    assert not fits_by_count(found.n_delta, N_WEIGHTS) and fits_by_count(10, N_WEIGHTS)
    assert end(-np.ones(P)).state == FITS


def test_the_threshold_of_the_loss_scales_with_the_margin():
    assert fits(1e-6, 0.5) and not fits(1.1e-6, 0.5) and fits(4e-6, 1.0) and not fits(4.1e-6, 1.0)
    factor = 2 * np.sqrt(0.99e-6 / losses.quadratic_hinge(SOME))
    assert end(factor / 2 * SOME).state == FITS
    assert end(factor * SOME, margin=1.0).state == FITS and end(factor * SOME).state != FITS


@pytest.mark.parametrize(("before", "state"), [(1.0, JAMMED), (3.5, JAMMED), (4.5, UNSETTLED), (0.5, JAMMED)])
def test_a_run_that_still_falls_has_not_settled(before, state):
    assert end(SOME, before).state == state


def test_few_patterns_far_from_the_margin_hold_a_run_that_else_fits():
    delta = 1e-4 * SOME
    delta[0] = 0.9
    found = end(delta)
    assert found.state == STUCK and found.n_dead == 0
    assert found.outlier_loss / found.loss == pytest.approx(1)
    assert end(delta, before=5.0).state == UNSETTLED, "what holds it still falls"


def test_the_fall_of_the_bulk_is_not_hidden_by_an_outlier():
    """𝓛 falls by a tenth, all of it in the bulk, which holds a fiftieth of 𝓛 at the end."""
    delta = SOME.copy()
    delta[0] = np.sqrt(49 * 2 * P * losses.quadratic_hinge(SOME))
    found = end(delta, before=1.1)
    assert found.fall == pytest.approx(1.1) and found.bulk_fall > 5 and found.state == UNSETTLED


def test_dead_patterns_are_counted_and_their_loss_told_apart():
    made = with_dead(SOME, 0.1)
    found = end(made["delta"], output=made["output"])
    assert (found.n_dead, found.state) == (2, JAMMED)
    assert found.dead_loss == pytest.approx((0.4**2 + 0.6**2) / 2 / P)
    assert found.living_loss == pytest.approx(losses.quadratic_hinge(SOME) - (SOME[:2] ** 2).sum() / 2 / P)
    fitted = with_dead(-np.abs(SOME), 0.1)
    held = end(fitted["delta"], output=fitted["output"])
    assert (held.n_dead, held.state, held.living_loss) == (2, STUCK, pytest.approx(0, abs=1e-15))


def test_patterns_behind_a_dead_layer_are_dead():
    """Biases that switch the second layer off for half of the patterns map them to one output."""
    network = Network(4, 6, 2, "relu")
    point = point_for(network, P)
    generator = np.random.default_rng(1)
    params, inputs = net.initial_params(network, 1), generator.standard_normal((P, 4))
    _, pre = net.forward(params, inputs, network)
    off = pre[1].max(axis=1)
    params[net.layers(network)[1].biases] = -np.median(off)
    output, pre = net.forward(params, inputs, network)
    expected = (pre[1] <= 0).all(axis=1)
    assert 0.2 * P < expected.sum() < 0.8 * P
    labels = np.where(generator.random(P) < 0.5, 1.0, -1.0)
    delta = losses.overlaps(output, labels, point.protocol.margin)
    np.testing.assert_array_equal(dead_patterns(delta, output, 0.5), expected)


def test_patterns_of_one_label_that_share_their_output_live():
    """A bias moves them together, and can fit all of them."""
    output = np.array([0.2, 0.2, 0.2, -0.7])
    labels = np.array([1.0, 1.0, 1.0, -1.0])
    assert not dead_patterns(0.5 - labels * output, output, 0.5).any()
