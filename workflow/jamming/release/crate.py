"""Describe an archive for data repositories, as RO-Crate metadata."""

import hashlib
import io
import warnings
from collections.abc import Mapping
from pathlib import PurePosixPath

from rocrate.model import ContextEntity, SoftwareApplication
from rocrate.rocrate import ROCrate

from . import CRATE, MARK, SUMS

__all__ = ["CRATE", "describe"]

LICENSE = "https://spdx.org/licenses/MIT"
PAPERS = {
    "https://doi.org/10.1103/PhysRevE.100.012115": "The jamming transition as a paradigm to understand the loss "
    "landscape of deep neural networks",
    "https://doi.org/10.1088/1751-8121/ab4c8b": "A jamming transition from under- to over-parametrization affects "
    "generalization in deep learning",
}
FORMATS = {
    ".h5": "application/x-hdf5",
    ".pdf": "application/pdf",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".csv": "text/csv",
    ".yaml": "application/yaml",
}
CONTENT = {
    "tables": "Table: exactly what the figure of this name draws (HDF5)",
    "figures": "Figure, drawn from the table of this name",
    "config": "Configuration",
    "envs": "Versions and hashes of the software",
}


def describe(members: Mapping[str, bytes], title: str, mark: Mapping) -> dict:
    """The RO-Crate metadata of the members. `mark` is the content of release.json. The only date is that of results."""
    crate = ROCrate()
    crate.name = f"{title}: preset {mark['preset']}"
    crate.description = (
        "Tables, claims and figures of two papers on the jamming transition of neural networks, computed anew. "
        f"{MARK} says what this archive is; {SUMS} holds the checksum of each file."
    )
    crate.license = LICENSE
    crate.datePublished = mark["written"]
    software = SoftwareApplication(
        crate, "#jamming", properties={"name": title, "softwareVersion": mark["jamming"], "version": mark["commits"]}
    )
    crate.add(software)
    papers = [
        crate.add(ContextEntity(crate, doi, properties={"@type": "ScholarlyArticle", "name": name}))
        for doi, name in PAPERS.items()
    ]
    crate.root_dataset["isBasedOn"] = papers
    for name in sorted(members):
        path, content = PurePosixPath(name), members[name]
        about = {
            "name": name,
            "encodingFormat": FORMATS.get(path.suffix, "text/plain"),
            "contentSize": str(len(content)),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        if path.parts[0] in CONTENT:
            about["description"] = CONTENT[path.parts[0]]
        file = crate.add_file(io.BytesIO(content), dest_path=name, properties=about)
        if path.suffix in (".h5", ".pdf", ".svg"):
            file["creator"] = software
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return crate.metadata.generate()
