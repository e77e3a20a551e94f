"""Tables against slow, obvious counts on made-up results; and refused input."""

import copy

import numpy as np
import pytest

from helpers import synthetic
from helpers.made_runs import ended
from jamming import inventory, tables
from jamming.analysis import Analysis, AnalysisError
from jamming.analysis.power_law import power_law_exponent
from jamming.criteria import End, end_of
from jamming.storage import store
from jamming.storage.store import Result

NETWORK = {"dim": 5, "depth": 3, "width": 6}
ANALYSIS = Analysis(max_loss=synthetic.MAX_LOSS, n_bootstrap=50, seed=1, drawn_network=NETWORK)


@pytest.fixture(scope="module")
def results():
    return synthetic.make_results()


def near(results, kind, sweep):
    return [
        replica
        for result in results[kind][sweep]
        for name, replica in result.tree.items()
        if name.startswith("replica_") and End.from_tree(replica).is_near_jamming(synthetic.MAX_LOSS)
    ]


@pytest.mark.parametrize("name", sorted({*map(inventory.module_of, inventory.figures())}))
def test_table_can_be_stored_and_read_back(results, tmp_path, name):
    tree = tables.tabulate(name, results, ANALYSIS)
    store.write(tmp_path / "table.h5", "table", {}, tree, {})
    np.testing.assert_equal(store.read(tmp_path / "table.h5", "table").tree, tree)
    assert (tmp_path / "table.h5").stat().st_size < 400_000


@pytest.mark.parametrize("name", sorted({*map(inventory.module_of, inventory.figures())}))
def test_table_reads_only_what_it_declares(results, name):
    declared = {kind: {sweep: results[kind][sweep] for sweep in sweeps} for kind, sweeps in tables.needs(name).items()}
    np.testing.assert_equal(tables.tabulate(name, declared, ANALYSIS), tables.tabulate(name, results, ANALYSIS))


def test_missing_sweep_is_named(results):
    with pytest.raises(AnalysisError, match="'fig12' needs preactivations of sweep 'relu_L5'"):
        tables.tabulate("fig12", {**results, "preactivations": {"relu_L5": []}}, ANALYSIS)


def test_settings_may_hold_more_but_not_less():
    settings = {"max_loss": 1e-3, "n_bootstrap": 50, "seed": 1, "cusp_threshold": 1e-4, "drawn_network": NETWORK}
    assert Analysis.from_settings(settings) == ANALYSIS
    with pytest.raises(AnalysisError, match="'seed'"):
        Analysis.from_settings({"max_loss": 1e-3, "n_bootstrap": 50})


def test_final_states_have_one_row_per_run(results):
    rows = tables.tabulate("fig6", results, ANALYSIS)["relu"]["L3"]
    assert rows["n_runs"] == len(rows["loss"]) == 18
    result = results["runs"]["relu_L3"][4]
    last = result.tree["replica_01"]["record"]
    row = 4 * 3 + 1
    n_weights = 8 * 8 + 2 * 8 * 8 + 8
    assert rows["p_over_n"][row] == result.spec["n_train"] / n_weights
    assert rows["n_delta_over_n"][row] == last["n_delta"][-1] / n_weights
    assert rows["misclassified"][row] == last["misclassified"][-1]
    assert rows["loss"][row] == pytest.approx(last["loss"][-1])
    assert set(rows["state"]) == {"fits", "jammed"} and np.all((rows["state"] == "fits") == (rows["loss"] <= 1e-6))
    np.testing.assert_array_equal(rows["fits_by_count"], rows["n_delta_over_n"] <= 0.1)


def test_evolution_shows_late_times_and_every_end(results):
    one = results["runs"]["relu_L2"][0]
    stopped = copy.deepcopy(one)
    record = stopped.tree["replica_00"]["record"]
    for name in record:
        record[name] = record[name][:10]  # solved long before the first time shown
    changed = {**results, "runs": {**results["runs"], "relu_L2": [stopped]}}
    rows = tables.tabulate("fig6", changed, ANALYSIS)["evolution"]["L2"]
    assert rows["first_step"] == pytest.approx(0.03 * 20000)
    assert list(rows["step"][rows["run"] == 0]) == [record["step"][-1]]
    steps = one.tree["replica_01"]["record"]["step"]
    assert list(rows["step"][rows["run"] == 1]) == [step for step in steps if step >= 600]


