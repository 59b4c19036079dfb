"""Raw rows of a tiny retailer through dbt to the marts: dbt's own tests, and the figures."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from sales_warehouse import Warehouse
from tiny_retailer import day, member, order, receipt

OTHER_CLOSING = {"z_kasse_id": "K1", "z_erstellung": day("2025-06-02T20:00:00"), "z_nr": 8}


@pytest.fixture(scope="module")
def retailer(make_warehouse: Callable[[], Warehouse]) -> Warehouse:
    warehouse = make_warehouse()
    warehouse.put(
        # A basket with discount, deposit and a voucher sold; a line taken back at once.
        receipt(
            "basket",
            [
                ("Umsatz", 2, 23.8), ("Rabatt", 1, -2.38), ("Pfand", 1, 0.25),
                ("MehrzweckgutscheinKauf", 1, 50.0),
                ("Umsatz", 1, 11.9), ("Umsatz", -1, -11.9),
            ],
            card="C 1", line_storno=frozenset({6}),
        ),
        receipt("wrong", [("Umsatz", 1, 119.0)], card="C1"),
        receipt("wrong-storno", [("Umsatz", -1, -119.0)], card="C1", storno=True),
        receipt("guest", [("Umsatz", 1, 11.9)]),
        receipt("stranger", [("Umsatz", 1, 11.9)], card="C9"),
        receipt("training", [("Umsatz", 1, 1190.0)], bon_typ="AVTraining", card="C1"),
        receipt("back", [("Umsatz", -1, -11.9)], card="c-1", at="2025-06-02", closing=OTHER_CLOSING),
        order("branch", "B1", "100", "2025-05-01", [("P1", 3, 30.0)]),
        order("branch", "B2", "999", "2025-05-02", [("P1", 1, 10.0)]),
        order("branch", "B3", "100", "2025-05-03", [("P1", 9, 90.0)], status="cancelled"),
        order("branch", "B4", "100", "2026-01-01", [("P1", 5, 50.0)]),
        order("webshop", "W1", "w1", "2024-05-01", [("P1", 3, 30.0), ("P2", 1, 5.0)], currency="EUR"),
        order("webshop", "W2", "w1", "2025-05-01", [("P1", 3, 30.0)], currency="USD"),
        order("webshop", "W3", "gone", "2025-05-01", [("P1", 1, 10.0), ("P1", -1, -10.0)]),
    )  # fmt: skip
    # The closing of "old" is delivered again without it and with another line: it replaces the first.
    warehouse.put(receipt("old", [("Umsatz", 1, 99.0)], closing={**OTHER_CLOSING, "z_nr": 9}))
    warehouse.put(
        receipt("new", [("Umsatz", 1, 11.9)], closing={**OTHER_CLOSING, "z_nr": 9}, at="2025-06-02"),
        load="000002",
    )
    warehouse.raw(
        "branch__product", {"product_no": "P1", "name": "Espresso", "category": "Kaffee", "unit_cost": 4}
    )
    warehouse.raw("shop__loyalty", member("m1", "c1", "a@x.de", consent_email=True, consent_post=False))
    warehouse.raw(
        "branch__customer",
        {"customer_no": "100", "kind": "person", "first_name": "Anna", "last_name": "Muster",
         "email": "a@x.de",
         "created_at": day("2023-01-01")},
    )  # fmt: skip
    warehouse.raw(
        "webshop__customers",
        {"customer_id": "w1", "email": "w@x.de", "newsletter": True, "created_at": day("2024-01-01"),
         "updated_at": day("2024-01-01")},
    )  # fmt: skip
    warehouse.raw(
        "leads__leads",
        {"lead_id": "l1", "captured_at": day("2024-02-01"), "source": "form", "email": "w@x.de",
         "consent_email": True, "interests": ["Kaffee"]},
    )  # fmt: skip
    mail = {"campaign_id": "k1", "campaign_name": "Frühling"}
    warehouse.raw(
        "touchpoints__mail_events",
        {**mail, "event": "sent", "email": "A@x.de", "ts": day("2025-03-01")},
        {**mail, "event": "open", "email": "a@x.de", "ts": day("2025-03-02")},
        {**mail, "event": "open", "email": "a@x.de", "ts": day("2025-03-03")},
        {**mail, "event": "unsubscribe", "email": "w@x.de", "ts": day("2026-01-01")},
        {**mail, "event": "sent", "email": "stranger@x.de", "ts": day("2025-03-01")},
    )
    ticket = {"ticket_id": "t1", "opened_at": day("2025-03-01"), "topic": "Lieferung"}
    warehouse.raw("touchpoints__tickets", {**ticket, "customer_ref": "100", "is_complaint": True})
    survey = {"survey_id": "s", "question": "nps", "email": "a@x.de"}
    warehouse.raw(
        "touchpoints__surveys",
        {**survey, "answered_at": day("2025-03-01"), "score": 3},
        {**survey, "survey_id": "s2", "answered_at": day("2025-04-01"), "score": 9},
    )
    warehouse.raw("branch__visit", {"visit_id": "v1", "customer_no": "100", "visited_at": day("2025-03-05")})
    warehouse.assign(c_1=["shop:m1", "branch:100"], c_2=["webshop:w1", "leads:l1"], c_3=["webshop:gone"])
    warehouse.dbt("build", company_currency="EUR")
    return warehouse


def test_every_sale_is_there_once(retailer: Warehouse) -> None:
    assert retailer.rows("select channel, count(*) from marts.sale group by 1 order by 1") == [
        ("branch", 4), ("shop", 7), ("webshop", 3),
    ]  # fmt: skip
    assert retailer.rows("select count(*) from staging.stg_shop__receipts where not is_sale") == [(1,)]


def test_a_basket_counts_goods_and_discounts_only(retailer: Warehouse) -> None:
    assert retailer.rows(
        "select customer_id, net_amount, discount_amount, deposit_amount, voucher_amount, cost_amount, "
        "margin_amount, purchase_count from marts.sale "
        "where source_record_id like '%basket'"
    ) == [
        ("c_1", Decimal("18.0000"), Decimal("2.0000"), Decimal("0.2101"), Decimal("42.0168"),
         Decimal("8.0000"), Decimal("10.0000"), 1)
    ]  # fmt: skip


def test_a_reversal_takes_its_receipt_back_once(retailer: Warehouse) -> None:
    assert retailer.rows(
        "select sum(net_amount), sum(margin_amount), sum(purchase_count), bool_or(is_return), "
        "sum(return_amount) from marts.sale where source_record_id like '%wrong%'"
    ) == [(0, 0, 0, False, 0)]


def test_a_return_is_no_reversal(retailer: Warehouse) -> None:
    assert retailer.rows(
        "select is_return, is_reversal, return_amount, purchase_count from marts.sale "
        "where source_record_id like '%back'"
    ) == [(True, False, Decimal("10.0000"), 0)]


def test_guests_strangers_and_cancelled_orders_are_kept(retailer: Warehouse) -> None:
    assert retailer.rows(
        "select sale_id, customer_reference, is_turnover from marts.sale "
        "where customer_id is null or not is_turnover order by sale_id"
    ) == [
        ("branch:B2", "999", True),
        ("branch:B3", "100", False),
        ("shop:K1/2025-06-01/7/guest", None, True),
        ("shop:K1/2025-06-01/7/stranger", "C9", True),
        ("shop:K1/2025-06-02/9/new", None, True),
        ("webshop:W2", "w1", False),
    ]


def test_metrics_hold_what_was_known_before_the_day(retailer: Warehouse) -> None:
    assert retailer.rows(
        "select order_count, revenue_amount, margin_amount, return_amount, return_share_pct, "
        "first_purchase_date::varchar, last_purchase_date::varchar, channel_count, nps_score, "
        "complaint_count, visit_count, mail_sent_count, mail_open_count, open_rate_pct "
        "from marts.customer_metrics where customer_id = 'c_1'"
    ) == [
        (2, Decimal("38.0000"), Decimal("22.0000"), Decimal("10.0000"), 20.83,
         "2025-05-01", "2025-06-01", 2, 9, 1, 1, 1, 1, 100.0)
    ]  # fmt: skip


def test_touchpoints_find_their_customers(retailer: Warehouse) -> None:
    assert retailer.rows(
        "select customer_id, kind, count(*) from marts.touchpoint "
        "where source_system not in ('shop', 'branch', 'webshop')"
        " or kind = 'visit' group by all order by customer_id nulls last, kind"
    ) == [
        ("c_1", "complaint", 1), ("c_1", "mail_open", 2), ("c_1", "mail_sent", 1), ("c_1", "survey_nps", 2),
        ("c_1", "visit", 1), ("c_2", "lead_capture", 1), ("c_2", "mail_unsubscribe", 1),
        (None, "mail_sent", 1),
    ]  # fmt: skip


def test_consent_of_everybody_on_every_channel(retailer: Warehouse) -> None:
    # The unsubscription of the day of the run counts already.
    assert retailer.rows("select customer_id, channel, status from marts.consent order by all") == [
        ("c_1", "email", "granted"), ("c_1", "phone", "unknown"), ("c_1", "post", "withdrawn"),
        ("c_2", "email", "withdrawn"), ("c_2", "phone", "unknown"), ("c_2", "post", "unknown"),
        ("c_3", "email", "unknown"), ("c_3", "phone", "unknown"), ("c_3", "post", "unknown"),
    ]  # fmt: skip
    assert retailer.rows("select customer_id, may_email from marts.customer_360 order by 1") == [
        ("c_1", True), ("c_2", False), ("c_3", False),
    ]  # fmt: skip


def test_lifecycle(retailer: Warehouse) -> None:
    assert retailer.rows(
        "select to_stage, changed_at::date::varchar from marts.lifecycle_event "
        "where customer_id = 'c_1' order by changed_at"
    ) == [
        ("lead", "2020-01-01"), ("new", "2025-05-01"), ("active", "2025-06-01"),
        ("lapsing", "2025-11-28"),
    ]  # fmt: skip
    assert retailer.rows(
        "select customer_id, lifecycle_stage, is_customer from marts.customer order by 1"
    ) == [
        ("c_1", "lapsing", True), ("c_2", "lost", True), ("c_3", "lead", False),
    ]  # fmt: skip


def test_data_quality_names_what_leads_nowhere(retailer: Warehouse) -> None:
    assert retailer.rows(
        "select source, table_name, rule, checked, failed from golden.int_integrity_results "
        "where failed > 0 order by all"
    ) == [
        ("branch", "sales_order", "customer_is_known", 4, 1),
        ("shop", "transactions", "customer_is_known", 5, 1),
        ("touchpoints", "mail_events", "customer_is_known", 5, 1),
        ("webshop", "order_lines", "cost_is_known", 5, 1),
        ("webshop", "orders", "currency_is_the_companys", 3, 1),
    ]


def test_lines_without_vat_or_receipt_are_kept_and_counted(make_warehouse: Callable[[], Warehouse]) -> None:
    warehouse = make_warehouse()
    tables = receipt("one", [("Umsatz", 1, 11.9), ("Umsatz", 1, 11.9), ("Neuheit", 1, 1.19)])
    tables["shop__lines_vat"] = tables["shop__lines_vat"][1:]
    orphan = receipt("two", [("Umsatz", 1, 11.9)])
    orphan["shop__transactions"] = []
    warehouse.put(tables, orphan)
    warehouse.dbt("run", "--select", "+int_integrity_results")
    assert warehouse.rows(
        "select rule, checked, failed from golden.int_integrity_results "
        "where source = 'shop' and failed > 0 and rule <> 'cost_is_known' order by rule"
    ) == [("amount_exists", 3, 1), ("gv_typ_is_known", 3, 1), ("receipt_exists", 4, 1)]
    assert warehouse.rows("select net_amount from golden.int_sales") == [(Decimal("10.0000"),)]
