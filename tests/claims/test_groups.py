"""Each statistic on made-up results with a known answer: planted effects are found, and absent ones are not."""

import copy
import json
import math
from dataclasses import replace

import numpy as np
import pytest

from helpers import synthetic, synthetic_lines
from helpers import synthetic_generalization as made
from helpers.made_runs import ended
from helpers.synthetic_lines import replica_tree
from jamming import claims
from jamming.analysis import Analysis
from jamming.analysis.statistics import kendall
from jamming.claims import generalization, jump, n_star, position, sizes, spectra
from jamming.criteria import JAMMED_FRACTION
from jamming.inventory import claim_groups
from jamming.spec import LinePoint, Network
from jamming.storage.store import Result
from jamming.training.widths import NEVER, Attempt, first_width, search, widths_of

ANALYSIS = Analysis(max_loss=synthetic.MAX_LOSS, n_bootstrap=60, seed=1, drawn_network={})
NEVER_RUN = set(claims.statistics("unmeasured"))
ALL = {identifier: statistic for group in claim_groups() for identifier, statistic in claims.statistics(group).items()}


@pytest.fixture(scope="module")
def results():
    return synthetic.make_results(n_points=12)


def measure(identifier, results, analysis=ANALYSIS):
    return claims.measure(identifier, ALL[identifier], results, analysis)


def with_spectra(change, sweeps=("relu_L2", "relu_L3", "relu_L5", "tanh_L3", "mnist_L5"), **more):
    """The made-up results with `change` applied to every replica whose spectrum was measured."""
    results = synthetic.make_results(**more)
    for sweep in sweeps:
        for result in results["spectra"][sweep]:
            for replica in result.tree.values():
                if isinstance(replica, dict) and replica["measured"]:
                    change(replica)
    return results


# --- all of them ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("identifier", [name for name in ALL if name not in NEVER_RUN])
def test_every_statistic_gives_a_number_and_reads_only_what_it_declares(results, identifier):
    needs = ALL[identifier].needs
    declared = {kind: {sweep: results[kind][sweep] for sweep in sweeps} for kind, sweeps in needs.items()}
    measured = measure(identifier, declared, replace(ANALYSIS, n_bootstrap=10))
    assert measured.value is not None and measured.n_runs > 1 and math.isfinite(measured.value)
    low, high = measured.interval(0.95)
    assert low <= measured.value <= high
    assert measured == measure(identifier, results, replace(ANALYSIS, n_bootstrap=10))


def test_claims_without_runs_say_which_they_would_take(results):
    for identifier in NEVER_RUN:
        (sweeps,) = ALL[identifier].needs.values()
        assert claims.missing(ALL[identifier], results) == list(sweeps)


def test_absent_sweeps_are_named(results):
    without = {**results, "runs": {"relu_L2": results["runs"]["relu_L2"]}}
    assert claims.missing(ALL["jump-random"], without) == ["relu_L3", "relu_L5"]
    assert claims.missing(ALL["transition-location-L2"], without) == []


def test_sizes_are_the_least_of_the_sweeps_of_a_claim(results):
    found = sizes.sizes_of(results, {"runs": ("relu_L2", "relu_L5")})
    networks = [Network(8, 8, depth, "relu").n_weights for depth in (2, 5)]
    assert found["n_weights"] == min(networks)
    assert found["n_train"] == round(1.25 * 2.75 * min(networks))
    assert (found["steps"], found["n_train_ratio"]) == (20000, pytest.approx(1.25 / 0.85, rel=0.01))
    assert found["steps_per_pattern"] == pytest.approx(20000 / (1.25 * 2.75 * max(networks)), rel=0.01)
    of_lines = sizes.sizes_of(results, {"lines": ("line_hinge_L3",)})
    assert of_lines["n_train"] == 2000 and of_lines["n_weights"] > 800


# --- transition -----------------------------------------------------------------------------------------------------


