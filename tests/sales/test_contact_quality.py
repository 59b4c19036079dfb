"""What gaps in contacts cost: per branch and form, each customer once, and only those whom nothing else
reaches.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from sales_warehouse import Warehouse
from tiny_retailer import day, member, order


@pytest.fixture(scope="module")
def warehouse(make_warehouse: Callable[[], Warehouse]) -> Warehouse:
    made = make_warehouse()
    made.raw(
        "shop__loyalty",
        member("M1", "K1", store_id="17"),  # nothing reaches her
        member("M1b", "K1b", store_id="17"),  # her second card, nor this one
        member("M2", "K2", store_id="17"),  # her webshop account has an address
        member("M3", "K3", "anna@example.org", store_id="17"),
        member("M4", "K4", "no address", store_id="4"),
    )
    made.raw(
        "branch__customer",
        {"customer_no": "B1", "kind": "person", "last_name": "MusterM1", "created_at": day("2021-01-01")},
    )
    made.raw("webshop__customers", {"customer_id": "W2", "last_name": "MusterM2", "email": "m2@example.org"})
    made.raw(
        "leads__leads",
        {"lead_id": "L1", "captured_at": day("2025-03-01"), "source": "fair", "campaign": "spring",
         "last_name": "Neu", "phone": "+4930123456"},
        {"lead_id": "L2", "captured_at": day("2025-03-01"), "source": "fair", "campaign": "spring",
         "last_name": "Alt", "email": "alt@example.org"},
    )  # fmt: skip
    made.assign(
        c_1=["shop:M1", "shop:M1b", "branch:B1"], c_2=["shop:M2", "webshop:W2"], c_3=["shop:M3"],
        c_4=["shop:M4"], c_5=["leads:L1"], c_6=["leads:L2"],
    )  # fmt: skip
    made.put(
        order("branch", "O1", "B1", "2025-06-01", [("P", 1, 100.0)], unit_cost=40.0),
        order("branch", "O0", "B1", "2023-06-01", [("P", 1, 900.0)], unit_cost=40.0),  # too long ago
        order("webshop", "O2", "W2", "2025-06-01", [("P", 1, 500.0)], unit_cost=40.0),
    )
    made.dbt("build", "--select", "+int_contact_quality", "--exclude-resource-type", "test", "unit_test")
    return made


def found(warehouse: Warehouse, source: str, rule: str, scope: str, value: str = "") -> tuple:
    rows = warehouse.rows(
        "select checked, failed, affected_customers, margin_at_risk_amount from golden.int_contact_quality "
        f"where source = '{source}' and rule = '{rule}' and scope = '{scope}' and scope_value = '{value}'"
    )
    assert len(rows) == 1
    return rows[0]


def test_a_branch_is_told_what_its_cards_without_e_mail_cost(warehouse: Warehouse) -> None:
    # Three cards lack an address; two of them are hers, and M2's customer is reached through the webshop.
    assert found(warehouse, "shop", "email_usable", "branch", "17") == (4, 3, 1, Decimal("60.0000"))
    assert found(warehouse, "shop", "email_usable", "branch", "4") == (1, 1, 1, Decimal("0.0000"))
    assert found(warehouse, "shop", "email_usable", "table") == (5, 4, 2, Decimal("60.0000"))


def test_what_is_there_and_wrong_is_told_apart_from_what_is_missing(warehouse: Warehouse) -> None:
    assert found(warehouse, "shop", "email_valid", "table") == (2, 1, 1, Decimal("0.0000"))


def test_a_form_is_told_too(warehouse: Warehouse) -> None:
    assert found(warehouse, "leads", "email_usable", "form", "fair/spring") == (2, 1, 1, Decimal("0.0000"))
    assert found(warehouse, "leads", "phone_usable", "form", "fair/spring") == (2, 1, 1, Decimal("0.0000"))


def test_a_second_card_is_counted_as_a_second_record(warehouse: Warehouse) -> None:
    assert found(warehouse, "shop", "one_record_per_customer", "table")[:3] == (5, 1, 1)
