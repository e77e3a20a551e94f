"""Read claims.json for documents: it is checked, and its numbers become text."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import DocumentError
from .numbers import rounded, rounded_interval

VERDICTS = ("reproduced", "not reproduced", "inconclusive", "not testable at this size")
_TEXTS = ("id", "group", "statement", "published", "source", "unit", "reason")
_KEYS = (*_TEXTS, "value", "interval_95", "n_runs", "verdict")


def read_claims(path: Path) -> dict:
    """The content of claims.json. Raises DocumentError if it is missing or damaged, or lacks a key that is shown."""
    path = Path(path)
    try:
        claims = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DocumentError(f"{path} does not exist; run the rule that collects the claims.") from None
    except ValueError as error:
        raise DocumentError(f"{path} is no JSON ({error}); delete it and run the workflow again.") from None
    if not isinstance(claims, dict) or "preset" not in claims or not isinstance(claims.get("claims"), list):
        raise DocumentError(f"{path} has no preset or no list of claims; delete it and run the workflow again.")
    for claim in claims["claims"]:
        missing = [key for key in _KEYS if key not in claim]
        if missing:
            raise DocumentError(f"{path}: claim {claim.get('id', '?')} has no '{missing[0]}'; run the workflow again.")
        if claim["verdict"] not in VERDICTS:
            raise DocumentError(
                f"{path}: claim {claim['id']} has the verdict '{claim['verdict']}', which is none of "
                f"{', '.join(VERDICTS)}."
            )
    return claims


def shown(claims: Mapping) -> list[dict]:
    """One row per claim, in the file's order: texts, with `measured` "2.75" and `interval` "[2.71, 2.79]" (95 %)."""
    return [_row(claim) for claim in claims["claims"]]


def counts(claims: Mapping) -> dict[str, int]:
    """The number of claims with each verdict, including verdicts with no claim."""
    found = Counter(claim["verdict"] for claim in claims["claims"])
    return {verdict: found[verdict] for verdict in VERDICTS}


def about(claims: Mapping, ids: Sequence[str]) -> list[dict]:
    """The rows of the claims with these ids, in this order. Ids that the file lacks are left out.

    An id also stands for all ids that continue it after a hyphen: "cusps" for "cusps-mnist", not "cusp" for "cusps".
    """
    rows = shown(claims)
    return [row for name in ids for row in rows if row["id"] == name or row["id"].startswith(f"{name}-")]


def _row(claim: Mapping) -> dict:
    value, interval = claim["value"], claim["interval_95"]
    kept = {key: str(claim[key] or "") for key in _TEXTS}
    return {
        **kept,
        "measured": "–" if value is None else rounded(value, interval),
        "interval": "–" if value is None else rounded_interval(interval, value),
        "n_runs": int(claim["n_runs"]),
        "verdict": claim["verdict"],
    }