def test_threshold_of_a_sharp_transition_lies_between_the_last_fit_and_the_first_jam():
    assert position.threshold(np.array([1.0, 2, 3, 4]), np.array([0, 0, 1, 1])) == (2.5, 0.5)


def test_threshold_is_the_mean_of_the_planted_one():
    """Thresholds uniform on [2, 3] have the mean 2.5, whatever the spacing of the loads around them."""
    generator = np.random.default_rng(1)
    loads = np.repeat(np.concatenate([np.linspace(1.5, 2.5, 6), np.linspace(2.55, 4, 15)]), 400)
    place, _ = position.threshold(loads, loads > generator.uniform(2, 3, len(loads)))
    assert place == pytest.approx(2.5, abs=0.02)


def test_a_run_out_of_order_does_not_matter_much():
    place, _ = position.threshold(np.arange(10.0), np.array([0, 0, 0, 1, 0, 1, 1, 1, 1, 1]))
    assert place == pytest.approx(3.5)


@pytest.mark.parametrize("jammed", [[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0.5]])
def test_a_sweep_on_one_side_of_the_transition_has_none(jammed):
    assert math.isnan(position.threshold(np.array([1.0, 2, 3, 4]), np.array(jammed, float))[0])


@pytest.mark.parametrize("depth", ["L2", "L3", "L5"])
def test_planted_transition_is_found(depth):
    results = synthetic.make_results(n_points=16, replicas=3)
    measured = measure(f"transition-location-{depth}", results)
    assert measured.value == pytest.approx(2.75, rel=0.02)
    low, high = measured.interval(0.95)
    assert low < 2.75 < high and high - low < 0.4


# --- jump -----------------------------------------------------------------------------------------------------------


def ends(n_delta_over_n, loss, n_weights=1000, sweep="relu_L2"):
    """One point with replicas that ended in the given ways."""
    network = {"dim": 20, "width": 20, "depth": 2, "activation": "relu"}
    spec = {"sweep": sweep, "n_train": 2 * n_weights, "network": network, "protocol": {"margin": 0.5, "steps": 10}}
    tree = {}
    for number, (share, one) in enumerate(zip(n_delta_over_n, loss, strict=True)):
        n_delta = round(share * n_weights)
        overlap = math.sqrt(4 * n_weights * one / max(n_delta, 1))
        delta = np.where(np.arange(2 * n_weights) < n_delta, overlap, -0.1)
        tree[f"replica_{number:03d}"] = {"n_weights": n_weights, **ended(delta)}
    return Result("run", spec, {}, tree)


def runs(*arguments, **more):
    return {"runs": {sweep: [ends(*arguments, sweep=sweep, **more)] for sweep in ("relu_L2", "relu_L3", "relu_L5")}}


def test_height_is_the_mean_of_the_runs_near_jamming():
    # fitted, on the margin, far from jamming; then four near it, one of them within the jump: N_Δ selects no run
    shares, losses = [0, 0.6, 0.9, 0.3, 0.7, 0.75, 0.8], [0, 1e-9, 0.1, 1e-4, 1e-4, 1e-4, 1e-4]
    measured = measure("jump-random", runs(shares, losses))
    assert measured.value == pytest.approx(2.55 / 4) and measured.n_runs == 12


def test_runs_within_the_jump_are_counted():
    """0, 3 and 4 of N = 1000 count as fitted, 5 and 400 lie within, 401 is jammed, 300 at 𝓛 ≈ 0 fit."""
    measured = measure("jump-random-empty", runs([0, 0.003, 0.004, 0.005, 0.4, 0.401, 0.3], [0] + [1e-4] * 5 + [1e-9]))
    assert (measured.value, measured.exposure, measured.n_runs) == (pytest.approx(2 / 7), 21, 21)
    assert jump.A_FEW == 4 and JAMMED_FRACTION == 0.4


