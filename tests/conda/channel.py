"""A local conda channel of the packages that are installed here: each a real package whose files are links."""

import hashlib
import io
import json
import os
import platform
import sys
import tarfile
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# conda-forge's names, where they differ. Its pytorch-cpu is a package without files that chooses a build of pytorch.
NAMES = {
    "torch": "pytorch-cpu",
    "matplotlib": "matplotlib-base",
    "snakemake": "snakemake-minimal",
    "jupyter-client": "jupyter_client",
}
SUBDIR = "linux-64"
SITE_PACKAGES = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


def mirror(channel: Path, site_packages: Path) -> None:
    """Write a channel with `python` and every distribution that is installed in `site_packages`."""
    installed = {canonicalize_name(one.metadata["Name"]): one for one in distributions(path=[site_packages])}
    records = dict([_python(channel)])
    for name, distribution in installed.items():
        tops = {file.parts[0] for file in distribution.files or [] if file.parts[0] not in ("..", "__pycache__")}
        needed = _needed(distribution, installed)
        file, record = _package(
            channel,
            _conda_name(name),
            # A local version (2.13.0+cpu) names the build, as conda does elsewhere.
            distribution.version.split("+")[0],
            depends=["python", *sorted(_conda_name(other) for other in needed & installed.keys())],
            links={f"{SITE_PACKAGES}/{top}": f"{site_packages}/{top}" for top in tops},
        )
        records[file] = record
    for subdir in (SUBDIR, "noarch"):
        index = {"info": {"subdir": subdir}, "packages": records if subdir == SUBDIR else {}, "packages.conda": {}}
        (channel / subdir).mkdir(parents=True, exist_ok=True)
        (channel / subdir / "repodata.json").write_text(json.dumps({**index, "removed": [], "repodata_version": 1}))


def _conda_name(name: str) -> str:
    return NAMES.get(name, name)


def _needed(distribution: Distribution, installed: Mapping[str, Distribution]) -> set[str]:
    """The distributions that one requires, with those of extras that others ask for, since conda has no extras."""
    needed = set()
    for requirement in _requirements(distribution):
        name = canonicalize_name(requirement.name)
        needed.add(name)
        for extra in requirement.extras if name in installed else ():
            needed |= {canonicalize_name(other.name) for other in _requirements(installed[name], extra)}
    return needed


def _requirements(distribution: Distribution, extra: str = "") -> Iterable[Requirement]:
    """The requirements of a distribution on this machine, with one of its extras or without."""
    for requirement in map(Requirement, distribution.requires or []):
        if not requirement.marker or requirement.marker.evaluate({"extra": extra}):
            yield requirement


def _python(channel: Path) -> tuple[str, dict]:
    """This interpreter as a package: a link to it, and the file that makes a folder an environment."""
    interpreter, minor = os.path.realpath(sys.executable), f"python{sys.version_info.major}.{sys.version_info.minor}"
    settings = f"home = {os.path.dirname(interpreter)}\ninclude-system-site-packages = false\n"
    links = {f"bin/{minor}": interpreter, "bin/python3": minor, "bin/python": minor}
    version = platform.python_version()
    files = {"pyvenv.cfg": f"{settings}version = {version}\n", f"{SITE_PACKAGES}/README.txt": "Links only.\n"}
    return _package(channel, "python", version, [], links, files)


def _package(
    channel: Path,
    name: str,
    version: str,
    depends: list[str],
    links: Mapping[str, str],
    files: Mapping[str, str] | None = None,
) -> tuple[str, dict]:
    """Write one package; return its file name and its record in the channel's index."""
    files = files or {}
    index = {"name": name, "version": version, "build": "mirror_0", "build_number": 0, "depends": depends}
    index |= {"subdir": SUBDIR, "timestamp": int(time.time() * 1000)}
    paths = [
        {"_path": path, "path_type": "hardlink", "sha256": _sha256(text.encode()), "size_in_bytes": len(text.encode())}
        for path, text in files.items()
    ]
    paths += [{"_path": path, "path_type": "softlink", "sha256": _sha256(b""), "size_in_bytes": 0} for path in links]
    info = {
        "info/index.json": json.dumps(index),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}),
        "info/files": "".join(f"{entry['_path']}\n" for entry in paths),
        "info/about.json": "{}",
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:bz2") as archive:
        for path, text in {**info, **files}.items():
            member = tarfile.TarInfo(path)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
        for path, target in links.items():
            member = tarfile.TarInfo(path)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    file = channel / SUBDIR / f"{name}-{version}-mirror_0.tar.bz2"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(packed.getvalue())
    hashes = {"md5": hashlib.md5(packed.getvalue()).hexdigest(), "sha256": _sha256(packed.getvalue())}
    return file.name, {**index, **hashes, "size": len(packed.getvalue())}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
