"""Figures drawn from formulas: packings, spectra and losses against slow references, and drawings against tables."""

import copy
import io
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.collections import EllipseCollection, LineCollection

from jamming import figures, tables
from jamming.analysis import AnalysisError, packings
from jamming.figures import FigureError
from jamming.storage import store
from jamming.tables import fig2, fig3, fig4

NAMES = ("fig2", "fig3", "fig4")
ANALYSIS = SimpleNamespace(drawn_network={"dim": 20, "depth": 3, "width": 20})


@pytest.fixture(scope="module")
def all_tables():
    return {name: module.tabulate({}, ANALYSIS) for name, module in zip(NAMES, (fig2, fig3, fig4), strict=True)}


def panels(figure):
    return {axes.get_title(loc="left").strip("()"): axes for axes in figure.axes}


@pytest.mark.parametrize("name", NAMES)
def test_tables_need_no_result_and_can_be_stored(all_tables, tmp_path, name):
    assert tables.needs(name) == {}
    store.write(tmp_path / "table.h5", "table", {}, all_tables[name], {})
    tree = store.read(tmp_path / "table.h5", "table").tree
    np.testing.assert_equal(tree, all_tables[name])
    figures.draw(name, tree).savefig(io.BytesIO(), dpi=30)


@pytest.mark.parametrize("name", NAMES)
def test_empty_tables_are_refused_by_name(name):
    with pytest.raises(FigureError, match=f"figure '{name}'"):
        figures.draw(name, {})


# --- packings -------------------------------------------------------------------------------------------------------


def test_contact_function_of_discs_is_their_distance_over_the_sum_of_radii():
    generator = np.random.default_rng(0)
    radii, apart = 0.1 + generator.random((2, 50)), generator.standard_normal((50, 2))
    first, second = (np.eye(2) * radius[:, None, None] ** 2 for radius in radii)
    found, *_ = packings._contact_function(first, second, apart)
    np.testing.assert_allclose(np.sqrt(found), np.linalg.norm(apart, axis=1) / radii.sum(axis=0))


def boundary(centre, angle, axes, n_points=4000):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    phase = np.linspace(0, 2 * np.pi, n_points, endpoint=False)
    return centre + (turn @ (axes[:, None] * [np.cos(phase), np.sin(phase)])).T


def overlap_by_points(packing, i, j):
    """Whether a point of the boundary of one ellipse lies inside the other, nearest image."""
    turn = packings._rotations(packing.angles)[j]
    shift = packing.centres[i] - packing.centres[j]
    points = boundary(shift - np.round(shift), packing.angles[i], packing.semi_axes[i])
    return np.any(np.sum((points @ turn / packing.semi_axes[j]) ** 2, axis=1) < 1)


@pytest.mark.parametrize("aspect_ratio", [1.0, 1.6])
def test_contacts_are_the_overlapping_pairs(aspect_ratio):
    packing = packings.random_packing(14, aspect_ratio, 1.4, 0.6, seed=2)
    assert packing.density == pytest.approx(0.6)
    pairs, apart, overlap = packings.contacts(packing)
    found = {(int(i), int(j)) for i, j in pairs}
    expected = {(i, j) for i in range(14) for j in range(i + 1, 14) if overlap_by_points(packing, i, j)}
    assert found == expected and len(found) > 5
    assert np.all(overlap > 0) and np.all(np.abs(apart) <= 0.5)


def test_scaling_by_the_contact_function_makes_ellipses_touch():
    packing = packings.random_packing(14, 1.6, 1.4, 0.6, seed=2)
    (i, j), overlap = packings.contacts(packing)[0][0], packings.contacts(packing)[2][0]
    for factor, touches in ((1.001, True), (0.999, False)):
        scaled = packings.Packing(packing.centres, packing.angles, packing.semi_axes * (1 - overlap) * factor)
        assert overlap_by_points(scaled, i, j) == touches


@pytest.mark.parametrize("aspect_ratio", [1.0, 1.6])
def test_forces_are_the_gradient_of_the_energy(aspect_ratio):
    packing = packings.random_packing(12, aspect_ratio, 1.4, 0.9, seed=1)
    flat = np.concatenate([packing.centres.ravel(), packing.angles])

    def energy(values):
        return packings._energy(values[:24].reshape(-1, 2), values[24:], packing.semi_axes)

    differences = [(energy(flat + step)[0] - energy(flat - step)[0]) / 2e-6 for step in 1e-6 * np.eye(36)]
    gradient = energy(flat)[1]
    np.testing.assert_allclose(gradient, differences, atol=1e-6 * np.max(np.abs(gradient)))
    assert np.max(np.abs(gradient)) > 0.01


