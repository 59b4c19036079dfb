"""Shopware's JSON to rows: taxes, discounts, returns, bundles, what is missing or broken."""

import json
from decimal import Decimal
from typing import Any

import pytest

from ingestion.sources.webshop import shopware_mapping as mapping


def line(**changes: Any) -> dict[str, Any]:
    total = changes.pop("total", 119)
    taxes = changes.pop("taxes", [19])
    found = {
        "id": "a",
        "parentId": None,
        "type": "product",
        "position": 1,
        "quantity": 2,
        "label": "Kanne",
        "price": {"totalPrice": total, "calculatedTaxes": [{"tax": t} for t in taxes]},
        "payload": {"productNumber": "P1"},
    }
    return {**found, **changes}


def lines_of(*lines: dict[str, Any], tax_status: str | None = "gross") -> list[mapping.Row]:
    # As the client reads it: amounts are decimal.
    text = json.dumps({"id": "o", "taxStatus": tax_status, "lineItems": lines})
    return mapping.order_lines(json.loads(text, parse_float=Decimal), {"P1": "Küche"})


def amounts(row: mapping.Row) -> tuple[str | None, ...]:
    return row["quantity"], row["net_amount"], row["tax_amount"], row["discount_amount"]


@pytest.mark.parametrize(
    ("tax_status", "net", "tax"),
    [("gross", "100", "19"), (None, "100", "19"), ("net", "119", "19"), ("tax-free", "119", "0")],
)
def test_tax_status(tax_status: str | None, net: str, tax: str) -> None:
    assert amounts(lines_of(line(), tax_status=tax_status)[0]) == ("2", net, tax, "0")


def test_two_tax_rates_and_cents_are_exact() -> None:
    row = lines_of(line(total=0.3, taxes=[0.02, 0.01]))[0]
    assert amounts(row) == ("2", "0.27", "0.03", "0")  # as floats: 0.26999999999999996


def test_taxes_as_an_object_keyed_by_rate() -> None:
    price = {"totalPrice": 119, "calculatedTaxes": {"19": {"tax": 19}}}
    assert amounts(lines_of(line(price=price))[0])[1:3] == ("100", "19")


def test_discount_against_the_list_price_is_net_and_for_the_whole_line() -> None:
    price = {"totalPrice": 119, "calculatedTaxes": [{"tax": 19}], "listPrice": {"discount": -11.9}}
    assert amounts(lines_of(line(price=price))[0]) == ("2", "100", "19", "20.00")


def test_a_product_with_a_negative_price_is_a_return() -> None:
    assert amounts(lines_of(line(total=-119, taxes=[-19]))[0]) == ("-2", "-100", "-19", "0")
    assert amounts(lines_of(line(total=-119, taxes=[-19], quantity=-2))[0])[0] == "-2"


@pytest.mark.parametrize(("kind", "discount"), [("promotion", "10"), ("discount", "10"), ("credit", None)])
def test_reductions_move_no_goods(kind: str, discount: str | None) -> None:
    row = lines_of(line(type=kind, total=-11.9, taxes=[-1.9], quantity=1, payload={"productNumber": "P1"}))[0]
    assert amounts(row)[0] == "0" and Decimal(str(row["net_amount"])) == -10
    assert row["product_no"] is None and row["category"] is None
    assert row["discount_amount"] is None if discount is None else Decimal(str(row["discount_amount"])) == 10


def test_parts_of_a_bundle_are_in_its_price() -> None:
    bundle = line(id="b", type="container", payload=[])
    rows = lines_of(bundle, line(id="c", parentId="b", position=2), line(id="d", position=3))
    assert [(r["line_no"], r["product_no"]) for r in rows] == [("1", None), ("3", "P1")]


def test_lines_are_numbered_when_positions_are_not_distinct() -> None:
    rows = lines_of(line(id="z", label="3"), line(id="a", label="2"), line(id="m", position=0, label="1"))
    assert [(r["line_no"], r["product_name"]) for r in rows] == [("1", "1"), ("2", "2"), ("3", "3")]


@pytest.mark.parametrize(
    "cost",
    [
        '{"net": 4.25, "gross": 5.06}',
        {"net": 4.25},
        [{"net": 4.25}],
        '[{"net": 4.25}]',
        {"c1": {"net": 4.25}},
    ],
)
def test_unit_cost_in_its_forms(cost: Any) -> None:
    assert lines_of(line(payload={"productNumber": "P1", "purchasePrices": cost}))[0]["unit_cost"] == "4.25"


def test_broken_values_stay_for_landing_to_reject() -> None:
    rows = lines_of(line(quantity="zwei"), line(price=None), line(price={"totalPrice": "teuer"}))
    assert [r["quantity"] for r in rows] == ["zwei", "2", "2"]
    assert [r["net_amount"] for r in rows] == ["100", None, "teuer"]
    broken = lines_of(line(payload={"productNumber": ["x"], "purchasePrices": "kaputt{"}))[0]
    assert (broken["product_no"], broken["unit_cost"]) == ('["x"]', "kaputt{")


def test_customer_with_gaps() -> None:
    """PHP writes an empty object as an empty list, and what is not set as null."""
    row = mapping.customer(
        {"id": "c", "customFields": [], "vatIds": None, "defaultBillingAddress": None, "salutation": None},
        None,
    )
    assert row["customer_id"] == "c" and {v for k, v in row.items() if k != "customer_id"} == {None}


def test_customer_takes_company_and_vat_id_of_the_address_and_the_later_change() -> None:
    address = {
        "company": "Bau GmbH", "vatId": "DE1", "country": {"iso": None, "name": "Schweiz"},
        "updatedAt": "2024-05-02T00:00:00.000+00:00",
    }  # fmt: skip
    row = mapping.customer(
        {
            "id": "c",
            "birthday": "1980-02-29T00:00:00.000+00:00",
            "updatedAt": "2024-05-01T00:00:00.000+00:00",
            "salutation": {"salutationKey": "not_specified", "displayName": "Keine Angabe"},
            "defaultBillingAddress": address,
        },
        False,
    )
    assert (row["company"], row["vat_id"], row["country"]) == ("Bau GmbH", "DE1", "Schweiz")
    assert (row["birth_date"], row["newsletter"], row["salutation"]) == ("1980-02-29", "false", None)
    assert row["updated_at"] == "2024-05-02T00:00:00.000+00:00"


def test_product_takes_its_deepest_category() -> None:
    categories = [{"name": "Start", "level": 1}, {"name": "b", "translated": {"name": "Töpfe"}, "level": 3}]
    row = mapping.product({"productNumber": "P1", "translated": {"name": "Topf"}, "categories": categories})
    assert (row["name"], row["category"], row["list_price"]) == ("Topf", "Töpfe", None)
