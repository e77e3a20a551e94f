"""Print the provenance of a file: a tree of all files behind it, and a summary in sentences."""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from ..storage import layout
from ..storage.commit import in_words
from .history import Link, Source, Walk

STYLES = {"verified": "green", "changed": "bold red", "missing": "yellow"}
WORDS = {"verified": "verified", "changed": "CHANGED since", "missing": "not here"}
COUNTED = {"verified": "verified", "changed": "changed since", "missing": "not here"}


def show(walk: Walk, root: Tree, console: Console | None = None) -> None:
    """Print the tree under `root`, and below it the sentences of `summary`."""
    # A file or a pipe has no width, so one is given.
    console = console or Console(width=None if sys.stdout.isatty() else 120)
    console.print(root)
    console.print()
    for sentence in summary(walk):
        console.print(Text(sentence), soft_wrap=True)


def figure_tree(path: Path, stamp: Mapping, walk: Walk, status: str) -> Tree:
    """The tree of a figure and all files behind it."""
    root = Tree(Text.assemble((str(path), "bold"), f"  {stamp['figure']} at preset {stamp['preset']}"))
    drawn = "the code of this checkout" if stamp["drawn_by_this_code"] else "another version of the code than this"
    root.add(Text(f"drawn by {drawn} (fingerprint {stamp['drawn_by']}), jamming {stamp['jamming']}"))
    place = layout.TABLE.format(figure=stamp["figure"])
    add_file(root, walk, Link(place, stamp["table"], status), set())
    return root


def claim_tree(path: Path, claim: Mapping, walk: Walk) -> Tree:
    """The tree of a claim and all files behind it."""
    value = "not measured" if claim.get("value") is None else f"{claim['value']:.4g} {claim.get('unit') or ''}".strip()
    root = Tree(Text.assemble((f"{path}#{claim['id']}", "bold"), f"  {claim.get('statement', '')}"))
    root.add(Text(f"measured: {value}; published: {claim.get('published', '?')}; verdict: {claim.get('verdict', '?')}"))
    source = walk.files[f"{Path(path).name}#{claim['id']}"]
    root.add(Text(f"preset {source.origin['preset']}, {_commit(source.origin)}, jamming {source.origin['package']}"))
    seen: set[str] = set()
    for link in source.inputs:
        add_file(root, walk, link, seen)
    return root


def result_tree(place: str, walk: Walk) -> Tree:
    """The tree of a result file, with its whole spec, the seeds of its replicas, and all files behind it."""
    source = walk.files[place]
    root = Tree(Text.assemble((str(walk.results / place), "bold"), f"  {_about(source)}"))
    root.add(Text(f"spec: {json.dumps(source.spec, sort_keys=True)}"))
    for name, seeds in source.seeds.items():
        root.add(Text(f"{name}: {', '.join(f'{key} {value}' for key, value in seeds.items())}"))
    seen: set[str] = set()
    for link in source.inputs:
        add_file(root, walk, link, seen)
    return root


def add_file(branch: Tree, walk: Walk, link: Link, seen: set[str]) -> None:
    """Add a file, with its inputs, below the file that was made from it. A file shown before is only named."""
    source = walk.files[link.place]
    line = Text.assemble(link.place, "  ", (WORDS[link.status], STYLES[link.status]), f"  {link.recorded[:12]}")
    if link.place in seen:
        branch.add(line.append(", as above", style="dim"))
        return
    seen.add(link.place)
    below = branch.add(line.append(f"  {_about(source)}", style="dim"))
    for inner in source.inputs:
        add_file(below, walk, inner, seen)


def summary(walk: Walk) -> list[str]:
    """Sentences on the verified, changed and missing inputs, with what to do, and on the code and versions."""
    links = walk.links()
    counted = Counter(link.status for _, link in links)
    said = [f"Inputs: {', '.join(f'{counted[word]} {COUNTED[word]}' for word in COUNTED if counted[word]) or 'none'}."]
    readers: dict[str, list[str]] = {}
    for place, link in links:
        if link.status == "changed":
            readers.setdefault(link.place, []).append(place)
    for changed, made in readers.items():
        more = f" and {len(made) - 1} more" if len(made) > 1 else ""
        said.append(
            f"{changed} has changed since {made[0]}{more} read it; run the workflow again, or get the old file back."
        )
    lost = sorted({link.place for _, link in links if link.status == "missing"})
    if lost:
        kept = sum(bool(walk.files[place].spec) for place in lost)
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        known = f"; {kept} of them are described by the archive" if kept else ""
        said.append(f"Not here, so not checked: {', '.join(lost[:3])}{more}{known}.")
    codes = sorted({_commit(source.origin) for source in walk.files.values() if source.origin.get("commit")})
    if codes:
        said.append(f"Code: {', '.join(codes)}.")
    versions = sorted({_versions(source.origin) for source in walk.files.values() if "packages" in source.origin})
    said += [f"Versions: {line}." for line in versions]
    sources = sorted({source.spec["source"] for source in walk.files.values() if source.kind == "pixels"})
    return [*said, *(f"MNIST came from {source}." for source in sources)]


def _about(source: Source) -> str:
    """One line about a file: its content, date and commit."""
    if source.kind == "missing":
        return ""
    words = (_words(source), source.origin.get("written", "")[:10], _commit(source.origin))
    return "; ".join(part for part in words if part)


def _versions(origin: Mapping) -> str:
    packages = {"Python": origin["python"], **origin["packages"]}
    return ", ".join(f"{name} {version}" for name, version in packages.items())


def _commit(origin: Mapping) -> str:
    if not origin.get("commit"):
        return ""
    return in_words(origin["commit"][:12], origin.get("dirty"))


def _words(source: Source) -> str:
    spec, kind = source.spec, source.kind
    if kind == "table":
        return f"table at preset {spec['preset']}, settings {json.dumps(spec['settings'], sort_keys=True)}"
    if kind == "dataset":
        return f"{spec['dataset']} patterns, d = {spec['dim']}, seed {spec['seed']}"
    if kind == "pixels":
        return f"MNIST from {spec['source']}"
    if kind in ("run", "line"):
        return f"{kind}: {_training(spec)}"
    if "run" in spec:
        return f"{kind} with settings {json.dumps(spec['settings'], sort_keys=True)}"
    return kind


def _training(spec: Mapping) -> str:
    network = spec.get("network", spec)
    size = f"d = {network['dim'] or 'h'}, L = {network['depth']}"
    width = f", h = {network['width']}" if "width" in network else ""
    protocol = spec["protocol"]
    return (
        f"{spec['dataset']}, P = {spec['n_train']}, {size}{width}, {network['activation']}, {protocol['name']} "
        f"{protocol['steps']} steps, {spec['replicas']} replicas, seed {spec['seed']}"
    )
