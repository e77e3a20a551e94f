"""The code behind a result as one hash: when the code that counts changes, so does the hash, and the result is remade.

The hash covers a module and every module of this package that it imports. Each enters in the form of `syntax`, so that
comments, docstrings, layout and Python's version do not count, and so never train a network again. C++ source counts
as part of the module of the same name beside it. Storage and checkpoints move numbers but do not make them; they enter
through the format's version alone.

Parsing a module takes longer than importing it. So the hash of each module is kept beside Python's own compiled files,
where these can be written, under a key that changes with the module and with the code of the hash.
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


def fingerprint(*modules: str) -> str:
    """Hex digest (16 characters) of modules such as "training" or "figures.fig6" and all they import from here."""
    kept = _kept(PACKAGE)
    pending, seen, anew = [*modules], {}, {}
    while pending:
        name = pending.pop()
        if name in seen or name in NOT_NUMBERS:
            continue
        path = _path(name)
        text, native = path.read_text(encoding="utf-8"), _native(path.with_suffix(".cpp"))
        key = _key(text, native)
        if kept.get(name, {}).get("key") != key:
            kept[name] = anew[name] = {"key": key, **_parsed(text, native)}
        seen[name] = kept[name]["hash"]
        pending.extend(_resolved(kept[name]["imports"], name, path.name == "__init__.py"))
    if anew:
        _keep(anew)
    text = "\n".join(f"{name}:{seen[name]}" for name in sorted(seen))
    return hashlib.sha256(f"{FORMAT_VERSION}\n{text}".encode()).hexdigest()[:16]


def _parsed(text: str, native: str) -> dict:
    """The hash of a module and what it imports."""
    tree = ast.parse(text)
    digest = hashlib.sha256((syntax.form(tree) + native).encode()).hexdigest()
    return {"hash": digest, "imports": _imports(tree)}


@cache
def _kept(package: Path) -> dict[str, dict]:
    """What was kept of each module by its name; nothing if it cannot be read. Each process reads it once."""
    try:
        kept = json.loads((package / KEPT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _keep(anew: dict[str, dict]) -> None:
    """Add to what is kept, for the next process. Of two that do so at once one may be lost, to be found again."""
    _kept.cache_clear()
    kept = _kept(PACKAGE)
    kept.update(anew)
    with suppress(StoreError):
        write_whole(PACKAGE / KEPT, json.dumps(kept).encode())


def _key(text: str, native: str) -> str:
    """A hash of all that the hash of a module follows from: its text and the code that computes the hash.

    Python's version is not part of it: every version finds the same, so several may share what is kept.
    """
    return hashlib.sha256(json.dumps((text, native, _own_source())).encode()).hexdigest()


@cache
def _own_source() -> str:
    return "".join(Path(file).read_text(encoding="utf-8") for file in (__file__, syntax.__file__))


def _path(name: str) -> Path:
    base = PACKAGE.joinpath(*name.split(".")) if name else PACKAGE
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def _imports(tree: ast.Module) -> list[tuple[int, str, list[str]]]:
    """(level, module, names) of each relative import of a module, at any depth of its code."""
    return [
        (node.level, node.module or "", [alias.name for alias in node.names])
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]


def _resolved(imports: Sequence[tuple[int, str, list[str]]], name: str, is_package: bool) -> list[str]:
    """Names, relative to the package, of the modules that these imports of the module `name` lead to."""
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
    """C++ and what it includes from beside it, without `//` comments and layout; "" if there is none.

    The package's own source has no other comments and no // in strings.
    """
    if not source.exists():
        return ""
    text = source.read_text(encoding="utf-8")
    included = [_native(source.with_name(name)) for name in re.findall(r'^#include "(.+)"', text, re.MULTILINE)]
    return " ".join([*included, *re.sub(r"//[^\n]*", "", text).split()])