def test_poor_minima_are_stationary_with_few_constraints():
    """Of six runs: two stationary with few constraints, one of them fitted; one jammed; the others not stationary."""
    results = runs([0.1, 0.1, 0.7, 0.1, 0.7, 0.7], [1e-4, 1e-9, 1e-4, 1e-4, 1e-4, 1e-4])
    for sweep in results["runs"].values():
        for name in ("replica_000", "replica_001", "replica_002"):
            sweep[0].tree[name]["record"]["gradient_norm"] = np.full(3, 1e-12)
    measured = measure("no-poor-minima", results)
    assert (measured.value, measured.exposure) == (pytest.approx(1 / 6), 18)


def test_misclassified_patterns_against_unsatisfied_ones_and_against_the_loss():
    loss = np.geomspace(1e-4, 9e-4, 6)
    results = runs(np.full(6, 0.7), loss)
    for sweep in results["runs"].values():
        for number in range(6):
            sweep[0].tree[f"replica_{number:03d}"]["record"]["misclassified"] = np.array([0, 0, 7.0 * (number + 1)])
    few = measure("misclassified-few", results)
    assert few.value == pytest.approx(np.mean(7 * np.arange(1, 7)) / 700) and set(few.parts) == {"L2", "L3", "L5"}
    grow = measure("misclassified-grow", results)
    assert [part.value for part in grow.parts.values()] == [pytest.approx(1)] * 3


def test_tanh_lies_between_its_negative_modes_and_one(results):
    rows = [
        (run["n_delta"] / run["n_weights"], run["n_negative_hp"] / (run["n_negative_hp"] + run["n_positive_hp"]))
        for result in results["spectra"]["tanh_L3"]
        for run in result.tree.values()
        if isinstance(run, dict) and run["measured"]
    ]
    n_delta, c0 = np.mean(rows, axis=0)
    assert measure("jump-tanh-bounds", results).value == pytest.approx(min(n_delta - c0, 1 - n_delta))


def test_scatter_around_the_curve_is_the_planted_one():
    generator = np.random.default_rng(2)
    loss = 10 ** generator.uniform(-5.9, -2, 400)
    shares = 0.7 + 0.02 * np.log10(loss / 1e-6) ** 1.5 + 0.03 * generator.standard_normal(400)
    results = runs(shares, loss, n_weights=5000)
    measured = measure("jump-collapse", results)
    assert measured.value == pytest.approx(0.03, rel=0.1)
    shifted = {"runs": {**results["runs"], "relu_L5": [ends(shares + 0.2, loss, 5000, "relu_L5")]}}
    # Two thirds of the runs 1/3·0.2 below the common curve, one third 2/3·0.2 above
    assert measure("jump-collapse", shifted).value == pytest.approx(math.hypot(0.03, 0.2 * math.sqrt(2) / 3), rel=0.1)


def test_stability_bound_takes_each_run_s_own_spectrum_and_cusps():
    results = synthetic.make_results()
    expected = []
    for sweep in jump.CUSPED:
        for number, spectrum in enumerate(results["spectra"][sweep]):
            cusps = results["preactivations"][sweep][number].tree
            for name, replica in spectrum.tree.items():
                if isinstance(replica, dict) and replica["measured"]:
                    cusps[name]["n_cusp"] = 10 * number + len(expected)
                    slack = replica["n_delta"] - replica["n_negative_hp"] + cusps[name]["n_cusp"]
                    expected.append(slack / replica["n_weights"])
    results["preactivations"]["relu_L2"].reverse()
    measured = measure("jump-above-bound", results)
    assert measured.value == pytest.approx(np.mean(expected)) and measured.n_runs == len(expected)


# --- lines ----------------------------------------------------------------------------------------------------------


def descent(point, n_star):
    """The search of a replica whose networks fit at once if N ≥ n_star."""

    def train(width):
        n_weights = point.network(width).n_weights
        fitted_at = 1 if n_weights >= n_star else NEVER
        return Attempt(width, n_weights, 0, 0.0 if n_weights >= n_star else 1e-3, 0.0, 1, fitted_at)

    return replica_tree(search(train, widths_of(point), first_width(point)))


