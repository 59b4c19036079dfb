"""Explanations: faithful to what decided, readable as text and as a picture."""

import math
from html.parser import HTMLParser
from pathlib import Path

import pytest
from steward_world import World

from ml.identity.evidence import Matching
from ml.identity.explain import Decided, Explanation
from ml.identity.explain_text import as_text, percent
from ml.identity.links import strongest_chain
from ml.identity.lookup import find_records, require_records
from ml.identity.pair_weights import Item, PairEvidence, bits, probability_of, weigh_pairs
from ml.identity.waterfall import as_html
from stammkunde.errors import UserError

CHROMIUM = Path("/usr/bin/chromium")


def weighed(world):
    """Weights with an interaction and a term frequency, and one pair scored by them."""
    world.connection.execute(
        """
        create table identity.matching_weight as select * from (values
            ('v1', 'prior', '', -10.25), ('v1', 'first_name', 'equal', 5.5),
            ('v1', 'first_name', 'other', -4.0), ('v1', 'email', 'equal', 12.0),
            ('v1', 'first_name×email', 'equal×equal', -2.5), ('v0', 'prior', '', -99.0)
        ) as rows(version, comparison, level, weight);
        create table identity.int_pair_comparisons as
            select
                'a' as record_id_a, 'b' as record_id_b, 'person' as kind, 'equal' as first_name,
                'equal' as last_name, 'equal' as birth_date, 'equal' as email, 'unknown' as phone,
                'unknown' as card, 'unknown' as vat_id, 'different' as source_system;
        """
    )
    return world.score(("a", "b", 0.964))


def test_the_weights_of_a_pair_add_up_to_its_score():
    world = weighed(World().write(["a", "b"]))
    found = weigh_pairs(world.connection, Matching("v1", 0.9), [("a", "b")])["a", "b"]
    assert {(i.comparison, i.level): i.weight for i in found.items} == {
        ("prior", ""): -10.25,
        ("first_name", "equal"): 5.5,
        ("email", "equal"): 12.0,
        ("first_name×email", "equal×equal"): -2.5,
    }
    assert found.weight == 4.75
    assert found.matches
    assert found.items_by_size()[0].comparison == "prior"


@pytest.mark.parametrize("probability", [0.001, 0.5, 0.9, 0.9999])
def test_bits_and_probabilities_are_inverse(probability):
    assert probability_of(bits(probability)) == pytest.approx(probability)


@pytest.mark.parametrize(
    ("share", "text"), [(0.5, "50.0 %"), (0.964, "96.4 %"), (0.99996, "99.996 %"), (1.0, "100.0 %")]
)
def test_nearly_certain_is_not_shown_as_certain(share, text):
    assert percent(share) == text


def test_the_chain_shown_is_the_one_that_holds():
    pairs = [("a", "b", 0.91), ("a", "c", 0.99), ("c", "d", 0.98), ("d", "b", 0.97)]
    assert strongest_chain(pairs, "a", "b") == ["a", "c", "d", "b"]
    assert strongest_chain(pairs[:1], "a", "b") == ["a", "b"]
    assert strongest_chain(pairs, "a", "z") == []


def test_an_unknown_record_names_the_nearest():
    world = World().write(["branch:1234", "branch:1243", "shop:9"])
    world.resolve()
    with pytest.raises(UserError, match="no source has a record 'branch:1235'; the nearest are branch:1234"):
        require_records(world.connection, ["branch:1235"])


def test_customers_are_compared_by_the_records_that_match_best():
    world = World().write(["a", "a2", "b", "b2"], [("a", "a2", 0.99), ("b", "b2", 0.99), ("a2", "b2", 0.92)])
    world.decide("unlink", "a", "b")
    world.resolve()
    ids = world.ids()
    assert ids["a"] != ids["b"]
    assert find_records(world.connection, ids["a"], ids["b2"]) in {("a2", "b2"), ("a", "b2"), ("a2", "b")}
    with pytest.raises(UserError, match="are one customer; name two of its records"):
        find_records(world.connection, ids["a"], ids["a"])
    with pytest.raises(UserError, match="a is one record"):
        find_records(world.connection, "a", "a")


def explanation(**changes):
    step = PairEvidence(
        "a", "b",
        [
            Item("prior", "", -12.0), Item("email", "equal", 13.5),
            Item("birth_date", "other", -6.0),
        ],
        -4.5, probability_of(-4.5), None, False, False, True,
    )  # fmt: skip
    facts = {
        "record_a": "a", "record_b": "b", "customer_a": "c_1", "customer_b": "c_2",
        "matching": Matching("v1", 0.9), "direct": step, "chain": [], "steps": [],
        "values": [("email", "<b>@example.com", "x@example.com")], "decisions": [], "clusters_apart": [],
    }  # fmt: skip
    return Explanation(**{**facts, **changes})


def test_text_says_verdict_weights_and_what_follows():
    text = as_text(explanation())
    assert text.startswith("a and b are two customers, c_1 and c_2: the evidence is too weak.")
    assert "-6.00 bits  birth date: other" in text
    assert "Together -4.50 bits, a probability of 4.2 %; a match begins at 90.0 %." in text


def test_the_verdict_names_a_stewards_decision():
    decided = Decided("unlink", "a", "b", "kim", "brothers", "2026-11-01", "in_force")
    found = explanation(decisions=[decided])
    assert "kim parted them" in found.verdict
    assert "2026-11-01 kim: unlink a – b: brothers (in force)" in as_text(found)


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def test_bars_are_as_long_as_their_weights_and_say_them_without_colour():
    page = Page(as_html(explanation()))
    bars = [a for tag, a in page.tags if tag == "rect" and a["class"] in ("for", "against")]
    widths = [float(bar["width"]) for bar in bars]
    assert [bar["class"] for bar in bars] == ["against", "for", "against"]  # prior, then by size
    assert widths[1] / widths[0] == pytest.approx(13.5 / 12, rel=0.01)
    assert widths[2] / widths[0] == pytest.approx(0.5, rel=0.01)
    # Each begins where the one before it ended.
    first, second, third = (float(bar["x"]) for bar in bars)
    assert first == second == min(first, second, third)
    assert third + widths[2] == pytest.approx(second + widths[1], abs=0.5)
    assert {"+13.5", "-12.0", "-6.0", "-4.5 bits"} <= set(page.texts)


def test_the_page_loads_nothing_and_shows_values_as_text():
    text = as_html(explanation())
    page = Page(text)
    assert "<b>@example.com" in page.texts
    assert not {"script", "img", "link", "iframe"} & {tag for tag, _ in page.tags}
    assert "http" not in text
    assert "url(#hatch)" in text


@pytest.mark.skipif(not CHROMIUM.exists(), reason="no chromium here to draw the page with")
def test_a_browser_draws_the_bars(tmp_path):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = tmp_path / "page.html"
    path.write_text(as_html(explanation()), encoding="utf-8")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport={"width": 900, "height": 800})
            problems = []
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("console", lambda message: problems.append(message.text))
            page.goto(path.as_uri())
            boxes = [bar.bounding_box() for bar in page.query_selector_all("rect.for, rect.against")]
            labels = [t.bounding_box() for t in page.query_selector_all("svg text")]
            wide = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        finally:
            browser.close()
    assert problems == []
    assert wide, "the page scrolls sideways"
    assert len(boxes) == 3
    assert all(box["width"] > 10 and box["height"] > 5 for box in boxes)
    assert math.isclose(boxes[2]["width"] / boxes[0]["width"], 0.5, abs_tol=0.05)
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 900 for box in labels), "a label is cut off"
