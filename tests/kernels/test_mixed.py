"""Mixed precision: bits of single precision first, of double precision after, and the rule that says when."""

import numpy as np
import pytest

from helpers.one_step import problem
from jamming.kernels.compiled import CompiledHingeAdam
from jamming.kernels.mixed import MixedHingeAdam
from jamming.kernels.torch_step import TorchHingeAdam
from jamming.network import forward, unpack

RATES = np.linspace(1e-2, 1e-4, 60)
SWITCH = 1e-3


@pytest.fixture(params=[TorchHingeAdam, CompiledHingeAdam])
def make(request):
    network, params, inputs, labels = problem(n_train=200)
    return lambda precision: request.param(network, params, inputs, labels, 0.5, precision)


def steps(optimizer, rates):
    for rate in rates:
        optimizer.compute_gradient()
        optimizer.update(rate)


def test_it_is_single_then_double_precision(make):
    mixed, single = MixedHingeAdam(make, SWITCH), make("float32")
    high, low = RATES[RATES > SWITCH], RATES[RATES <= SWITCH]
    steps(mixed, high)
    steps(single, high)
    assert not mixed.is_double and np.array_equal(mixed.params, single.params)
    double = make("float64")
    double.load_state(single.state(), single.step)
    steps(mixed, low)
    steps(double, low)
    assert mixed.is_double and mixed.step == len(RATES)
    assert np.array_equal(mixed.params, double.params)


def test_a_network_fits_by_the_rule_of_double_precision(make):
    """f = 1/4 + (1/4 - 2⁻²⁶), so that Δ = 2⁻²⁶ > 0: in single precision the sum is rounded to 1/2."""
    network, _, inputs, labels = problem(n_train=200)
    params = np.zeros(network.n_params)
    *_, (_, hidden_biases), (last_weights, last_bias) = unpack(params, network)
    hidden_biases[0], last_weights[0, 0], last_bias[0] = 1, 0.25 - 2**-26, 0.25
    kernel = type(make("float64"))

    def constant(precision):
        return kernel(network, params, inputs, np.ones(len(labels)), 0.5, precision)

    assert constant("float32").compute_gradient() == 0
    mixed = MixedHingeAdam(constant, SWITCH)
    assert mixed.compute_gradient() == len(labels) == constant("float64").compute_gradient()
    assert mixed.is_double and mixed.delta.dtype == "float64"


@pytest.mark.parametrize("stop", [20, 57])
def test_a_saved_state_goes_on_with_the_same_bits(make, stop):
    whole, first, second = (MixedHingeAdam(make, SWITCH) for _ in range(3))
    steps(whole, RATES)
    steps(first, RATES[:stop])
    assert first.is_double == (stop == 57)
    second.load_state(first.state(), first.step)
    steps(second, RATES[stop:])
    assert np.array_equal(whole.params, second.params)


def test_other_inputs_are_evaluated_in_the_precision_of_the_moment(make):
    network, _, inputs, _ = problem(n_train=30, seed=5)
    mixed = MixedHingeAdam(make, SWITCH)
    evaluate = mixed.evaluator(inputs)
    for rates, precision in ((RATES[:10], "float32"), (RATES[-5:], "float64")):
        steps(mixed, rates)
        outputs = evaluate()
        assert outputs.dtype == precision
        exact = forward(mixed.params.astype(float), inputs, network)[0]
        np.testing.assert_allclose(outputs, exact, atol=1e-5 if precision == "float32" else 1e-13)
