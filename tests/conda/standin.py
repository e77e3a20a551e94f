"""A stand-in for the conda commands that Snakemake 9.27 uses, built on py-rattler. It is not conda; see README.md."""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

import yaml

# Where it is installed: this file is ROOT/bin/conda there.
ROOT = Path(__file__).resolve().parents[1]
VERSION = "24.7.1"


def create(file: Path, prefix: Path) -> None:
    """Solve an environment file and link its packages into `prefix`."""
    from rattler import Channel, ChannelConfig, MatchSpec, Subdir, VirtualPackage, install, solve

    environment = yaml.safe_load(file.read_text())
    wanted = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    for section in environment["dependencies"]:
        if isinstance(section, dict):
            wanted += [entry.replace("==", " ==") for entry in section["pip"]]
    # conda's own variable for where a channel's name leads
    config = ChannelConfig(channel_alias=os.environ["CONDA_CHANNEL_ALIAS"])
    channels = [Channel(name, config) for name in environment["channels"] if name != "nodefaults"]

    async def solve_and_link() -> None:
        platforms = [Subdir("linux-64"), Subdir("noarch")]
        found = await solve(
            channels,
            [MatchSpec(entry) for entry in wanted],
            platforms=platforms,
            virtual_packages=VirtualPackage.detect(),
        )
        await install(found, prefix, cache_dir=ROOT / "pkgs", show_progress=False)

    asyncio.run(solve_and_link())
    (prefix / "conda-meta" / "history").touch()


def activation(prefix: Path) -> str:
    """The lines of a shell that activate an environment."""
    from rattler.shell import ActivationVariables, Shell, activate

    return activate(prefix.absolute(), ActivationVariables(None, os.environ["PATH"].split(":")), Shell.bash).script


def main(words: list[str]) -> None:
    match words:
        case ["--version"]:
            print(f"conda {VERSION}")
        case ["info", *_]:
            print(json.dumps({"conda_prefix": str(ROOT), "platform": "linux-64", "conda_version": VERSION}))
        case ["config", *_]:
            print(json.dumps({"get": {"channel_priority": "strict"}}))
        case ["clean", *_]:
            pass
        case ["env", "create", *options] | ["create", *options]:
            parser = argparse.ArgumentParser()
            for option in ("--quiet", "--no-default-packages", "--yes"):
                parser.add_argument(option, action="store_true")
            parser.add_argument("--file", required=True, type=Path)
            parser.add_argument("--prefix", required=True, type=Path)
            arguments = parser.parse_args(options)
            create(arguments.file, arguments.prefix)
        case ["shell.bash-activate", prefix]:
            print(activation(Path(prefix)))
        case _:
            sys.exit(f"this stand-in for conda does not know {words}")


if __name__ == "__main__":
    main(sys.argv[1:])
    # py-rattler's threads may outlive the interpreter and crash it on its way out, one time in four; so there is none.
    sys.stdout.flush()
    os._exit(0)
