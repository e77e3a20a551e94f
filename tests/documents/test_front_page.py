"""The front page: its numbers are those of claims.json, every figure opens, and it fetches and runs nothing."""

import re

import pytest

from helpers import synthetic_claims
from helpers.browser import browser, browser_needed  # noqa: F401 (a fixture)
from jamming import inventory
from jamming.documents import claims as claims_file
from jamming.documents import front_page

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="400" height="200"><rect width="400" height="200"/></svg>'
HOSTILE = '<img src=x onerror="document.title=1"> & "'


def make_claims(**changed):
    """Made-up claims with the ids of the headlines only; `changed` is merged into the first of them."""
    claims = synthetic_claims.make_claims()
    del claims["claims"][len(front_page.HEADLINES) :]
    for claim, identifier in zip(claims["claims"], front_page.HEADLINES, strict=False):
        claim["id"] = identifier
    claims["claims"][0] |= changed
    return claims


@pytest.fixture(scope="module")
def drawings():
    return dict.fromkeys(inventory.figures(), SVG)


def test_headlines_are_claims_of_the_catalogue():
    ids = re.findall(
        r"^  - id: (\S+)$", (inventory.PACKAGE.parents[1] / "config/claims.yaml").read_text(), re.MULTILINE
    )
    assert set(front_page.HEADLINES) <= set(ids)


def test_every_headline_has_its_numbers_and_verdict(drawings):
    claims = make_claims()
    text = front_page.page(claims, drawings)
    rows = re.findall(r"<tr title.*?</tr>", text)
    shown = [row for row in claims_file.shown(claims) if row["id"] in front_page.HEADLINES]
    assert len(rows) == len(shown) == len(front_page.HEADLINES)
    for row, claim in zip(rows, shown, strict=True):
        cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
        assert claim["measured"] in cells[2] and claim["verdict"] == cells[3]
        assert (claim["interval"] in cells[2]) or claim["measured"] == "–"
    assert front_page.verdict_counts(claims) in text


def test_verdicts_are_told_apart_and_formulas_are_formatted(drawings):
    claims = make_claims(statement="P_+ vanishes as z^θ and N_Δ/N jumps", published="|Δ|^−γ")
    text = front_page.page(claims, drawings)
    assert "P<sub>+</sub> vanishes as z<sup>θ</sup> and N<sub>Δ</sub>/N jumps" in text and "|Δ|<sup>−γ</sup>" in text
    marked = set(re.findall(r"td\.([\w-]+)::before", text))
    assert marked == {"reproduced", "not-reproduced", "inconclusive"}
    assert {verdict.replace(" ", "-") for verdict in claims_file.VERDICTS} >= marked


def test_the_page_holds_all_figures_and_fetches_nothing(drawings):
    text = front_page.page(make_claims(), drawings)
    assert text.count("<figure ") == len(drawings) == text.count("data:image/svg+xml;base64,")
    assert not re.search(r"<script|<link|@import|url\(|https?:", text)
    assert front_page.page(make_claims(), drawings) == text


def test_texts_are_no_markup(drawings):
    text = front_page.page(make_claims(statement=HOSTILE, published=HOSTILE, reason=HOSTILE), drawings)
    assert "<img src=x" not in text and text.count("&lt;img src=x") == 3


def test_without_claims_the_figures_are_shown_all_the_same(drawings):
    text = front_page.page({"preset": "made", "claims": []}, drawings)
    assert "Headline numbers" not in text and text.count("<figure ") == len(drawings)


@browser_needed
@pytest.mark.parametrize("width", [390, 1200])
def test_a_figure_opens_large_and_closes(browser, drawings, tmp_path, width):  # noqa: F811
    """On a phone and on a desktop: a click fills the window, another one closes it, and nothing overflows."""
    file = tmp_path / "index.html"
    file.write_text(front_page.page(make_claims(statement=HOSTILE), drawings), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800})
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    assert page.title() == f"Jamming: {make_claims()['preset']}"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    image, caption = page.locator("#fig6 img"), page.locator("#fig6 figcaption span")
    small = image.bounding_box()["width"]
    assert not caption.is_visible() and small < 400
    page.locator("#fig6 .open").click()
    assert caption.is_visible() and image.bounding_box()["width"] >= min(width - 40, 900) > small - 60
    page.locator("#fig6 .close").click()
    assert not caption.is_visible() and image.bounding_box()["width"] == small
    assert all(address.startswith(("file:", "data:")) for address in asked)