def test_fluids_do_not_touch_and_solids_do(all_tables):
    for name, values in fig2.PARTICLES.items():
        group = all_tables["fig2"][name]
        assert "contacts" not in group["fluid"] and group["fluid"]["density"] < values["jamming"]
        solid = group["solid"]
        assert solid["density"] > values["jamming"]
        # Enough contacts to hold the particles, and small overlaps: a minimum, not a random state.
        assert len(solid["contacts"]["overlap"]) > 1.5 * fig2.N_PARTICLES
        assert 0 < solid["contacts"]["overlap"].max() < 0.1
        # The stored density is the area of the stored ellipses
        assert solid["density"] == pytest.approx(np.pi * np.sum(solid["a"] * solid["b"]))


# --- the curves of Fig. 2 -------------------------------------------------------------------------------------------


def area(spectrum):
    return np.trapezoid(spectrum["density"], spectrum["root"])


def test_spectra_hold_all_modes(all_tables):
    for name, values in fig2.PARTICLES.items():
        spectrum = all_tables["fig2"][name]["spectrum"]
        assert area(spectrum["at_jamming"]) + spectrum["at_jamming"]["weight_at_zero"] == pytest.approx(1, abs=1e-3)
        assert area(spectrum["at_jamming"]) == pytest.approx(values["jump"], abs=1e-3)
        assert area(spectrum["above"]) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("ratio", [2 / 3, 1.0])
def test_spectrum_at_jamming_is_that_of_random_contacts(ratio):
    n = 600
    vectors = np.random.default_rng(0).standard_normal((round(ratio * n), n)) / np.sqrt(n)
    values = np.sqrt(np.linalg.eigvalsh(vectors @ vectors.T).clip(min=0))
    law = fig2._marchenko_pastur(ratio, shift=0.0)
    counted, edges = np.histogram(values, 12, (law["root"][0], law["root"][-1]))
    grid = np.linspace(edges[0], edges[-1], 12001)
    expected = np.interp(grid, law["root"], law["density"])[:-1].reshape(12, -1).mean(axis=1) * np.diff(edges)
    np.testing.assert_allclose(counted / n, expected, atol=0.006)


def test_spheres_have_a_plateau_and_ellipses_a_gap(all_tables):
    spheres, ellipses = (all_tables["fig2"][name]["spectrum"] for name in ("spheres", "ellipses"))
    assert spheres["at_jamming"]["weight_at_zero"] == 0 and spheres["at_jamming"]["root"][0] == 0
    assert spheres["at_jamming"]["density"][0] == pytest.approx(spheres["at_jamming"]["density"].max())
    assert spheres["above"]["density"][0] == 0
    assert ellipses["at_jamming"]["root"][0] > 0.1 and ellipses["at_jamming"]["weight_at_zero"] == pytest.approx(1 / 3)
    # Above jamming the flat directions have become modes around the scale.
    root, density = ellipses["above"]["root"], ellipses["above"]["density"]
    assert root[np.argmax(density)] == pytest.approx(ellipses["above"]["scale"], rel=0.3)


def test_energy_and_contacts_start_at_jamming(all_tables):
    for name, values in fig2.PARTICLES.items():
        group = all_tables["fig2"][name]
        phi, energy = group["energy"]["phi"], group["energy"]["u"]
        assert np.all(energy[phi <= values["jamming"]] == 0) and np.all(energy[phi > values["jamming"] + 1e-9] > 0)
        ratio = group["contacts"]["n_delta_over_n"]
        assert ratio[0] == group["jump"] == values["jump"] and np.all(np.diff(ratio) > 0)


def test_fig2_draws_its_packings_with_lines_between_particles_in_contact(all_tables):
    drawn = panels(figures.draw("fig2", all_tables["fig2"]))
    assert list(drawn) == list("abcdefgh")
    for letter, (name, state) in zip(
        "abcd", [(n, s) for n in ("spheres", "ellipses") for s in ("fluid", "solid")], strict=True
    ):
        shapes = [c for c in drawn[letter].collections if isinstance(c, EllipseCollection)]
        lines = [c for c in drawn[letter].collections if isinstance(c, LineCollection)]
        assert len(shapes) == 9 and bool(lines) == (state == "solid")
        if lines:
            n_contacts = len(all_tables["fig2"][name]["solid"]["contacts"]["x"])
            assert len(lines[0].get_segments()) == 9 * n_contacts
    assert drawn["g"].get_title() == "spheres" and drawn["h"].get_title() == "ellipses"
    # The peak at 0 is drawn for ellipses alone; the other annotation of each panel names the scale.
    assert len(drawn["h"].texts) == len(drawn["g"].texts) + 1


