"""The code behind a result as one hash, so that a result is made anew when the code that counts changes.

The hash covers a module and every module of this package that it imports, as syntax trees without docstrings:
comments, docstrings and layout do not enter, and so never train a network again. C++ source counts as part of the
module of the same name beside it. Storage and checkpoints
move numbers but do not make them; they enter through the format's version alone.
"""

import ast
import hashlib
import re
from functools import cache
from pathlib import Path

from .store import FORMAT_VERSION

PACKAGE = Path(__file__).resolve().parent
NOT_NUMBERS = ("store", "checkpoint")


def fingerprint(*modules: str) -> str:
    """Hex digest (16 characters) of modules such as "training" or "figures.fig6" and all they import from here."""
    pending, seen = [*modules], {}
    while pending:
        name = pending.pop()
        if name in seen or name in NOT_NUMBERS:
            continue
        path = _path(name)
        seen[name], imported = _parsed(path.read_text(encoding="utf-8"), name, path.name == "__init__.py")
        pending.extend(imported)
    text = "\n".join(f"{name}:{seen[name]}" for name in sorted(seen))
    return hashlib.sha256(f"{FORMAT_VERSION}\n{text}".encode()).hexdigest()[:16]


@cache
def _parsed(text: str, name: str, is_package: bool) -> tuple[str, tuple[str, ...]]:
    """The hash of a module and what it imports. Each text is parsed once, however many results share it."""
    tree = ast.parse(text)
    native = _native(_path(name).with_suffix(".cpp"))
    imported = tuple(_imports(tree, name, is_package))
    return hashlib.sha256((ast.dump(_without_docstrings(tree)) + native).encode()).hexdigest(), imported


def _path(name: str) -> Path:
    base = PACKAGE.joinpath(*name.split(".")) if name else PACKAGE
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def _imports(tree: ast.Module, name: str, is_package: bool) -> list[str]:
    """Names, relative to the package, of the modules that a module imports relatively, at any depth of its code."""
    parts = [part for part in name.split(".") if part]
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or node.level == 0:
            continue
        up = node.level - 1 if is_package else node.level
        base = [*parts[: len(parts) - up], *(node.module.split(".") if node.module else [])]
        for alias in node.names:
            for candidate in ([*base, alias.name], base):
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


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree
