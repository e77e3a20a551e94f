"""Compile the C++ sources beside this file, once for each kind of processor. The compiler is a locked Python package.

Libraries are kept in a folder that only its owner can open, beside Python's own compiled files (`__pycache__`). If that
folder cannot be written, each process compiles its own. The name of a library holds two hashes. The first is of the
source, the compiler and the flags, so no library is out of date. The second is of the library's own bytes, so an
incomplete file is never loaded.
"""

import ctypes
import glob
import hashlib
import importlib.metadata
import os
import platform
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from ..storage.files import PRIVATE, StoreError, write_whole

SOURCES = Path(__file__).parent
CACHE = SOURCES / "__pycache__" / "compiled"

# The result needs no other library, not even C's. The compiler must not fuse products and sums by itself: the source
# says where they are fused, and so all processors give the same bits.
FLAGS = ("-O3", "-std=c++20", "-ffp-contract=off", "-fPIC", "-shared", "-nostdlib", "-fvisibility=hidden")
FLAGS += ("-fno-exceptions", "-fno-rtti", "-Wno-unused-command-line-argument")


class BuildError(Exception):
    """The library cannot be compiled here. The message says why, and what to do."""


@cache
def library(name: str) -> ctypes.CDLL:
    """The library made from `name`.cpp.

    Raises BuildError without a compiler, for an unknown processor, or if the compiler fails.
    """
    level, (command, compiler) = processor_level(), find_compiler()
    source = SOURCES / f"{name}.cpp"
    texts = [path.read_bytes() for path in (source, *sorted(SOURCES.glob("*.h")))]
    key = hashlib.sha256(repr((texts, FLAGS, compiler, level)).encode()).hexdigest()[:16]
    kept = _kept(f"{name}-{level}-{key}")
    if kept is not None:
        return ctypes.CDLL(str(kept))
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / f"{name}.so"
        _compile([*command, *FLAGS, f"-march={level}", "-x", "c++", str(source), "-o", str(made)], Path(folder))
        _keep(made.read_bytes(), f"{name}-{level}-{key}")
        return ctypes.CDLL(str(made))


def description() -> str:
    """The compiler and its target: "zig 0.17.1, x86_64_v4". Raises BuildError as `library` does."""
    return f"{find_compiler()[1]}, {processor_level()}"


def processor_level() -> str:
    """The compiler's name for this processor's set of instructions. Raises BuildError for a processor without fma."""
    # numpy knows the processor's extensions. Every processor with AVX2 and every 64-bit ARM has fma.
    machine = platform.machine()
    if machine in ("aarch64", "arm64"):
        return "generic"
    extensions = np.show_config(mode="dicts")["SIMD Extensions"]
    known = {*extensions["baseline"], *extensions["found"]}
    for level in ("X86_V4", "X86_V3"):
        if level in known:
            return level.lower().replace("x86", "x86_64")
    raise BuildError(f"it needs a processor with AVX2 or 64-bit ARM, and this one is {machine} without AVX2.")


def find_compiler() -> tuple[list[str], str]:
    """The command that compiles C++, and its name and version. Raises BuildError if there is none."""
    try:
        return [sys.executable, "-m", "ziglang", "cc"], f"zig {importlib.metadata.version('ziglang')}"
    except importlib.metadata.PackageNotFoundError:
        raise BuildError(
            "the package ziglang is not installed; `pip install ziglang` or `make setup` installs it."
        ) from None


def _compile(command: list[str], folder: Path) -> None:
    # Without these variables the compiler writes its own cache into the user's home.
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(folder), "ZIG_LOCAL_CACHE_DIR": str(folder)}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"the compiler does not run: {error}.") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise BuildError(f"the compiler refuses {command[-3]}: {lines[0]}.")


def _kept(name: str) -> Path | None:
    """The kept library of this name, or None. It must be complete, and only this user may be able to write it."""
    for path in CACHE.glob(f"{glob.escape(name)}-*.so"):
        with suppress(OSError):
            if _is_ours(CACHE) and _is_ours(path) and path.name == _file_name(name, path.read_bytes()):
                return path
    return None


def _keep(content: bytes, name: str) -> None:
    """Keep a library for the next process, if the folder can be written, and remove unusable ones of that name."""
    with suppress(OSError, StoreError):
        CACHE.mkdir(mode=0o700, parents=True, exist_ok=True)
        CACHE.chmod(0o700)
        write_whole(CACHE / _file_name(name, content), content, PRIVATE)
        for path in CACHE.glob(f"{glob.escape(name)}-*.so"):
            if path.name != _file_name(name, content):
                path.unlink()


def _file_name(name: str, content: bytes) -> str:
    return f"{name}-{hashlib.sha256(content).hexdigest()[:32]}.so"


def _is_ours(path: Path) -> bool:
    """Whether this user owns the file or folder and nobody else can write to it."""
    found = path.stat(follow_symlinks=False)
    return found.st_uid == os.geteuid() and not stat.S_ISLNK(found.st_mode) and not found.st_mode & 0o022
