"""Measurements as JSON, and all claims with their verdicts as JSON and CSV. Equal results give equal bytes."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from ..analysis.statistics import LEVELS, Measurement
from ..storage.files import StoreError, write_whole
from .catalogue import Claim
from .verdict import NOT_TESTABLE, judge, ungated

COLUMNS = (
    *("id", "group", "verdict", "ungated", "value", "low_68", "high_68", "low_95", "high_95", "unit", "n_runs"),
    *("published", "tolerance_low", "tolerance_high", "statement", "observable", "source", "reason"),
)
"""Columns of the CSV."""


def to_json(measured: Measurement) -> dict:
    """A measurement as plain values. Numbers have six digits, since further digits differ between machines."""
    values = {key: _rounded(value) for key, value in asdict(measured).items()}
    return values | {"parts": {name: to_json(part) for name, part in measured.parts.items()}}


def from_json(values: Mapping) -> Measurement:
    parts = {name: from_json(part) for name, part in values.get("parts", {}).items()}
    return Measurement(**{**values, "resolution": tuple(values["resolution"]), "parts": parts})


def collect(claims: Sequence[Claim], groups: Mapping[str, Mapping], about: Mapping) -> dict:
    """All claims with value, intervals and verdict. `groups` holds the contents of the groups' files, by group.

    `about` comes first: preset, commit, dirty, package. Raises StoreError if a claim was not measured.
    """
    return {**about, "claims": [_entry(claim, groups) for claim in claims]}


def to_csv(collection: Mapping) -> str:
    """The claims as CSV, one row per claim and one value per cell. A cell without a value is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for claim in collection["claims"]:
        row = {key: value for key, value in claim.items() if not isinstance(value, list | dict)}
        for level in LEVELS:
            ends = claim[f"interval_{round(100 * level)}"] or (None, None)
            row |= {f"{end}_{round(100 * level)}": value for end, value in zip(("low", "high"), ends, strict=True)}
        writer.writerow(row | {f"tolerance_{end}": claim["tolerance"][end] for end in ("low", "high")})
    return text.getvalue()


def write_json(path: Path, values: Mapping) -> None:
    """Write values as JSON, the whole file or nothing. Raises StoreError if the file cannot be written."""
    write_whole(path, (json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> dict:
    """The content of a JSON file. Raises StoreError if the file is missing or is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read ({error}); run `snakemake --cores 2 claims`.") from error


def _entry(claim: Claim, groups: Mapping[str, Mapping]) -> dict:
    try:
        found = groups[claim.group]["claims"][claim.id]
    except KeyError as error:
        raise StoreError(f"claim '{claim.id}' was not measured; measure the group '{claim.group}' again.") from error
    measured = from_json(found["measurement"])
    verdict, reason = judge(claim, measured, found["sizes"], found["missing"])
    without_gate, of_parts = ungated(claim, measured)
    if verdict == NOT_TESTABLE and measured.parts:
        reason = f"{reason} {of_parts}"
    return {
        "id": claim.id,
        "group": claim.group,
        "statement": claim.statement,
        "published": claim.published,
        "source": claim.source,
        "observable": claim.observable,
        "unit": claim.unit,
        "value": measured.value,
        **{f"interval_{round(100 * level)}": _rounded(measured.interval(level)) for level in LEVELS},
        "n_runs": measured.n_runs,
        "verdict": verdict,
        "ungated": without_gate,
        "reason": reason,
        "follows_from": claim.follows_from,
        "parts": {
            name: {"value": part.value, "interval_95": _rounded(part.interval(0.95)), "n_runs": part.n_runs}
            for name, part in measured.parts.items()
        },
        "tolerance": {"low": claim.low, "high": claim.high, "argument": claim.argument},
        "inputs": found["inputs"],
    }


def _rounded(value: object) -> object:
    if isinstance(value, tuple):
        return [_rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