@pytest.mark.parametrize(
    "path", ["spheres/fluid/x", "ellipses/solid/contacts/dx", "ellipses/spectrum/above/density", "spheres/energy/u"]
)
@pytest.mark.parametrize("damage", ["missing", "empty", "short"])
def test_fig2_refuses_damaged_columns_by_name(all_tables, path, damage):
    table = copy.deepcopy(all_tables["fig2"])
    *groups, column = path.split("/")
    place = table
    for group in groups:
        place = place[group]
    if damage == "missing":
        del place[column]
    else:
        place[column] = place[column][: 0 if damage == "empty" else -1]
    with pytest.raises(FigureError, match="figure 'fig2'.*" + "/".join(groups)):
        figures.draw("fig2", table)


# --- Fig. 3 and S2 --------------------------------------------------------------------------------------------------


def drawn_weights(figure):
    return sum(len(c.get_segments()) for c in figure.axes[0].collections if isinstance(c, LineCollection))


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_small_networks_are_drawn_whole():
    figure = figures.draw("fig3", {"dim": 4, "depth": 2, "width": 5})
    assert drawn_weights(figure) == 4 * 5 + 5 * 5 + 5
    points = [c for c in figure.axes[0].collections if not isinstance(c, LineCollection)]
    assert sum(len(c.get_offsets()) for c in points) == 4 + 5 + 5 + 1
    assert [f"$W^{{({i})}}$" for i in (1, 2, 3)] == [word for word in words(figure) if word.startswith("$W")]
    assert "$x_{4}$" in words(figure) and "$L = 2$ hidden layers of $h = 5$ neurons" in words(figure)


def test_large_networks_are_abridged_and_keep_their_numbers(all_tables):
    figure = figures.draw("fig3", all_tables["fig3"])
    assert drawn_weights(figure) == 3 * 36 + 6
    assert "$L = 3$ hidden layers of $h = 20$ neurons" in words(figure) and "$d = 20$ inputs" in words(figure)
    deep = figures.draw("fig3", {"dim": 2, "depth": 12, "width": 3})
    assert drawn_weights(deep) == 2 * 3 + 9 + 9 + 3
    assert {"$W^{(2)}$", "$W^{(12)}$", "$W^{(13)}$"} < set(words(deep)) and "$W^{(3)}$" not in words(deep)
    figures.draw("fig3", {"dim": 1, "depth": 1, "width": 1}).savefig(io.BytesIO(), dpi=30)


@pytest.mark.parametrize("key", ["dim", "depth", "width"])
@pytest.mark.parametrize("value", [0, -1, 2.5, "three", None])
def test_impossible_networks_are_refused_by_name(key, value):
    table = {"dim": 4, "depth": 2, "width": 5}
    table = {k: v for k, v in table.items() if k != key} if value is None else table | {key: value}
    with pytest.raises(FigureError, match=f"'fig3'.*'{key}'"):
        figures.draw("fig3", table)


def test_dimensions_come_from_the_config(all_tables):
    assert all_tables["fig3"] == {"dim": 20, "depth": 3, "width": 20}
    with pytest.raises(AnalysisError, match="drawn_network has no 'width'"):
        fig3.tabulate({}, SimpleNamespace(drawn_network={"dim": 2, "depth": 3}))


# --- Fig. 4 ---------------------------------------------------------------------------------------------------------


def test_losses_are_those_of_the_paper(all_tables):
    table = all_tables["fig4"]
    assert table["margin"] == 0.5
    for aligned, cross_entropy, hinge in zip(table["yf"], table["cross_entropy"], table["hinge"], strict=True):
        assert cross_entropy == pytest.approx(np.log(1 + np.exp(-aligned)))
        assert hinge == pytest.approx((0.5 - aligned) ** 2 / 2 if aligned < 0.5 else 0)


def test_fig4_draws_both_losses_and_names_the_margin(all_tables):
    (axes,) = figures.draw("fig4", all_tables["fig4"]).axes
    curves = {line.get_label().split(",")[0]: line for line in axes.lines}
    np.testing.assert_array_equal(curves["hinge"].get_ydata(), all_tables["fig4"]["hinge"])
    np.testing.assert_array_equal(curves["cross-entropy"].get_ydata(), all_tables["fig4"]["cross_entropy"])
    assert axes.get_legend().get_title().get_text() == r"$\epsilon = 0.5$"


@pytest.mark.parametrize("column", ["yf", "hinge", "cross_entropy", "margin"])
def test_fig4_refuses_damaged_tables_by_name(all_tables, column):
    table = {key: value for key, value in all_tables["fig4"].items() if key != column}
    with pytest.raises(FigureError, match=f"'fig4'.*'{column}'"):
        figures.draw("fig4", table)
