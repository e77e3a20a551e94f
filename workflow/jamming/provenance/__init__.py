"""Provenance: from a figure, a table, a claim or any result back to runs, code, config and data, with checked hashes.

Every result file keeps the sha256 of the files it was made from (`store.provenance`); figures keep the content of their
table (`stamp`), so that they are the same bytes whenever the same numbers are computed again. `walk` follows these
from file to file, `show` prints what it found.
"""


class ProvenanceError(ValueError):
    """Something whose origin cannot be told; one sentence says what, why and what to give instead."""
