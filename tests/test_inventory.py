"""Figures, observables, claims and data sets are found by their modules, and no module that computes knows them."""

from importlib import import_module

import pytest

from jamming import claims, datasets, inventory, observables, tables
from jamming.storage.fingerprint import PACKAGE


def test_figures_are_in_reading_order():
    names = inventory.figures()
    assert names[:12] == tuple(f"fig{number}" for number in range(1, 13))
    assert names[12:] == tuple(f"generalization/fig{number}" for number in (1, 2, 3, 4, "A1", "A2", "B1", "B2"))


@pytest.mark.parametrize("figure", inventory.figures())
def test_each_figure_has_a_module_that_tabulates_and_one_that_draws(figure):
    module = inventory.module_of(figure)
    assert callable(import_module(f"jamming.tables.{module}").tabulate) and tables.needs(module) is not None
    assert callable(import_module(f"jamming.figures.{module}").draw)


def test_a_figure_that_both_papers_show_is_one_module():
    assert inventory.module_of("generalization/figA1") == inventory.module_of("fig11") == "fig11"
    assert inventory.module_of("generalization/fig3") == "generalization.fig3"
    for name, other in inventory.SAME_AS.items():
        assert other in inventory.figures() and not (PACKAGE / "tables" / f"{name}.py").exists()


def test_groups_of_claims_are_the_modules_with_statistics():
    found = {path.stem for path in (PACKAGE / "claims").glob("*.py")} - {"__init__"}
    with_statistics = {name for name in found if hasattr(import_module(f"jamming.claims.{name}"), "STATISTICS")}
    assert set(inventory.claim_groups()) == with_statistics and {"jump", "unmeasured"} < with_statistics
    assert all(claims.statistics(group) for group in inventory.claim_groups())


def test_observables_are_the_modules_that_measure():
    found = {path.stem for path in (PACKAGE / "observables").glob("*.py")} - {"__init__"}
    modules = {name: import_module(f"{observables.__name__}.{name}") for name in found}
    assert set(inventory.observables()) == {name for name in found if hasattr(modules[name], "measure")}
    for name, observable in inventory.observables().items():
        assert observable.of_sweep == getattr(modules[name], "OF_SWEEP", False), name
    assert inventory.observable("gaps").settings == ("theta_range", "gamma_range")
    assert inventory.observable("spectra").reads_data and not inventory.observable("gaps").reads_data


def test_data_sets_are_the_modules_that_generate():
    assert inventory.datasets() == ("random", "mnist")
    assert all(callable(datasets.pool(name).generate) for name in inventory.datasets() if name != "mnist")


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (inventory.module_of, "there is no figure 'x'; the figures are fig1, fig2"),
        (inventory.checked_group, "there is no group of claims 'x'; the groups are cusps, effective"),
        (inventory.observable, "there is no observable 'x'; the observables are effective, gaps"),
    ],
)
def test_an_unknown_name_is_one_sentence(ask, sentence):
    with pytest.raises(inventory.InventoryError, match=sentence):
        ask("x")


def test_no_module_that_computes_knows_of_the_others():
    """The inventory and the layout are in no fingerprint, so a new figure makes no other run again."""
    for folder in ("analysis", "claims", "datasets", "figures", "kernels", "observables", "tables", "training"):
        for path in (PACKAGE / folder).rglob("*.py"):
            if path != PACKAGE / "claims" / "catalogue.py":  # which judges all of them together
                text = path.read_text(encoding="utf-8")
                assert "import inventory" not in text and "import layout" not in text, path