def planted(n_star, loads=(500, 1000, 2000, 5000), names=("line_hinge_L2", "line_hinge_L3", "line_hinge_L5")):
    """Lines with `n_star(name, P)` and a scatter of 5 % between three replicas."""
    generator = np.random.default_rng(5)
    every = {}
    for name in names:
        depth = int(name.split("_L")[1][0])
        every[name] = []
        for load in loads:
            point = LinePoint(
                name, "random", depth, "relu", 10, synthetic_lines.HINGE, load, 3, "float64", 0, 1.5, 8.0, 0
            )
            tree = {
                f"replica_{number:02d}": descent(point, n_star(name, load) * math.exp(error))
                for number, error in enumerate(0.05 * generator.standard_normal(3))
            }
            every[name].append(Result("line", json.loads(point.to_json()), {}, tree))
    return {"lines": every}


def test_lines_that_are_the_same_differ_by_little():
    measured = measure("depth-independent-hinge", planted(lambda name, load: 0.4 * load))
    assert 1 <= measured.value < 1.12
    assert measured.interval(0.95)[1] < 1.25


def test_a_line_that_lies_twice_as_high_is_seen():
    measured = measure("depth-independent-hinge", planted(lambda name, load: 0.4 * load * (1 + name.endswith("L5"))))
    assert measured.value == pytest.approx(2, rel=0.1)
    assert measured.interval(0.95)[0] > 1.25


@pytest.mark.parametrize("power", [0.6, 1.0])
def test_planted_exponent_of_a_line_is_found(power):
    names = ("line_mnist_L1", "line_mnist_L3", "line_mnist_L5", "line_hinge_L3")
    loads = (100, 500, 1000, 2000, 5000)  # the first is not of the last decade, and off the law

    def n_star(name, load):
        return 0.4 * load**0.9 if name == "line_hinge_L3" else (0.9 if load > 100 else 9) * load**power

    measured = measure("mnist-sublinear", planted(n_star, loads, names))
    assert measured.value == pytest.approx(power - 0.9, abs=0.08)
    low, high = measured.interval(0.95)
    assert low < power - 0.9 < high
    assert set(measured.parts) == {"L1", "L3", "L5"}
    assert measure("random-linear", planted(n_star, loads, names)).value == pytest.approx(0.9, abs=0.06)


def test_one_depth_that_lies_above_random_data_is_not_averaged_away():
    names = ("line_mnist_L1", "line_mnist_L3", "line_mnist_L5", "line_hinge_L3")
    ratio = {"line_mnist_L1": 1.3, "line_mnist_L3": 0.4, "line_mnist_L5": 0.4, "line_hinge_L3": 1.0}
    measured = measure("mnist-below-random", planted(lambda name, load: 0.4 * ratio[name] * load, names=names))
    assert measured.interval(0.95)[1] < 0.9 < measured.parts["L1"].interval(0.95)[0]


def test_exponent_takes_three_points():
    results = planted(
        lambda name, load: 0.4 * load,
        (1000, 5000),
        ("line_mnist_L1", "line_mnist_L3", "line_mnist_L5", "line_hinge_L3"),
    )
    measured = measure("mnist-sublinear", results)
    assert measured.value is None and measured.lacking == n_star.SLOPE_LACKING


def test_largest_ratio_is_that_of_the_worst_point():
    results = planted(lambda name, load: (1.5 if (name, load) == ("line_hinge_L3", 500) else 0.4) * load)
    measured = measure("bound-hinge", results)
    # N* is the width above the planted value, and the interval reaches down to the one below.
    assert 1.5 <= measured.value < 1.5 * 1.25
    assert measured.interval(0.68)[0] < 1.5
    assert measured.resolution[0] > 0 == measured.resolution[1]


