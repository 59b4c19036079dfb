"""Features know nothing of the future, and agree with a plain count of the past."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from statistics import median_low
from typing import Any

import pytest
from sales_warehouse import Warehouse
from tiny_retailer import day, member, order, receipt

AS_OF = date(2026, 1, 1)
AGES = (0, 7, *range(28, 365, 28), 455, 546, 637, 728)  # the default of the var feature_ages
CUSTOMERS = [f"c_{n}" for n in range(12)]
FEATURES = (
    "customer_purchase_day", "customer_features", "customer_product", "lead_features", "int_lifecycle_events",
    "int_customer_lifecycle", "int_customer_sales", "int_customer_contacts",
)  # fmt: skip
SEED = 20260101


def write_past(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Random purchases, returns and contacts of some customers; what was written, to count it again."""
    chance = random.Random(SEED)
    events = []
    for number, customer in enumerate(CUSTOMERS):
        warehouse.raw("shop__loyalty", member(f"m{number}", f"C{number}", f"{customer}@x.de"))
        warehouse.raw(
            "leads__leads",
            {
                "lead_id": f"l{number}",
                "captured_at": day("2024-06-01"),
                "source": "form",
                "email": f"{customer}@x.de",
            },
        )
        warehouse.assign(**{customer: [f"shop:m{number}", f"leads:l{number}"]})
        # The edges of the windows are where a count goes wrong.
        edges = [1, 91, 92, 182, 364, 365, 366, 91 + 365, 91 + 366, 8 * 91, 8 * 91 + 365, 8 * 91 + 366]
        ages = {
            *chance.sample(range(1, 1200), chance.randint(0, 12)),
            *chance.sample(edges, chance.randint(0, 6)),
        }
        for age in sorted(ages):
            when = AS_OF - timedelta(days=age)
            kind = chance.choice(["purchase", "purchase", "purchase", "return", "ticket", "mail_open"])
            events.append(
                {"customer": customer, "date": when, "kind": kind, "net": 10.0 * chance.randint(1, 9)}
            )
    write_events(warehouse, events)
    return events


def write_events(warehouse: Warehouse, events: list[dict[str, Any]]) -> None:
    """Puts events into the raw tables."""
    for event in events:
        number = event["customer"].removeprefix("c_")
        key = f"{event['customer']}-{event['date']}-{event['kind']}"
        at = event["date"].isoformat()
        email = f"{event['customer']}@x.de"
        if event["kind"] in ("purchase", "return"):
            sign = 1 if event["kind"] == "purchase" else -1
            gross = round(sign * event["net"] * 1.19, 4)
            warehouse.put(receipt(key, [("Umsatz", sign, gross)], at=at, card=f"C{number}"))
        elif event["kind"] == "ticket":
            ticket = {"ticket_id": key, "opened_at": day(at), "email": email, "is_complaint": True}
            warehouse.raw("touchpoints__tickets", ticket)
        else:
            mail = {"event": "open", "email": email, "campaign_id": key, "ts": day(at)}
            warehouse.raw("touchpoints__mail_events", mail)


