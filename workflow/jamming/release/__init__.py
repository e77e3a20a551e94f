"""Release: one archive with tables, claims, figures and configuration, and its way back into a folder to draw from."""

FORMAT, FORMAT_VERSION = "jamming-release", 1
MARK = "release.json"
"""The member that says what the archive is: format, version, preset, commit, figures."""
SUMS = "SHA256SUMS"
CRATE = "ro-crate-metadata.json"


class ReleaseError(ValueError):
    """An archive that cannot be made or restored; one sentence says which file, why, and the cure."""
