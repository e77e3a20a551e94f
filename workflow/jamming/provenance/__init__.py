"""Provenance: from a figure, a table, a claim or any result back to runs, code, config and data, with checked hashes.

Every result file keeps the sha256 of the files it was made from (`store.provenance`). A figure keeps the hash of its
table's content (`stamp`), so equal numbers give a figure with equal bytes. `history` follows these hashes from file to
file, and `show` prints the result.
"""


class ProvenanceError(ValueError):
    """The origin of a file is unknown. The message is one sentence: which file, why, and what to give instead."""