def test_generalization_figure_uses_margin_one(results):
    ours = tables.tabulate("fig6", results, ANALYSIS)["relu"]["L2"]
    theirs = tables.tabulate("generalization/fig3", results, ANALYSIS)["B"]["L2"]
    assert theirs["margin"] == 1.0 and ours["margin"] == 0.5
    np.testing.assert_allclose(theirs["loss"], 4 * ours["loss"])
    np.testing.assert_array_equal(theirs["n_delta_over_n"], ours["n_delta_over_n"])


def test_points_of_different_margins_are_refused(results):
    first, second, *_ = results["runs"]["mnist_L5"]
    spec = {**second.spec, "protocol": {**second.spec["protocol"], "margin": 1.0}}
    mixed = {**results["runs"], "mnist_L5": [first, Result("run", spec, {}, second.tree)]}
    with pytest.raises(AnalysisError, match=r"'mnist_L5' differ in protocol margin"):
        tables.tabulate("generalization/fig3", {**results, "runs": mixed}, ANALYSIS)


def test_gap_densities_are_normalized_and_follow_the_planted_law():
    results = synthetic.make_results(width=10, replicas=6)
    table = tables.tabulate("fig8", results, ANALYSIS)["relu"]
    for side, exponent in (("positive", synthetic.THETA), ("negative", -synthetic.GAMMA)):
        fits = [group["exponent"] for group in table[side].values()]
        assert np.mean(fits) == pytest.approx(exponent, abs=0.12)
    rows = table["negative"]["L5"]
    ratio = 10**0.2
    width = rows["centre"] * (np.sqrt(ratio) - 1 / np.sqrt(ratio))
    assert 0.98 < (rows["density"] * width).sum() <= 1 + 1e-12


def test_gap_density_against_a_plain_histogram(results):
    rows = tables.tabulate("fig8", results, ANALYSIS)["relu"]["positive"]["L3"]
    edges = np.logspace(-6, 2, 41)
    values = []
    for result in results["runs"]["relu_L3"]:
        for replica in result.tree.values():
            if end_of(replica, 0.5).is_near_jamming(synthetic.MAX_LOSS):
                overlaps = replica["final"]["delta"].clip(min=0)
                values.append(overlaps[overlaps > 0] / np.median(overlaps[overlaps > 0]))
    counts, _ = np.histogram(np.concatenate(values), edges)
    shown = counts >= 5
    np.testing.assert_allclose(rows["density"], (counts / counts.sum() / np.diff(edges))[shown])
    np.testing.assert_allclose(rows["centre"], np.sqrt(edges[1:] * edges[:-1])[shown])
    inside = np.concatenate(values)
    inside = inside[(inside >= 1e-2) & (inside <= 1)]
    assert rows["n_in_range"] == len(inside)
    assert rows["exponent"] == pytest.approx(float(power_law_exponent(len(inside), np.log(inside).sum(), 1e-2, 1)))
    assert rows["fraction_in_range"] == len(inside) / counts.sum()


def test_ranges_that_differ_between_runs_are_refused(results):
    changed = copy.deepcopy(results["gaps"])
    for result in changed["tanh_L3"]:
        result.tree["replica_01"]["positive"]["range_low"] = 5e-2
    with pytest.raises(AnalysisError, match=r"'tanh_L3'.*differ in the range"):
        tables.tabulate("fig8", {"gaps": changed}, ANALYSIS)


def test_weights_and_densities_of_spectra_add_up(results):
    table = tables.tabulate("fig7", results, ANALYSIS)
    for network, sweep, group in (("relu", "relu_L2", "L2"), ("tanh", "tanh_L3", "L3")):
        h0, h, hp = (table[network][matrix][group] for matrix in ("h0", "h", "hp"))
        decades = np.diff(np.arcsinh(h0["edges"] / h0["linear_width"])) / np.log(10)
        np.testing.assert_allclose(decades, decades[0])
        np.testing.assert_array_equal(h0["edges"], h["edges"])
        assert (h0["mean"] * decades).sum() + h0["zero_weight"] == pytest.approx(1)
        assert (h["mean"] * decades).sum() == pytest.approx(1)
        assert (hp["mean"] * np.diff(hp["edges"])).sum() + hp["zero_weight"] == pytest.approx(1)
        assert h["n_runs"] == len(near(results, "spectra", sweep)) > 1


