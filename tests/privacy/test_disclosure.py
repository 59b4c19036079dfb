"""A disclosure holds everything of the person, its origin and recipients, and nothing of others."""

import json

import duckdb
import pytest
from privacy_world import ANNA, AS_OF, NOW

from exports.run import export
from privacy.disclose import disclose
from privacy.disclosure_html import as_html
from privacy.person import find_customers
from privacy.settings import load_privacy
from stammkunde.errors import UserError


@pytest.fixture
def disclosed(world):
    export("consented_customers", world.home, AS_OF)
    return disclose(world.home, world.key, (ANNA,), "DE", load_privacy(), NOW)


def test_everything_with_its_origin(disclosed):
    delivered = {table: len(rows) for table, rows in disclosed["delivered_by_sources"].items()}
    assert delivered == {
        "shop.loyalty": 1, "branch.customer": 1, "branch.sales_order": 1, "branch.sales_order_line": 1,
        "leads.leads": 2, "touchpoints.mail_events": 1, "touchpoints.tickets": 2, "touchpoints.web_events": 2,
    }  # fmt: skip
    (member,) = disclosed["delivered_by_sources"]["shop.loyalty"]
    assert member["email"] == "Anna.Adler@example.org"
    assert member["origin"] == {"load_id": "000001", "source_file": "members.csv", "source_line": 2}
    assert [row["source"] for row in disclosed["rejected_rows"]] == ["leads"]
    assert {"customer", "consent", "sale"} <= disclosed["derived"].keys()
    assert [entry["export"] for entry in disclosed["recipients"]] == ["consented_customers"]
    assert "email" in disclosed["recipients"][0]["fields"]
    assert len(disclosed["entered_by_stewards"]) == 2
    assert disclosed["purposes"]
    assert disclosed["rights"]


def test_nothing_of_others(disclosed):
    # Bert's lead says that Anna sent him: that is hers, his address is not.
    told = {row["lead_id"]: row for row in disclosed["delivered_by_sources"]["leads.leads"]}
    assert told.keys() == {"L1", "L2"}
    assert told["L2"].keys() == {"lead_id", "captured_at", "referred_by", "origin"}
    # The household's name is one that she shares.
    assert "bert" not in json.dumps(disclosed).lower()


def test_the_document_is_escaped_and_whole(disclosed):
    disclosed["controller"] = "<b>Shop & Co</b>"
    page = as_html(disclosed)
    assert "&lt;b&gt;Shop &amp; Co" in page
    assert "<b>Shop" not in page
    assert "Anna.Adler@example.org" in page
    assert "<script" not in page
    assert "http" not in page


@pytest.mark.parametrize(
    ("kind", "value"),
    [("customer", ANNA), ("email", "ANNA.ADLER@example.org"), ("phone", "0171/2345678"), ("card", "c 0001"),
     ("record", "branch:4711")],
)  # fmt: skip
def test_a_person_is_found_by_what_one_knows(world, kind, value):
    with duckdb.connect(str(world.home.warehouse), read_only=True) as connection:
        assert find_customers(connection, "DE", kind, value) == (ANNA,)


def test_a_shared_number_finds_both_and_an_unknown_one_nobody(world):
    with duckdb.connect(str(world.home.warehouse), read_only=True) as connection:
        assert len(find_customers(connection, "DE", "phone", "+49 89 111222")) == 2
        with pytest.raises(UserError, match="no customer is known by this email") as refused:
            find_customers(connection, "DE", "email", "carla@example.org")
    assert "carla" not in str(refused.value)