def build(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """Builds the features; all their rows."""
    warehouse.dbt("run", "--select", *(f"+{name}" for name in FEATURES), as_of=AS_OF.isoformat())
    return {name: warehouse.rows(f"from features.{name} order by all") for name in FEATURES}


@pytest.fixture(scope="module")
def past(make_warehouse: Callable[[], Warehouse]) -> tuple[Warehouse, list[dict[str, Any]], dict[str, Any]]:
    warehouse = make_warehouse()
    events = write_past(warehouse)
    return warehouse, events, build(warehouse)


def expected_features(events: list[dict[str, Any]], customer: str, snapshot: date) -> dict[str, Any] | None:
    """The features by definition: everything before the snapshot is looked at again."""
    mine = [e for e in events if e["customer"] == customer and e["date"] < snapshot]
    purchases = sorted(e["date"] for e in mine if e["kind"] == "purchase")
    if not purchases:
        return None

    def net(days: int) -> float:
        start = snapshot - timedelta(days=days)
        recent = [e for e in mine if e["date"] >= start]
        return sum(e["net"] for e in recent if e["kind"] == "purchase") - sum(
            e["net"] for e in recent if e["kind"] == "return"
        )

    def count(kind: str, days: int) -> int:
        start = snapshot - timedelta(days=days)
        return sum(e["kind"] == kind and e["date"] >= start for e in mine)

    gaps = [(b - a).days for a, b in pairwise(purchases)]
    weeks = {d.isocalendar()[:2]: d for d in reversed(purchases)}
    recent, earlier = max(net(91), 0), max(net(182) - net(91), 0)
    return {
        "recency_days": (snapshot - purchases[-1]).days,
        "tenure_days": (snapshot - purchases[0]).days,
        "purchase_days": len(purchases),
        "purchase_days_28": count("purchase", 28),
        "purchase_days_91": count("purchase", 91),
        "purchase_days_365": count("purchase", 365),
        "net_amount": net(10_000),
        "net_amount_28": net(28),
        "net_amount_91": net(91),
        "net_amount_365": net(365),
        "median_gap_days": median_low(gaps) if gaps else None,
        "tickets_365": count("ticket", 365),
        "complaints_365": count("ticket", 365),
        "mail_opens_91": count("mail_open", 91),
        "active_weeks_91": sum((snapshot - first).days <= 91 for first in weeks.values()),
        "amount_trend": round((recent - earlier) / (recent + earlier), 4) if recent + earlier else None,
        "channel_count": 1,
        "channels_365": int(count("purchase", 365) > 0),
    }


def test_features_count_the_past_of_each_snapshot(
    past: tuple[Warehouse, list[dict[str, Any]], dict[str, Any]],
) -> None:
    warehouse, events, _ = past
    columns = list(
        expected_features([{"customer": "c", "date": date.min, "kind": "purchase", "net": 1}], "c", AS_OF)
    )  # type: ignore[arg-type]
    found = {
        (customer, snapshot): dict(
            zip(columns, [float(v) if v is not None else None for v in values], strict=True)
        )
        for customer, snapshot, *values in warehouse.rows(
            f"select customer_id, snapshot_date, {', '.join(columns)} from features.customer_features"
        )
    }
    expected = {
        (customer, snapshot): row
        for customer in CUSTOMERS
        for snapshot in (AS_OF - timedelta(days=age) for age in AGES)
        if (row := expected_features(events, customer, snapshot)) is not None
    }
    assert len(expected) > 50
    assert found == expected, f"seed {SEED}"


def test_future_events_change_no_feature(
    past: tuple[Warehouse, list[dict[str, Any]], dict[str, Any]],
) -> None:
    warehouse, _, before = past
    future = [
        {"customer": customer, "date": AS_OF + timedelta(days=days), "kind": kind, "net": 500.0}
        for customer in CUSTOMERS
        for days in (0, 1, 40)
        for kind in ("purchase", "return", "ticket", "mail_open")
    ]
    write_events(warehouse, future)
    warehouse.put(order("branch", "B1", None, AS_OF.isoformat() + "T00:00:00", [("P1", 1, 10.0)]))
    warehouse.raw(
        "leads__leads", {"lead_id": "later", "captured_at": day("2026-01-01T00:00:00"), "source": "form"}
    )
    after = build(warehouse)
    assert warehouse.rows("select count(*) from golden.int_sales where sold_at >= '2026-01-01'") == [(73,)]
    for name in FEATURES:
        assert before[name], name
        assert after[name] == before[name], name


def test_the_features_of_a_day_are_the_same_whenever_they_are_computed(
    past: tuple[Warehouse, list[dict[str, Any]], dict[str, Any]],
) -> None:
    """Later runs know more, and must not let it into the features of earlier days."""
    warehouse, _, before = past
    days = [AS_OF - timedelta(days=age) for age in (0, 28, 364)]
    later = (AS_OF + timedelta(days=60)).isoformat()
    models = ("customer_purchase_day", "int_customer_sale_days", "int_customer_contact_days")
    models += ("int_customer_activity_days", "int_customer_past", "customer_features")
    warehouse.dbt("run", "--select", *models, as_of=later, feature_dates=[d.isoformat() for d in days])
    known = warehouse.rows("select max(activity_date) from features.int_customer_activity_days")
    assert known == [(AS_OF + timedelta(days=40),)]
    after = warehouse.rows("from features.customer_features order by all")
    assert after == [row for row in before["customer_features"] if row[1] in days]
    with pytest.raises(AssertionError, match="lies after the day of the run"):
        warehouse.dbt("run", "--select", "int_customer_past", feature_dates=["2026-01-02"])
