"""A hash of the code behind a result. If the code changes, the hash changes, and Snakemake makes the result again.

The hash covers a module and every module of this package that it imports, each in the form that `syntax` gives.
Therefore comments, docstrings, layout and Python's version do not change it, and never train a network again. C++
source counts as part of the Python module of the same name. Storage and checkpoints only move numbers, so they enter
through the version of the file format alone.

Parsing a module takes longer than importing it. So the hash of each module is cached beside Python's own compiled
files, if that folder can be written. The key of the cache changes with the module and with the code of the hash.
"""

import ast
import hashlib
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from . import syntax
from .files import write_whole
from .store import FORMAT_VERSION, StoreError

PACKAGE = Path(__file__).resolve().parents[1]
NOT_NUMBERS = ("storage.store", "storage.hdf5", "storage.files", "training.checkpoint")
KEPT = "__pycache__/fingerprints.json"


def fingerprint(*modules: str, known: dict[str, tuple[str, list[str]]] | None = None) -> str:
    """The hash (16 hex characters) of modules such as "figures.fig6" and of all modules of this package behind them.

    `known` holds the hash and the imports of each module that was read before, and is added to. Whoever passes the same
    one again says that no file has changed since.
    """
    kept = _kept(PACKAGE)
    known = {} if known is None else known
    pending, seen, anew = [*modules], {}, {}
    while pending:
        name = pending.pop()
        if name in seen or name in NOT_NUMBERS:
            continue
        if name not in known:
            path = _path(name)
            text, native = path.read_text(encoding="utf-8"), _native(path.with_suffix(".cpp"))
            key = _key(text, native)
            if kept.get(name, {}).get("key") != key:
                kept[name] = anew[name] = {"key": key, **_parsed(text, native)}
            imports = _resolved(kept[name]["imports"], name, path.name == "__init__.py")
            known[name] = kept[name]["hash"], imports
        seen[name], imported = known[name]
        pending.extend(imported)
    if anew:
        _keep(anew)
    text = "\n".join(f"{name}:{seen[name]}" for name in sorted(seen))
    return hashlib.sha256(f"{FORMAT_VERSION}\n{text}".encode()).hexdigest()[:16]


def _parsed(text: str, native: str) -> dict:
    """The hash of a module's text and C++ source, and its relative imports."""
    tree = ast.parse(text)
    digest = hashlib.sha256((syntax.form(tree) + native).encode()).hexdigest()
    return {"hash": digest, "imports": _imports(tree)}


@cache
def _kept(package: Path) -> dict[str, dict]:
    """The cached hashes by module, or {} if the cache cannot be used. Each process reads it once."""
    try:
        kept = json.loads((package / KEPT).read_text(encoding="utf-8"))
        whole = all(entry.keys() == {"key", "hash", "imports"} for entry in kept.values())
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}
    return kept if whole else {}


def _keep(anew: dict[str, dict]) -> None:
    """Add hashes to the cache. If two processes write at once, one of them is lost and computed again later."""
    _kept.cache_clear()
    kept = _kept(PACKAGE)
    kept.update(anew)
    with suppress(StoreError):
        write_whole(PACKAGE / KEPT, json.dumps(kept).encode())


def _key(text: str, native: str) -> str:
    """The key of a module in the cache: a hash of its text and of the code that computes hashes.

    Python's version is not part of it, since all versions compute the same hash and can share the cache.
    """
    return hashlib.sha256(json.dumps((text, native, _own_source())).encode()).hexdigest()


@cache
def _own_source() -> str:
    return "".join(Path(file).read_text(encoding="utf-8") for file in (__file__, syntax.__file__))


def _path(name: str) -> Path:
    base = PACKAGE.joinpath(*name.split(".")) if name else PACKAGE
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def _imports(tree: ast.Module) -> list[tuple[int, str, list[str]]]:
    """(level, module, names) of each relative import in a module, also inside functions."""
    return [
        (node.level, node.module or "", [alias.name for alias in node.names])
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]


def _resolved(imports: Sequence[tuple[int, str, list[str]]], name: str, is_package: bool) -> list[str]:
    """The modules that the module `name` imports by these imports, as names relative to the package."""
    parts = [part for part in name.split(".") if part]
    found = []
    for level, module, names in imports:
        up = level - 1 if is_package else level
        base = [*parts[: len(parts) - up], *(module.split(".") if module else [])]
        for imported in names:
            for candidate in ([*base, imported], base):
                if candidate and _path(".".join(candidate)).exists():
                    found.append(".".join(candidate))
                    break
    return found


def _native(source: Path) -> str:
    """C++ source with its own included files, without `//` comments and layout; "" if the file does not exist.

    The package's C++ has no other kind of comment, and no // in strings.
    """
    if not source.exists():
        return ""
    text = source.read_text(encoding="utf-8")
    included = [_native(source.with_name(name)) for name in re.findall(r'^#include "(.+)"', text, re.MULTILINE)]
    return " ".join([*included, *re.sub(r"//[^\n]*", "", text).split()])
