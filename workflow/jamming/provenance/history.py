"""From one file to all it was made from, each checked against the hash that was kept when it was read."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .. import inventory
from ..storage import layout, store
from . import ProvenanceError
from .stamp import content_digest, drawing_code, read_stamp


@dataclass
class Link:
    """One file that was read to make another: the hash it had then, and whether it has it still.

    `status` is "verified", "changed" or "missing".
    """

    place: str
    recorded: str
    status: str


@dataclass
class Source:
    """A file: its kind, what was asked for, what made it and from what. `sha256` is empty if it is not there.

    `origin` is the file's provenance without its inputs; `seeds` holds those of each replica of a run.
    """

    kind: str
    sha256: str = ""
    spec: dict = field(default_factory=dict)
    origin: dict = field(default_factory=dict)
    seeds: dict = field(default_factory=dict)
    inputs: list[Link] = field(default_factory=list)


class Walk:
    """The files behind some of them, by place relative to `results` (a folder such as results/quick)."""

    def __init__(self, results: Path):
        self.results = Path(results)
        self.files: dict[str, Source] = {}
        record = self.results / layout.RECORD
        self._recorded = json.loads(record.read_text(encoding="utf-8"))["files"] if record.exists() else {}

    def visit(self, place: str, recorded: str = "") -> Source:
        """A file and, behind it, all it was made from; `recorded` is the hash under which a missing one is looked up.

        Raises ProvenanceError if the file is there but is no readable result.
        """
        if place not in self.files:
            path = self.results / place
            source = _source(path) if path.exists() else self._known(place, recorded)
            self.add(place, source)
        return self.files[place]

    def add(self, place: str, source: Source) -> None:
        """A file that was read already; what it was made from is visited."""
        self.files[place] = source
        for link in source.inputs:
            found = self.visit(link.place, link.recorded).sha256
            link.status = "missing" if not found else "verified" if found == link.recorded else "changed"

    def links(self) -> list[tuple[str, Link]]:
        """Every link with the place of the file it belongs to, in the order they were met."""
        return [(place, link) for place, source in self.files.items() for link in source.inputs]

    def record(self) -> dict:
        """All that was found, as values for JSON, without commands and paths of this machine."""
        return {"files": {place: asdict(source) for place, source in sorted(self.files.items())}}

    def _known(self, place: str, recorded: str) -> Source:
        """A file that is not here: as the archive described it, if it is that very file."""
        known = self._recorded.get(place)
        if known is None or known["sha256"] != recorded:
            return Source(kind="missing")
        return Source(**{**known, "sha256": "", "inputs": [Link(**link) for link in known["inputs"]]})


def walk_figure(path: Path, results: Path | None = None) -> tuple[dict, Walk, str]:
    """The stamp of a figure, the walk from its table, and whether that is the one drawn: a status as that of a Link.

    `results` defaults to results/<preset>, of the preset in the stamp. Raises ProvenanceError.
    """
    stamp = read_stamp(path)
    walk = Walk(results or Path("results") / stamp["preset"])
    place = layout.TABLE.format(figure=stamp["figure"])
    walk.visit(place)
    try:
        same = content_digest(store.read(walk.results / place, "table")) == stamp["table"]
        status = "verified" if same else "changed"
    except store.StoreError:
        status = "missing"
    same_code = stamp.get("drawn_by") == drawing_code(inventory.module_of(stamp["figure"]))
    return {**stamp, "drawn_by_this_code": same_code}, walk, status


def walk_result(path: Path, results: Path | None = None) -> tuple[str, Walk]:
    """The place of a result file in its folder, and the walk from there. Raises ProvenanceError."""
    path = Path(path)
    source = _source(path)
    place = layout.place_of(source.kind, source.spec)
    if results is None:
        results = folder_of(path, place)
    walk = Walk(results)
    if not (walk.results / place).exists() or not path.samefile(walk.results / place):
        raise ProvenanceError(f"{path} is not {walk.results / place}; give --results, the folder it belongs to.")
    walk.visit(place)
    return place, walk


def walk_claim(path: Path, name: str) -> tuple[dict, Walk]:
    """A claim of a claims.json by its id, and the walk from its inputs. Raises ProvenanceError."""
    path = Path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        claims = {claim["id"]: claim for claim in document["claims"]}
    except OSError as error:
        raise ProvenanceError(f"{path} cannot be read ({error.strerror}); measure the claims first.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ProvenanceError(f"{path} is not a file of claims; give results/<preset>/claims.json.") from error
    if name not in claims:
        raise ProvenanceError(f"{path} has no claim '{name}'; its claims are {', '.join(claims)}.")
    claim = claims[name]
    walk = Walk(path.parent)
    origin = {key: document.get(key) for key in ("preset", "commit", "dirty", "package")}
    links = [Link(place, recorded, "missing") for place, recorded in sorted(claim["inputs"].items())]
    walk.add(f"{path.name}#{name}", Source("claim", store.sha256_of(path), {}, origin, {}, links))
    return claim, walk


def folder_of(path: Path, place: str) -> Path:
    """The results folder in which a file has this place; for pixels, which all presets share, their own folder."""
    if place == layout.PIXELS:
        return path.parent
    parts = Path(place).parts
    if path.absolute().parts[-len(parts) :] != parts:
        raise ProvenanceError(f"{path} does not end in {place}; give --results, the folder it belongs to.")
    return path.parents[len(parts) - 1]


def _source(path: Path) -> Source:
    """What a file says of itself. A file of another format has a hash and no history."""
    path = Path(path)
    if not path.exists():
        raise ProvenanceError(f"{path} does not exist; give a file that the workflow made.")
    if path.suffix != ".h5":
        return Source("file", store.sha256_of(path))
    try:
        result = store.read(path, kind=None, arrays=False)
    except store.StoreError as error:
        raise ProvenanceError(str(error)) from error
    kind, spec, made = result.kind, result.spec, result.provenance
    seeds = {name: _seeds(replica) for name, replica in result.tree.items() if name.startswith("replica_")}
    inputs = made.pop("inputs", {})
    # The spec says the same as the command, without the folders of the machine.
    made.pop("command", None)
    links = [Link(layout.input_of(kind, spec, name), recorded, "missing") for name, recorded in sorted(inputs.items())]
    return Source(kind, store.sha256_of(path), spec, made, {k: v for k, v in seeds.items() if v}, links)


def _seeds(replica: Mapping) -> dict[str, int]:
    return {name: int(value) for name, value in replica.items() if name.startswith("seed")}
