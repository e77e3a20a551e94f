"""A small set of results on disk, made up: every table, a drawing, the runs behind them, and claims."""

import json
import shutil
from pathlib import Path

from helpers import synthetic, synthetic_claims
from jamming import figures, inventory, tables
from jamming.storage import layout, store

PRESET = "made"
COMMIT = "c0ffee" + "0" * 34
EARLIER_COMMIT = "0" * 33 + "c0ffee0"
"""Of the runs; the tables are of COMMIT, an hour later."""
DATE = "2021-03-04"
NETWORK = {"dim": 3, "depth": 2, "width": 3}
SETTINGS = {"max_loss": synthetic.MAX_LOSS, "n_bootstrap": 20, "seed": 1, "drawn_network": NETWORK}
OBSERVED = {"theta_range": [1e-2, 0.3], "gamma_range": [1e-2, 0.5], "cusp_threshold": 1e-4}


def made_by(hour: int, **more) -> dict:
    """A provenance with a fixed commit and date, as in a file of the workflow."""
    return {
        "jamming": "0.1.0",
        "python": "3.11.0",
        "packages": {"numpy": "2.0.0"},
        "commit": COMMIT,
        "dirty": False,
        "device": "cpu",
        "written": f"{DATE}T{hour:02d}:00:00+00:00",
        "inputs": {},
        **more,
    }


def make_documents_inputs(root: Path) -> list[Path]:
    """Write results/made/… and figures/… under `root`; the files of all runs, lines and observables."""
    folder = root / "results" / PRESET
    results = synthetic.make_results(width=4, n_points=4, replicas=1)
    results["runs"]["mnist_L3"] = [
        store.Result("run", result.spec["run"], {}, {name: {} for name in result.tree})
        for result in results["effective"]["mnist_L3"]
    ]
    written: list[Path] = []
    for kind, sweeps in results.items():
        for name, found in sweeps.items():
            for result in found:
                spec = {**result.spec, **({"settings": OBSERVED} if "run" in result.spec else {})}
                made = made_by(10, wall_time=36.0, commit=EARLIER_COMMIT)
                path = folder / layout.result_of(kind, name, _point_name(result))
                store.write(path, result.kind, spec, result.tree, made)
                written.append(path)
    analysis = tables.Analysis.from_settings(SETTINGS)
    for figure in inventory.figures():
        tree = tables.tabulate(inventory.module_of(figure), results, analysis)
        spec = {"figure": figure, "preset": PRESET, "settings": SETTINGS}
        store.write(folder / "tables" / f"{figure}.h5", "table", spec, tree, made_by(11))
    # One drawing stands for all: how each looks is the concern of the tests of the figures.
    first, *others = (root / "figures" / f"{figure}.pdf" for figure in inventory.figures())
    figures.render("fig4", tables.tabulate("fig4", results, analysis), [first])
    for path in others:
        path.parent.mkdir(exist_ok=True)
        shutil.copy2(first, path)
    text = json.dumps(synthetic_claims.make_claims(PRESET), ensure_ascii=False)
    (folder / "claims.json").write_text(text, encoding="utf-8")
    return written


def _point_name(result: store.Result) -> str:
    spec = result.spec.get("run", result.spec)
    return f"P{spec['n_train']:05d}" + (f"_h{spec['network']['width']:04d}" if "network" in spec else "")
