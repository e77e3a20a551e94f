"""Release: pack tables, claims, figures and configuration into one archive, and restore it to draw figures from it."""

FORMAT, FORMAT_VERSION = "jamming-release", 1
MARK = "release.json"
"""The member that describes the archive: format, version, preset, commit, figures."""
SUMS = "SHA256SUMS"
CRATE = "ro-crate-metadata.json"


class ReleaseError(ValueError):
    """An archive cannot be made or restored. The message is one sentence: which file, why, and what to do."""
