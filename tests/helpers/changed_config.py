"""Configurations of the presets, as the Snakefile reads them, with single values changed."""

from pathlib import Path

import yaml

CONFIG = Path(__file__).resolve().parents[2] / "config"
PRESETS = sorted(path.stem for path in (CONFIG / "presets").glob("*.yaml"))


def merge(base, more):
    """Merge a second config file as Snakemake does."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value
    return base


def preset(name):
    defaults, sizes = (
        yaml.safe_load(path.read_text()) for path in (CONFIG / "config.yaml", CONFIG / "presets" / f"{name}.yaml")
    )
    return merge(defaults, sizes)


def changed(path, value, base="quick"):
    config = preset(base)
    place = config
    for key in path[:-1]:
        place = place[key]
    if value is KeyError:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return config
