"""Verbs that measure the published claims, judge them, and show the verdicts."""

import argparse
import json
from pathlib import Path

from .. import inventory
from ..storage import layout, results, store
from ..storage.files import write_whole
from .parser import Verbs


def measure_claims(arguments: argparse.Namespace) -> None:
    from .. import claims, tables
    from ..analysis import statistics
    from ..claims import collection, sizes

    analysis = tables.Analysis.from_settings(json.loads(arguments.settings))
    found_by_sweep = results.read_results(arguments.inputs)
    given, hashes = results.without_paths(found_by_sweep), {}
    for kind, sweeps in found_by_sweep.items():
        for sweep, of_sweep in sweeps.items():
            places = {layout.place_of(result.kind, result.spec): path for path, result in of_sweep.items()}
            hashes[kind, sweep] = {place: store.sha256_of(places[place]) for place in sorted(places)}
    measured = {}
    for name, statistic in claims.statistics(inventory.checked_group(arguments.group)).items():
        # If the config lacks a sweep, this is no error: the claims about the sweep are not testable.
        missing = claims.missing(statistic, given)
        read = [(kind, sweep) for kind, sweeps in statistic.needs.items() for sweep in sweeps]
        inputs = {place: digest for key in read for place, digest in hashes.get(key, {}).items()}
        found, of_size = statistics.nothing("result"), {}
        if not missing:
            found = claims.measure(name, statistic, given, analysis)
            of_size = sizes.sizes_of(given, statistic.needs)
        described = {"measurement": collection.to_json(found), "sizes": of_size, "missing": missing, "inputs": inputs}
        measured[name] = described
    collection.write_json(arguments.out, {"group": arguments.group, "preset": arguments.preset, "claims": measured})


def collect_claims(arguments: argparse.Namespace) -> None:
    from ..claims import catalogue, collection

    listed = catalogue.read_catalogue(arguments.claims)
    measured = [collection.read_json(path) for path in arguments.measured]
    made = store.provenance({}, threads=1)
    about = {
        "preset": arguments.preset,
        "commit": made["commit"],
        "dirty": made["dirty"],
        "package": made["jamming"],
    }
    collected = collection.collect(listed, {one["group"]: one for one in measured}, about)
    write_whole(arguments.table, collection.to_csv(collected).encode())
    collection.write_json(arguments.out, collected)


def show_claims(arguments: argparse.Namespace) -> None:
    from ..claims import collection, listing

    collected = collection.read_json(arguments.file or _default_file())
    if arguments.markdown:
        print(listing.markdown(collected), end="")
    else:
        listing.show(collected)


def _default_file() -> Path:
    """The path of claims.json of the preset that config/config.yaml names."""
    import yaml

    root = Path(__file__).resolve().parents[3]
    config = yaml.safe_load((root / "config" / "config.yaml").read_text(encoding="utf-8"))
    return Path("results") / config["preset"] / layout.CLAIMS


def add_verbs(verbs: Verbs) -> None:
    options = ("settings", "inputs", "preset", "out")
    added = verbs.add(measure_claims, "measure the claims of one group, with intervals", *options)
    added.add_argument("group")
    added = verbs.add(collect_claims, "judge all claims and collect them", "claims", "preset", "out", "table")
    added.add_argument("--measured", required=True, type=Path, nargs="+", help="outputs of measure-claims, all groups")
    added = verbs.add(show_claims, "print the claims and their verdicts")
    added.add_argument("file", nargs="?", type=Path, help="a claims.json; default: that of the config's preset")
    added.add_argument("--markdown", action="store_true", help="print the text of docs/claims.md")
