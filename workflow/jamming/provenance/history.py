"""Find all files behind a file, and check each against the hash that was recorded when it was read."""

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
    """An input of a file: its path in the results folder, and the hash that it had when it was read.

    `status` is "verified" if the input still has this hash, else "changed" or "missing".
    """

    place: str
    recorded: str
    status: str


@dataclass
class Source:
    """A file with its kind, spec and inputs. `sha256` is empty if the file is not there.

    `origin` is the file's provenance without its inputs. `seeds` holds the seeds of each replica of a run.
    """

    kind: str
    sha256: str = ""
    spec: dict = field(default_factory=dict)
    origin: dict = field(default_factory=dict)
    seeds: dict = field(default_factory=dict)
    inputs: list[Link] = field(default_factory=list)


class Walk:
    """The visited files and all files behind them: `files[place]`, with places relative to the folder `results`."""

    def __init__(self, results: Path):
        self.results = Path(results)
        self.files: dict[str, Source] = {}
        record = self.results / layout.RECORD
        self._recorded = json.loads(record.read_text(encoding="utf-8"))["files"] if record.exists() else {}

    def visit(self, place: str, recorded: str = "") -> Source:
        """Add a file and all files behind it, and return the file.

        A missing file is looked up in the record of a restored archive, by its hash `recorded`. Raises ProvenanceError
        if the file is there but is no readable result.
        """
        if place not in self.files:
            path = self.results / place
            source = _source(path) if path.exists() else self._known(place, recorded)
            self.add(place, source)
        return self.files[place]

    def add(self, place: str, source: Source) -> None:
        """Add a file that was read already, and visit its inputs."""
        self.files[place] = source
        for link in source.inputs:
            found = self.visit(link.place, link.recorded).sha256
            link.status = "missing" if not found else "verified" if found == link.recorded else "changed"

    def links(self) -> list[tuple[str, Link]]:
        """Every link with the place of the file it belongs to, in the order of the visits."""
        return [(place, link) for place, source in self.files.items() for link in source.inputs]

    def record(self) -> dict:
        """All files as values for JSON, without commands and paths of this machine."""
        return {"files": {place: asdict(source) for place, source in sorted(self.files.items())}}

    def _known(self, place: str, recorded: str) -> Source:
        """A missing file, as the record of the archive describes it if that has the same hash."""
        known = self._recorded.get(place)
        if known is None or known["sha256"] != recorded:
            return Source(kind="missing")
        return Source(**{**known, "sha256": "", "inputs": [Link(**link) for link in known["inputs"]]})


def walk_figure(path: Path, results: Path | None = None) -> tuple[dict, Walk, str]:
    """The stamp of a figure, the walk from its table, and the status of the table, as that of a Link.

    "verified" means that the figure was drawn from the present table. `results` defaults to results/<preset>, with the
    preset in the stamp. Raises ProvenanceError for a file without a stamp.
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
    """The place of a result file in its results folder, and the walk from it.

    Raises ProvenanceError for a file that is no result, or that does not lie at its place.
    """
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
    """The claim with the id `name` in a claims.json, and the walk from its inputs.

    Raises ProvenanceError if the file or the claim is missing.
    """
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
    """The results folder in which a file has this place. For the pixels, which all presets share, their own folder."""
    if place == layout.PIXELS:
        return path.parent
    parts = Path(place).parts
    if path.absolute().parts[-len(parts) :] != parts:
        raise ProvenanceError(f"{path} does not end in {place}; give --results, the folder it belongs to.")
    return path.parents[len(parts) - 1]


def _source(path: Path) -> Source:
    """A file with the kind, spec and provenance it holds. A file of another format has only a hash."""
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
    # The command is left out: it names folders of the machine, and the spec holds the same settings.
    made.pop("command", None)
    links = [Link(layout.input_of(kind, spec, name), recorded, "missing") for name, recorded in sorted(inputs.items())]
    return Source(kind, store.sha256_of(path), spec, made, {k: v for k, v in seeds.items() if v}, links)


def _seeds(replica: Mapping) -> dict[str, int]:
    return {name: int(value) for name, value in replica.items() if name.startswith("seed")}
