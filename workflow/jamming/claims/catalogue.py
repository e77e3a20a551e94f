"""Read the catalogue of claims, config/claims.yaml: published numbers, their tests and their tolerances."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from ..config import sentence
from ..inventory import claim_groups
from . import ClaimError, statistics

SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "claims.schema.yaml"


@dataclass(frozen=True)
class Claim:
    """One published number or statement.

    `published` is the number in the paper's words, and `source` its place. `observable` describes the statistic that
    tests it, and `unit` is its unit. `sizes` are the conditions (`sizes.CONDITIONS`) under which the test makes sense.
    They come from the gate of the data set. The claim is reproduced if the statistic lies within [`low`, `high`] (None:
    no bound on that side). `argument` gives the reason for these bounds. `follows_from` is the id of a claim that makes
    this one almost certain, or "".
    """

    id: str
    group: str
    statement: str
    published: str
    source: str
    observable: str
    unit: str
    sizes: Mapping[str, float]
    low: float | None
    high: float | None
    argument: str
    follows_from: str = ""


def read_catalogue(path: Path) -> list[Claim]:
    """The claims of a file, in its order. Raises ClaimError for the first mistake in the file, in one sentence."""
    name = Path(path).name
    try:
        entries = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ClaimError(f"{name} cannot be read ({' '.join(str(error).split())}); mend the file.") from error
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    error = best_match(Draft202012Validator(schema).iter_errors(entries))
    if error is not None:
        raise ClaimError(sentence(error, name))
    claims = [_claim(entry, entries["gates"], name) for entry in entries["claims"]]
    _check_ids(claims, name)
    return claims


def _claim(entry: Mapping, gates: Mapping, name: str) -> Claim:
    if entry["gate"] not in gates:
        raise ClaimError(
            f"{name}: '{entry['id']}' has the gate '{entry['gate']}', but there are {', '.join(gates)}; take one."
        )
    tolerance = entry["tolerance"]
    low, high = tolerance["low"], tolerance["high"]
    if low is None and high is None:
        raise ClaimError(f"{name}: the tolerance of '{entry['id']}' has no bound; give low, high or both.")
    if low is not None and high is not None and not low < high:
        raise ClaimError(f"{name}: the tolerance of '{entry['id']}' is [{low}, {high}], but must increase.")
    rest = {key: value for key, value in entry.items() if key not in ("tolerance", "gate")}
    sizes = gates[entry["gate"]]["sizes"]
    return Claim(**rest, sizes=sizes, low=low, high=high, argument=tolerance["argument"])


def _check_ids(claims: list[Claim], name: str) -> None:
    """Check that each claim occurs once and has a statistic in its group, and that each statistic has a claim."""
    ids = [claim.id for claim in claims]
    twice = next((one for one in ids if ids.count(one) > 1), None)
    if twice:
        raise ClaimError(f"{name} holds '{twice}' more than once; keep one of them.")
    groups = claim_groups()
    unknown = next((claim for claim in claims if claim.group not in groups), None)
    if unknown:
        raise ClaimError(f"{name}: '{unknown.id}' is of group '{unknown.group}', but must be of {', '.join(groups)}.")
    lost = next((claim for claim in claims if claim.follows_from and claim.follows_from not in ids), None)
    if lost:
        raise ClaimError(f"{name}: '{lost.id}' follows from '{lost.follows_from}', which is no claim; mend the id.")
    measured = {identifier: group for group in groups for identifier in statistics(group)}
    for claim in claims:
        if measured.get(claim.id) != claim.group:
            raise ClaimError(
                f"{name}: no statistic in claims/{claim.group}.py measures '{claim.id}'; add one or mend the id."
            )
    unclaimed = next((identifier for identifier in measured if identifier not in ids), None)
    if unclaimed:
        raise ClaimError(f"{name} lacks '{unclaimed}', which claims/{measured[unclaimed]}.py measures; add it.")
