"""Verdicts at their limits, the runs that they need, mistakes in the catalogue, and its match with the code."""

import copy
import math
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from jamming import claims
from jamming.analysis.statistics import Measurement, fraction, nothing
from jamming.claims import catalogue, sizes, verdict
from jamming.claims.catalogue import Claim, read_catalogue
from jamming.claims.verdict import (
    INCONCLUSIVE,
    NOT_REPRODUCED,
    NOT_TESTABLE,
    REPRODUCED,
    compare,
    judge,
    runs_needed,
    ungated,
)
from jamming.inventory import claim_groups

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "config" / "claims.yaml"
LARGE = {"n_weights": 8000.0, "n_train": 60000.0, "n_train_ratio": 120.0, "steps": 1e7, "steps_per_pattern": 450.0}


def claim(low=0.0, high=1.0, **wanted):
    return Claim("x", "jump", "S.", "0.5", "[G] 1", "O.", "1", wanted, low, high, "A.")


def measured(value, error, n_runs=10):
    return Measurement(value, n_runs, error=error, degrees=n_runs - 1)


@pytest.mark.parametrize(
    ("interval", "low", "high", "expected"),
    [
        ((0.0, 1.0), 0, 1, REPRODUCED),  # ends belong to the tolerance
        ((-1e-9, 1.0), 0, 1, INCONCLUSIVE),
        ((0.0, 1 + 1e-9), 0, 1, INCONCLUSIVE),
        ((1.0, 2.0), 0, 1, INCONCLUSIVE),  # touches
        ((-2.0, 0.0), 0, 1, INCONCLUSIVE),
        ((1 + 1e-9, 2.0), 0, 1, NOT_REPRODUCED),
        ((-2.0, -1e-9), 0, 1, NOT_REPRODUCED),
        ((-2.0, 3.0), 0, 1, INCONCLUSIVE),  # holds the whole tolerance
        ((-5.0, 0.0), None, 0, REPRODUCED),
        ((1e-9, 5.0), None, 0, NOT_REPRODUCED),
        ((0.0, 1e9), 0, None, REPRODUCED),
        ((-5.0, -1.0), 0, None, NOT_REPRODUCED),
        ((0.5, 0.5), 0, 1, REPRODUCED),
    ],
)
def test_interval_against_tolerance(interval, low, high, expected):
    assert compare(interval, low, high) == expected


def test_the_verdict_is_that_of_the_interval_of_95_percent():
    assert judge(claim(), measured(0.5, 0.2), LARGE)[0] == REPRODUCED  # t = 2.262: 0.05 … 0.95
    assert judge(claim(), measured(0.5, 0.23), LARGE)[0] == INCONCLUSIVE
    assert judge(claim(), measured(1.5, 0.2), LARGE)[0] == NOT_REPRODUCED


def test_inconclusive_says_how_many_runs_it_takes():
    word, reason = judge(claim(), measured(0.9, 0.1), LARGE)
    needed = runs_needed(measured(0.9, 0.1), 0, 1)
    assert word == INCONCLUSIVE and f"it takes about {needed} runs, not 10" in reason
    for n_runs, expected in ((needed, REPRODUCED), (needed - 1, INCONCLUSIVE)):
        assert compare(measured(0.9, 0.1).interval(0.95, n_runs), 0, 1) == expected
    # 0.1·√(10/n)·t ≤ 0.1 with Student's t of some 40 degrees
    assert needed == pytest.approx(10 * 2.02**2, rel=0.05)


def test_runs_needed_of_a_fraction_without_a_single_hit():
    """(1 − 0.1)^n ≤ 0.025 from n = 36 on (Clopper & Pearson)."""
    assert runs_needed(fraction(0, 8, "run"), None, 0.1) == math.ceil(math.log(0.025) / math.log(0.9))


@pytest.mark.parametrize(
    "one", [measured(1.0, 0.1), Measurement(0.9, 10, error=0.01, degrees=9, resolution=(0.2, 0.2))]
)
def test_no_number_of_runs_moves_a_value_off_the_edge_or_refines_the_grid(one):
    assert runs_needed(one, 0, 1) is None
    assert judge(claim(), one, LARGE) == (
        INCONCLUSIVE,
        "The interval of 95 % is partly in the tolerance, and 10000 runs would not decide.",
    )


def test_without_value_or_interval_it_is_inconclusive_and_says_what_it_takes():
    assert judge(claim(), nothing("jammed run"), LARGE) == (
        INCONCLUSIVE,
        "There is no jammed run; an interval takes at least 2 runs.",
    )
    word, reason = judge(claim(), Measurement(0.5, 4), LARGE)
    assert word == INCONCLUSIVE and "at least 2 at each" in reason


def test_size_comes_before_the_interval_and_is_said():
    small = {**LARGE, "n_weights": 820.0, "steps_per_pattern": 8.71}
    word, reason = judge(claim(n_weights=4000, steps_per_pattern=40, n_train=500), measured(0.5, 0.01), small)
    assert word == NOT_TESTABLE
    assert reason == "It takes N ≥ 4000, steps per pattern ≥ 40; here N = 820, steps per pattern = 8.7."
    assert judge(claim(n_weights=820), measured(0.5, 0.01), small)[0] == REPRODUCED
    assert judge(claim(n_weights=821), measured(5.0, 0.01), small)[0] == NOT_TESTABLE