def test_networks_that_never_fitted_count_with_the_largest_tried():
    measured = measure("bound-hinge", planted(lambda name, load: (9 if name.endswith("L5") else 0.4) * load))
    assert 7 < measured.value <= 8  # max_ratio of the searches


def test_mnist_is_compared_with_random_data_at_the_same_p():
    names = ("line_mnist_L1", "line_mnist_L3", "line_mnist_L5", "line_hinge_L3")
    results = planted(lambda name, load: load * (0.2 if "mnist" in name else 0.4), names=names)
    assert measure("mnist-below-random", results).value == pytest.approx(0.5, rel=0.08)


# --- spectra --------------------------------------------------------------------------------------------------------


def set_hp(values_of):
    """A change of replicas: other eigenvalues of H_p, with new counts."""

    def change(replica):
        values = np.sort(values_of(replica))
        replica["eigenvalues"]["hp"] = values
        replica["n_zero_hp"] = int((values == 0).sum())
        replica["n_negative_hp"], replica["n_positive_hp"] = int((values < 0).sum()), int((values > 0).sum())

    return change


def split(negative, zero=0.0):
    """Spectra ∝ √𝓛 with given fractions of negative and of zero eigenvalues."""

    def values_of(replica):
        n_zero = round(zero * replica["n_params"])
        size = replica["n_params"] - n_zero
        sizes_of = np.linspace(0.5, 1.5, size) * replica["overlap"]
        return np.concatenate([np.zeros(n_zero), np.where(np.arange(size) < round(negative * size), -1, 1) * sizes_of])

    return set_hp(values_of)


def test_symmetric_and_asymmetric_spectra_are_told_apart():
    symmetric, asymmetric = (with_spectra(split(negative, zero=0.05)) for negative in (0.5, 0.43))
    assert measure("c0-relu", symmetric).value == pytest.approx(0.5, abs=0.005)
    for identifier in ("c0-relu", "c0-mnist-symmetric", "c0-tanh"):
        # Of the eigenvalues that are not zero, not of N, which the biases are no part of
        assert measure(identifier, asymmetric).value == pytest.approx(0.43, abs=0.005)


def test_zeros_are_counted_per_hidden_neuron():
    def change(replica):
        n_zero = 2 * replica["n_hidden"]
        rest = np.linspace(1, 2, replica["n_params"] - n_zero)
        replica["eigenvalues"]["hp"] = np.sort(np.concatenate([np.full(n_zero, 1e-9), rest]))

    assert measure("c0-relu-zeros", with_spectra(change)).value == 2


@pytest.mark.parametrize("power", [0.5, 0.25])
def test_planted_scaling_with_the_loss_is_found(power):
    def values_of(replica):
        depth_factor = replica["n_hidden"]  # differs between depths, and must not matter
        return depth_factor * replica["overlap"] ** (2 * power) * np.linspace(-1, 1, replica["n_params"])

    results = with_spectra(set_hp(values_of), n_points=10)
    assert measure("hp-scaling", results).value == pytest.approx(power, abs=1e-6)
    collapsed = measure("hp-collapse", results).value
    # Equal up to rounding, which puts one value before or behind its like.
    assert collapsed < 1.01 / Network(8, 8, 2, "relu").n_params if power == 0.5 else collapsed > 0.1


def test_ks_distance_against_the_definition():
    generator = np.random.default_rng(3)
    one, other = np.sort(generator.normal(0, 1, 40)), np.sort(generator.normal(0.5, 1, 25))
    grid = np.concatenate([one, other])
    slow = max(abs(np.mean(one <= x) - np.mean(other <= x)) for x in grid)
    assert spectra.ks_distance(one, other) == pytest.approx(slow)
    assert spectra.ks_distance(one, one) == 0 and spectra.ks_distance(one, one + 100) == 1


