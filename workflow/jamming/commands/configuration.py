"""The verb that checks a configuration and runs nothing in it."""

import argparse
import json
from pathlib import Path

from ..storage.files import write_whole
from .parser import Verbs, report


def check_config(arguments: argparse.Namespace) -> None:
    from ..config import FOLDER, load, read_lines, read_points
    from ..plain_values import read_file

    values = read_file(arguments.file)
    config = load(values.get("preset", read_file(FOLDER / "config.yaml")["preset"]), [arguments.file])
    points = {**read_points(config), **read_lines(config)}
    report(
        f"{arguments.file} is plain values, nothing in it is run: preset {config['preset']}, {len(points)} sweeps and "
        f"lines of {sum(map(len, points.values()))} points."
    )
    if arguments.out:
        write_whole(arguments.out, (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode())
        report(f"To run it as it was checked: snakemake --cores 2 --configfile {arguments.out}")


def add_verbs(verbs: Verbs) -> None:
    added = verbs.add(check_config, "check a configuration from somebody else, and run nothing in it")
    added.add_argument("file", type=Path)
    added.add_argument("--out", type=Path, help="write the checked values as JSON, which Snakemake never runs")