def test_a_claim_on_several_depths_is_judged_on_each():
    """The mean over depths lies within the tolerance, although one depth does not."""
    inside, across, outside = measured(0.5, 0.1), measured(0.9, 0.1), measured(1.5, 0.1)
    for parts, expected in (
        ((inside, inside), REPRODUCED),
        ((inside, across), INCONCLUSIVE),
        ((inside, outside), NOT_REPRODUCED),
        ((across, outside), NOT_REPRODUCED),
        ((inside, nothing("run")), INCONCLUSIVE),
    ):
        whole = replace(inside, parts=dict(zip(("L2", "L5"), parts, strict=True)))
        word, reason = judge(claim(), whole, LARGE)
        assert word == expected
        assert reason.startswith("Judged one by one: L2 ") and ", L5 " in reason


def test_the_verdict_without_the_gate_is_known_as_well():
    small = {**LARGE, "n_weights": 820.0}
    one = replace(measured(0.5, 0.2), note="P = 5000 left out.")
    assert judge(claim(n_weights=4000), one, small)[0] == NOT_TESTABLE
    assert ungated(claim(n_weights=4000), one) == (
        REPRODUCED,
        "The interval of 95 % lies within the tolerance. P = 5000 left out.",
    )


def test_absent_sweeps_come_first():
    word, reason = judge(claim(n_weights=4000), nothing("result"), {}, ["relu_L3", "relu_L5"])
    assert word == NOT_TESTABLE
    assert reason == "It takes the sweeps relu_L3, relu_L5, which the config does not have."


# --- the catalogue --------------------------------------------------------------------------------------------------


def test_the_catalogue_and_the_statistics_agree_both_ways():
    listed = {one.id: one.group for one in read_catalogue(CATALOGUE)}
    assert listed == {identifier: group for group in claim_groups() for identifier in claims.statistics(group)}


STEMS = """
transition-location bound jump-random jump-mnist jump-above-bound depth-independent ce-slope c0-relu c0-tanh hp-collapse
h0-rank h-negative-relu h-negative-tanh theta-relu gamma-relu theta-tanh gamma-tanh gamma-mnist cusps n-eff
mnist-below-random accuracy-at-jamming cusp early-stopping halts-sooner depth-2
"""


def test_every_published_number_is_in_the_catalogue():
    """The ids of the list made from the papers. A claim in several parts has several ids with the same beginning."""
    ids = [one.id for one in read_catalogue(CATALOGUE)]
    assert not [stem for stem in STEMS.strip().split() if not any(one.startswith(stem) for one in ids)]


def test_schema_and_code_know_the_same_conditions():
    gate = yaml.safe_load(catalogue.SCHEMA.read_text())["$defs"]["gate"]["properties"]
    assert list(gate["sizes"]["properties"]) == list(sizes.CONDITIONS)


def test_no_verdict_is_typed_in():
    text = CATALOGUE.read_text().lower()
    assert not [word for word in verdict.VERDICTS if word in text]


def changed(tmp_path, change):
    entries = copy.deepcopy(yaml.safe_load(CATALOGUE.read_text()))
    change(entries["claims"])
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(entries, allow_unicode=True))
    return path


def put(*path_and_value):
    *path, value = path_and_value

    def change(entries):
        place = entries[0]
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


MISTAKES = [
    (put("tolerence", 1), "claims.0 has an unknown key 'tolerence' (did you mean 'tolerance'?)"),
    (lambda entries: entries[0].pop("source"), "claims.0 lacks the key 'source'; give it."),
    (lambda entries: entries[0]["tolerance"].pop("argument"), "claims.0.tolerance lacks the key 'argument'; give it."),
    (put("tolerance", "low", "small"), "claims.0.tolerance.low is 'small', but must be a number."),
    (
        put("tolerance", {"low": None, "high": None, "argument": "a"}),
        "the tolerance of 'transition-location-L2' has no",
    ),
    (
        put("tolerance", {"low": 2, "high": 1, "argument": "a"}),
        "'transition-location-L2' is [2, 1], but must increase.",
    ),
    (put("group", "jumps"), "'transition-location-L2' is of group 'jumps', but must be of cusps, effective"),
    (put("group", "jump"), "no statistic in claims/jump.py measures 'transition-location-L2'; add one or mend the id."),
    (put("id", "invented"), "no statistic in claims/position.py measures 'invented'; add one or mend the id."),
    (put("source", "somewhere"), "claims.0.source is 'somewhere', but must match the pattern"),
    (put("statement", " "), "claims.0.statement is ' ', but must match the pattern"),
    (
        put("gate", "transitions"),
        "'transition-location-L2' has the gate 'transitions', but there are any, averages, ex",
    ),
    (
        put("follows_from", "invented"),
        "'transition-location-L2' follows from 'invented', which is no claim; mend the id",
    ),
    (lambda entries: entries.append(entries[0]), "holds 'transition-location-L2' more than once; keep one of them."),
    (lambda entries: entries.pop(), "lacks 'cifar-hinge', which claims/unmeasured.py measures; add it."),
    (lambda entries: entries.clear(), "claims is [], but must hold at least 1."),
]


@pytest.mark.parametrize(("change", "said"), MISTAKES)
def test_every_mistake_in_the_catalogue_is_one_sentence(tmp_path, change, said):
    with pytest.raises(claims.ClaimError) as caught:
        read_catalogue(changed(tmp_path, change))
    text = str(caught.value)
    assert said in text and text.startswith("claims.yaml") and text.endswith(".") and "\n" not in text


def test_a_catalogue_that_is_no_yaml_is_one_sentence(tmp_path):
    (tmp_path / "claims.yaml").write_text("claims: [\n")
    with pytest.raises(claims.ClaimError, match=r"claims.yaml cannot be read \(.*\); mend the file\.$") as caught:
        read_catalogue(tmp_path / "claims.yaml")
    assert "\n" not in str(caught.value)