def test_h0_of_one_run_is_a_plain_histogram(results):
    (replica, *_) = near(results, "spectra", "relu_L5")
    one = Result("spectra", {}, {}, {"max_loss": 1.0, "replica_00": replica})
    table = tables.tabulate("fig7", {"spectra": {**results["spectra"], "relu_L5": [one]}}, ANALYSIS)["relu"]["h0"]["L5"]
    bulk = replica["eigenvalues"]["h0"][-replica["rank_h0"] :]
    counts, _ = np.histogram(bulk, table["edges"])
    decades = np.diff(np.arcsinh(table["edges"] / table["linear_width"])) / np.log(10)
    np.testing.assert_allclose(table["mean"], counts / (replica["n_params"] * decades))
    np.testing.assert_array_equal(table["deviation"], 0)
    assert table["zero_weight"] == pytest.approx(1 - replica["n_delta"] / replica["n_params"])


def test_spectra_collapse_only_when_divided_by_the_overlap():
    """Runs with the same spectrum of H_p in λ/Δ̃ and losses two decades apart: (b) has one curve, (a) has two."""
    shape = np.concatenate([np.linspace(-3, -0.01, 200), np.zeros(10), np.linspace(0.01, 3, 200)])
    tree = {"max_loss": 1e-3}
    for number, loss in enumerate((4e-6, 4e-4)):
        zeros_and_bulk = np.concatenate([np.zeros(210), np.linspace(0.1, 1, 200)])
        tree[f"replica_{number:02d}"] = {
            "measured": True,
            "n_params": 410,
            **end_of(
                {"n_weights": 400, **ended(np.where(np.arange(400) < 200, 2 * np.sqrt(loss), -0.1))}, 0.5
            ).to_tree(),
            "eigenvalues": {"hp": shape * np.sqrt(loss), "h0": zeros_and_bulk, "h": zeros_and_bulk},
            "rank_h0": 200,
            "n_zero_hp": 10,
            "n_negative_hp": 200,
            "n_positive_hp": 200,
            "n_negative_h": 0,
        }
    sweeps = {sweep: [Result("spectra", {}, {}, tree)] for sweep in ("relu_L2", "relu_L3", "relu_L5", "tanh_L3")}
    table = tables.tabulate("fig7", {"spectra": sweeps}, ANALYSIS)
    rescaled = table["relu"]["hp"]["L2"]
    np.testing.assert_allclose(rescaled["density"][0], rescaled["density"][1])
    assert rescaled["c0"] == 0.5 and rescaled["zero_weight"] == pytest.approx(10 / 410)
    low, high = table["hp_positive"]["density"]
    assert table["hp_positive"]["loss"] == pytest.approx([4e-6, 4e-4])
    assert np.abs(low - high).max() > 0.5 * low.max()


def test_spectra_of_a_narrower_window_are_refused(results):
    wider = Analysis(1e-2, 50, 1, NETWORK)
    with pytest.raises(AnalysisError, match=r"measured for 𝓛 < 0.001 and the table is asked for 𝓛 < 0.01"):
        tables.tabulate("fig7", results, wider)


def test_at_most_ten_curves_spread_over_losses():
    results = synthetic.make_results(width=5, n_points=12, replicas=6)
    curves = tables.tabulate("fig9", results, ANALYSIS)["hp_positive"]
    losses = sorted(replica["loss"] for replica in near(results, "spectra", "mnist_L5"))
    assert len(losses) > 10 and curves["n_runs"] == len(curves["loss"]) == 10
    assert (curves["loss"][0], curves["loss"][-1]) == (losses[0], losses[-1])


def test_layers_are_averaged_over_runs_near_jamming(results):
    table = tables.tabulate("fig12", results, ANALYSIS)
    chosen = near(results, "preactivations", "relu_L5")
    assert table["n_runs"] == len(chosen) and table["n_layers"] == 5
    expected = np.mean([replica["train"]["mass_at_zero"][2] for replica in chosen])
    assert table["layer_3"]["train_mass_at_zero"] == pytest.approx(expected)
    assert table["cusp_fraction"] == pytest.approx(0.21, abs=0.01)
    density = table["layer_3"]["train"]
    area = (density * np.diff(table["layer_3"]["edges"])).sum()
    assert area + expected == pytest.approx(1, abs=1e-3)


def test_different_thresholds_are_refused(results):
    changed = copy.deepcopy(results["preactivations"])
    changed["relu_L5"][0].tree["threshold"] = 1e-3
    with pytest.raises(AnalysisError, match="different bins or thresholds"):
        tables.tabulate("fig12", {"preactivations": changed}, ANALYSIS)


@pytest.mark.parametrize("name", sorted({*map(inventory.module_of, inventory.figures())}))
def test_no_run_near_jamming_is_a_table_too(results, name):
    tables.tabulate(name, results, Analysis(1e-12, 50, 1, NETWORK))