def test_a_gap_is_told_from_a_spectrum_that_reaches_down_to_zero():
    def change(shift):
        def to(replica):
            rank = replica["rank_h0"]
            replica["eigenvalues"]["h0"] = np.concatenate(
                [np.zeros(replica["n_params"] - rank), shift + np.arange(1, rank + 1) / rank]
            )

        return to

    assert measure("h0-gap", with_spectra(change(0.0))).value == pytest.approx(1)
    assert measure("h0-gap", with_spectra(change(0.2))).value > 10


def test_a_gap_that_shrinks_with_the_loss_is_seen():
    def change(replica):
        rank = replica["rank_h0"]
        lowest = (replica["loss"] - replica["dead_loss"]) ** -0.3
        values = np.concatenate([np.zeros(replica["n_params"] - rank), lowest + np.arange(rank)])
        replica["eigenvalues"]["h0"] = values

    assert measure("h0-gap-shrinks", with_spectra(change, n_points=10)).value == pytest.approx(-0.3, abs=1e-6)


def test_rank_and_negative_modes_are_means_over_runs():
    def change(replica):
        replica["rank_h0"] = 3 * replica["n_delta"] // 4
        replica["n_negative_h"] = round(0.1 * replica["n_params"])

    results = with_spectra(change)
    assert (measure("h0-rank", results).value, measure("h0-rank", results).model) == (0, "binomial")
    assert measure("h0-rank", synthetic.make_results()).value == 1
    assert measure("h-negative-relu", results).value == pytest.approx(0.1, abs=0.005)
    tanh = measure("h-negative-tanh", results)
    network = Network(8, 8, 3, "tanh")
    assert tanh.model == "poisson"
    assert tanh.value == pytest.approx(round(0.1 * network.n_params) / network.n_weights)


# --- exponents, cusps, effective ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("identifier", "expected"), [("theta-relu", synthetic.THETA), ("gamma-relu", synthetic.GAMMA)])
def test_planted_exponents_are_found(identifier, expected):
    measured = measure(identifier, synthetic.make_results(width=10, replicas=6))
    low, high = measured.interval(0.95)
    assert low < expected < high and high - low < 0.4


def test_exponents_are_compared_with_the_errors_of_both():
    results = synthetic.make_results(width=10, replicas=6)
    theta = measure("theta-relu", results)
    below = measure("theta-below-spheres", results)
    assert below.value == pytest.approx(0.42311 - theta.value) and below.error == pytest.approx(theta.error, rel=0.3)
    difference = measure("theta-tanh-below-relu", results)
    assert difference.interval(0.95)[0] < 0 < difference.interval(0.95)[1], "the same law was planted"
    assert difference.error > theta.error
    spread = measure("theta-depth-independent", results)
    values = [part.value for part in theta.parts.values()]
    assert spread.value == pytest.approx(max(values) - min(values))


def test_fresh_patterns_without_a_peak_have_no_share_of_it(results):
    changed = copy.deepcopy(results["preactivations"])
    assert measure("cusps-fresh", {"preactivations": changed}).value == 0
    for sweep in ("relu_L2", "relu_L5"):
        for result in changed[sweep]:
            for replica in result.tree.values():
                if isinstance(replica, dict):
                    replica["fresh"]["mass_at_zero"] = 0.2 * replica["train"]["mass_at_zero"]
    assert measure("cusps-fresh", {"preactivations": changed}).value == pytest.approx(0.2)


def test_cusps_and_effective_parameters_are_the_planted_ones(results):
    assert measure("cusps-random-L5", results).value == pytest.approx(0.21, abs=0.003)
    assert measure("n-eff-final", results).value == pytest.approx(1)
    shares = [
        (network.n_params - network.n_hidden * (2 - number)) / (network.n_params - network.n_hidden)
        for network in (Network(10, width, 3, "relu") for width in (4, 8, 12))
        for number in (0, 1)
    ]
    assert measure("n-eff-initial", results).value == pytest.approx(np.mean(shares))


