"""Verbs that make and restore the archive of a release."""

import argparse
import json
from pathlib import Path

from .parser import Verbs, report

TITLE = "The jamming transition of neural networks, reproduced"


def archive(arguments: argparse.Namespace) -> None:
    import yaml

    from .. import inventory
    from ..release import ReleaseError
    from ..release.archive import write_archive

    config = json.loads(arguments.settings)
    if config["preset"] != arguments.preset:
        raise ReleaseError(f"the configuration is that of preset {config['preset']}, not of {arguments.preset}.")
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, default_flow_style=None)
    more: dict[str, bytes | Path] = {
        "config/effective.yaml": f"# What was run: defaults, preset and user's settings together.\n{text}".encode()
    }
    more |= {path.as_posix(): path for path in arguments.project}
    more |= {path.relative_to(arguments.results).as_posix(): path for path in arguments.also}
    names = [name for name in inventory.figures() if name in arguments.names]
    sizes = write_archive(arguments.out, arguments.results, names, arguments.figures, more, TITLE)
    report(f"{arguments.out}: {len(sizes)} files, {arguments.out.stat().st_size / 1e6:.1f} MB")


def restore(arguments: argparse.Namespace) -> None:
    from ..release.restore import read_archive, restore

    opened = read_archive(arguments.archive)
    folder = arguments.into or Path("reference") / opened.mark["preset"]
    done = restore(opened, folder, arguments.replace)
    report(
        f"{folder}: {len(done.written)} files written, {len(done.replaced)} replaced, "
        f"{len(done.unchanged)} were there already; all checksums are right."
    )
    report(f"To draw from it without training: snakemake --cores 2 --config reference={folder}")


def add_verbs(verbs: Verbs) -> None:
    added = verbs.add(archive, "pack tables, claims, figures and config", "settings", "preset", "results", "out")
    added.add_argument("--figures", type=Path, default=Path("figures"), help="the folder of the drawn figures")
    added.add_argument("--names", required=True, nargs="+", help="the figures to pack, e.g. fig6 generalization/fig1")
    added.add_argument("--project", type=Path, nargs="*", default=[], help="files of the project to add as they are")
    added.add_argument("--also", type=Path, nargs="*", default=[], help="files below --results to add: the claims")
    added = verbs.add(restore, "check an archive and unpack it, to draw figures from it")
    added.add_argument("archive", type=Path)
    added.add_argument("--into", type=Path, help="the folder to write to; default: reference/<preset>")
    added.add_argument("--replace", action="store_true", help="replace files that are there with other content")