def test_networks_whose_patterns_are_too_few_do_not_count():
    results = synthetic.effective_results(widths=(8, 40), loads=(100,))
    few = 11 * 100
    assert Network(10, 40, 3, "relu").n_params > few > Network(10, 8, 3, "relu").n_params
    assert measure("n-eff-final", results).n_runs == 2


# --- generalization -------------------------------------------------------------------------------------------------

WIDTHS = (2, 4, 6, 8, 10, 12, 14, 18, 24, 30)
N_STAR = Network(10, 10, 5, "relu").n_weights


def sweep(final, minimum=None, halts=True, n_star=N_STAR, noise=0.002, replicas=4):
    """generalization_L5 at one P with planted curves of ln N/N*; steps to zero loss ∝ 1/N beyond N*."""
    generator = np.random.default_rng(6)
    points = []
    for width in WIDTHS:
        n_weights = Network(10, width, 5, "relu").n_weights
        place = math.log(n_weights / n_star)
        runs = []
        for _ in range(replicas):
            last, least = ((one or final)(place) + noise * generator.standard_normal() for one in (final, minimum))
            fitted = n_weights >= n_star
            end = max(round(5000 * math.exp(-place)), 2) if fitted and halts else 5000
            errors = [0.5, min(least, last), last]
            runs.append(made.replica([0, 1, end], errors, 0 if fitted and halts else (not fitted) * n_weights // 2 + 1))
        points.append(made.from_replicas(5, 1000, width, runs))
    return {"runs": {"generalization_L5": points}}


def falling(place):
    return 0.1 - 0.01 * place


def peaked(place):
    return falling(place) + 0.05 * math.exp(-((place / 0.5) ** 2))


def late_peak(place):
    return falling(place) + 0.05 * math.exp(-(((place - 1.2) / 0.4) ** 2))


def test_planted_peak_is_found_at_the_transition():
    results = sweep(peaked, falling)
    for identifier in ("cusp-position", "early-stopping-gap"):
        assert measure(identifier, results).value < 1.3
        assert measure(identifier, results).interval(0.95)[1] < 2
    height = measure("cusp-height", results)
    assert height.value == pytest.approx(0.05, rel=0.3) and height.interval(0.95)[0] > 0
    assert measure("early-stopping-erases", results).value == pytest.approx(0, abs=0.1)


def test_a_peak_elsewhere_or_none_is_told_apart():
    assert measure("cusp-position", sweep(late_peak, falling, noise=0)).value == pytest.approx(math.exp(1.2), rel=0.3)
    assert measure("early-stopping-gap", sweep(late_peak, falling)).value > 2
    convex = sweep(lambda place: 0.1 + 0.01 * place**2)
    assert measure("cusp-position", convex).value > 2
    assert measure("cusp-height", convex).interval(0.95)[1] < 0


def test_peaks_on_both_sides_do_not_make_up_for_each_other():
    def peaked_at(at):
        return sweep(lambda place: falling(place) + 0.05 * math.exp(-(((place - at) / 0.25) ** 2)), noise=0)

    below, above = peaked_at(-0.9), peaked_at(0.9)
    for point in above["runs"]["generalization_L5"]:
        point.spec["n_train"] = 2000
    together = {
        "runs": {"generalization_L5": [*below["runs"]["generalization_L5"], *above["runs"]["generalization_L5"]]}
    }
    assert measure("cusp-position", together).value > 2


def test_early_stopping_that_leaves_half_of_the_peak_is_seen():
    results = sweep(peaked, lambda place: (peaked(place) + falling(place)) / 2)
    assert measure("early-stopping-erases", results).value == pytest.approx(0.5, abs=0.1)


def test_monotone_is_minus_one_and_flat_is_not():
    assert measure("cusp-decay", sweep(lambda place: 0.2 - 0.05 * place)).value == pytest.approx(-1)
    assert measure("cusp-decay", sweep(lambda place: 0.2 + 0.05 * place)).value == pytest.approx(1)
    assert abs(measure("cusp-decay", sweep(lambda place: 0.2, noise=0.01)).value) < 0.7
    assert kendall([0, 1, 2], [3.0, 1.0, 2.0]) == pytest.approx(-1 / 3) and kendall([0, 1, 2], [1, 1, 1]) == 0


def test_three_phases_are_seen_and_one_that_is_missing_too():
    three = measure("three-phases", sweep(lambda place: peaked(place) + 0.04 * (place < -1.5)))
    assert three.value > 0.01
    assert measure("three-phases", sweep(falling)).value < 0.01


def test_a_p_without_a_transition_is_named_and_not_counted():
    results = sweep(peaked)
    without = [
        made.from_replicas(5, 5000, width, [made.replica([0, 1, 5000], [0.5, 0.3, 0.3], 900)] * 4) for width in WIDTHS
    ]
    results["runs"]["generalization_L5"] += without
    measured = measure("cusp-height", results)
    assert measured.n_runs == 4 * len(WIDTHS) and measured.note.startswith("P = 5000 left out: ")


def test_one_dead_replica_does_not_move_the_curve():
    """A network whose neurons all died has a test error of 1/2, which moves a mean of four by 0.1."""
    results = sweep(falling)
    expected = measure("cusp-height", results).value
    for result in results["runs"]["generalization_L5"]:
        if result.spec["network"]["width"] in (6, 10):
            result.tree["replica_00"]["record"]["test_error"][-1] = 0.5
    assert measure("cusp-height", results).value == pytest.approx(expected, abs=0.01)


def test_halting_time_has_the_planted_exponent():
    measured = measure("halts-sooner", sweep(peaked))
    assert measured.value == pytest.approx(-1, abs=0.05)
    without = measure("halts-sooner", sweep(peaked, halts=False))
    assert without.value is None and "reached zero loss" in without.lacking


def test_widths_on_one_side_of_the_transition_give_nothing():
    for largest in (1, 10**6):
        assert measure("cusp-position", sweep(peaked, n_star=largest)).lacking == generalization.LACKING


def test_accuracy_is_that_at_n_star_of_the_first_p_that_is_large_enough():
    points = made.make_sweeps(loads=(1000, 10_000, 20_000), widths=(4, 8, 16, 32, 64))["generalization_L5"]
    network = next(
        Network(10, width, 5, "relu")
        for width in (4, 8, 16, 32, 64)
        if Network(10, width, 5, "relu").n_weights >= made.planted_n_star(10_000)
    )
    (point,) = [p for p in points if (p.spec["n_train"], p.spec["network"]["width"]) == (10_000, network.width)]
    errors = [replica["record"]["test_error"][-1] for replica in point.tree.values()]
    measured = measure("accuracy-at-jamming", {"runs": {"generalization_L5": points}})
    assert measured.value == pytest.approx(1 - np.median(errors))


def test_resolution_of_a_peak_is_the_spacing_of_the_widths():
    measured = measure("cusp-position", sweep(peaked, falling, noise=0))
    below, at = (Network(10, width, 5, "relu").n_weights for width in (8, 10))
    assert measured.error == 0
    assert measured.resolution[0] == pytest.approx(math.log(at / below))
    low, high = measured.interval(0.95)
    assert (low, high) == (pytest.approx(measured.value * below / at), pytest.approx(measured.value * at / below))


def test_each_claim_has_its_own_random_numbers(results):
    """The seed follows from the analysis and the claim's name, so adding a claim changes no other."""
    statistic = ALL["jump-random"]
    one, again, other = (claims.measure(name, statistic, results, ANALYSIS) for name in ("one", "one", "other"))
    assert one == again and one.value == other.value and one.error != other.error
    assert one.error != claims.measure("one", statistic, results, replace(ANALYSIS, seed=2)).error
