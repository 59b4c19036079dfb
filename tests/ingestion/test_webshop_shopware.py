"""The Shopware reader against the demo's server: every value, increments, paging."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from shopware_shop import (
    ID,
    SECRET,
    customers,
    hex_id,
    order_lines,
    orders,
    products,
    serve,
    write_shop,
)

from ingestion.demo.shopware_api import create_app
from ingestion.extract import Context, Message, Notice, RejectedRow, Rows, SourceState, Watermark
from ingestion.sources.webshop.reader import extract
from stammkunde.config import ShopwareWebshop

CONTEXT = Context(as_of=date(2024, 6, 1))


def settings(url: str, page_size: int = 3, secret: str = SECRET) -> ShopwareWebshop:
    return ShopwareWebshop(
        platform="shopware", url=url, client_id=ID, client_secret=secret, page_size=page_size
    )


def rows(messages: list[Message], table: str) -> list[dict[str, Any]]:
    batches = [m.data for m in messages if isinstance(m, Rows) and m.table == table]
    return pa.concat_tables(batches).to_pylist() if batches else []


def watermarks(messages: list[Message]) -> dict[str, datetime]:
    return {m.table: m.value for m in messages if isinstance(m, Watermark)}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(create_app(write_shop(tmp_path_factory.mktemp("shop")), ID, SECRET)) as url:
        yield url


@pytest.fixture(scope="module")
def messages(shop: str) -> list[Message]:
    return list(extract(settings(shop), CONTEXT))


def plain(value: Any) -> Any:
    """What the contract's value looks like as text from the API."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds") + "+00:00"
    return value.isoformat() if isinstance(value, date) else value


def test_customers_arrive_with_every_value(messages: list[Message]) -> None:
    found = {r["customer_id"]: r for r in rows(messages, "customers")}
    assert len(found) == 7 == len(rows(messages, "customers"))
    for wanted in customers():
        got = found[wanted["customer_id"]]
        wanted["street"] = f"{wanted['street']} {wanted.pop('house_no')}"
        assert {k: got[k] for k in wanted} == {k: plain(v) for k, v in wanted.items()}


def test_orders_and_products_arrive_with_every_value(messages: list[Message]) -> None:
    found = {r["order_id"]: r for r in rows(messages, "orders")}
    for wanted in orders():
        if wanted["currency"] == "EUR":
            assert found[wanted["order_id"]] == {k: plain(v) for k, v in wanted.items()}
    assert found[hex_id("order", 3)]["status"] == "cancelled"
    for got, wanted in zip(rows(messages, "products"), products(), strict=True):
        amounts = {k: Decimal(got.pop(k)) for k in ("list_price", "unit_cost")}
        assert {**got, **amounts} == {
            k: plain(v) if isinstance(v, datetime) else v for k, v in wanted.items()
        }


def test_lines_arrive_with_every_value(messages: list[Message]) -> None:
    foreign = hex_id("order", 4)
    wanted = {(r["order_id"], str(r["line_no"])): r for r in order_lines() if r["order_id"] != foreign}
    got = {(r["order_id"], r["line_no"]): r for r in rows(messages, "order_lines")}
    assert got.keys() == wanted.keys() and len(got) == len(rows(messages, "order_lines"))
    for key, line in wanted.items():
        for name, value in line.items():
            read = got[key][name]
            is_amount = isinstance(value, Decimal)
            assert (Decimal(read) if is_amount else read) == (str(value) if name == "line_no" else value), (
                name
            )


def test_foreign_currency_is_rejected_with_its_lines(messages: list[Message]) -> None:
    rejected = [m for m in messages if isinstance(m, RejectedRow)]
    assert [(m.table, m.field, m.value) for m in rejected] == [
        ("orders", "currency", "CHF"),
        ("order_lines", "order_id", hex_id("order", 4)),
        ("order_lines", "order_id", hex_id("order", 4)),
    ]
    assert rejected[0].reason == "the order is in CHF, the company's currency is EUR"
    read = sum(m.data.num_rows for m in messages if isinstance(m, Rows))
    assert read + len(rejected) == 7 + 12 + len(order_lines()) + 3
    places = [
        p for m in messages if isinstance(m, Rows) and m.table == "order_lines" for p in m.lines.to_pylist()
    ]
    assert sorted([*places, *(m.line for m in rejected[1:])]) == list(range(1, len(order_lines()) + 1))


def test_watermarks_are_the_newest_changes(messages: list[Message]) -> None:
    assert watermarks(messages) == {
        "customers": max(r["updated_at"] for r in customers()),
        "orders": max(r["updated_at"] for r in orders()),
    }


@pytest.mark.parametrize("page_size", [1, 4, 7, 500])
def test_page_size_does_not_matter(shop: str, messages: list[Message], page_size: int) -> None:
    again = list(extract(settings(shop, page_size), CONTEXT))
    for table in ("customers", "orders", "order_lines", "products"):
        assert rows(again, table) == rows(messages, table)


def test_next_run_reads_only_what_changed(tmp_path: Path, messages: list[Message]) -> None:
    context = Context(as_of=CONTEXT.as_of, state=SourceState(watermarks=watermarks(messages)))
    late = datetime.fromisoformat("2024-05-01 12:00")
    people, bought = customers(), orders()
    people[3]["city"], people[3]["updated_at"] = "Köln", late
    bought[1]["status"], bought[1]["updated_at"] = "cancelled", late
    with serve(create_app(write_shop(tmp_path, customers=people, orders=bought), ID, SECRET)) as url:
        again = list(extract(settings(url), context))
        whole = list(extract(settings(url), Context(as_of=CONTEXT.as_of, state=context.state, full=True)))
    newest = {
        hex_id("customer", 5),
        hex_id("customer", 3),
    }  # read inclusively: the newest of the last run too
    assert {r["customer_id"] for r in rows(again, "customers")} == newest
    assert {r["order_id"] for r in rows(again, "orders")} == {hex_id("order", 11), hex_id("order", 1)}
    lines = [r["order_id"] for r in rows(again, "order_lines")]
    assert sorted(lines) == sorted([hex_id("order", 1)] * 2 + [hex_id("order", 11)] * 3)
    assert watermarks(again) == {"customers": late, "orders": late}
    assert len(rows(whole, "customers")) == 7 and len(rows(whole, "orders")) == 11


def test_a_date_in_the_future_does_not_become_the_watermark(tmp_path: Path) -> None:
    people = customers()
    people[1]["updated_at"] = datetime.fromisoformat("2999-01-01")
    with serve(create_app(write_shop(tmp_path, customers=people), ID, SECRET)) as url:
        read = list(extract(settings(url), CONTEXT))
    assert watermarks(read)["customers"] == people[5]["updated_at"]
    assert len(rows(read, "customers")) == 7


def test_an_empty_shop_is_fine(tmp_path: Path) -> None:
    folder = write_shop(tmp_path, customers=[], orders=[], order_lines=[], products=[])
    with serve(create_app(folder, ID, SECRET)) as url:
        read = list(extract(settings(url), CONTEXT))
    assert not any(isinstance(m, Watermark | RejectedRow | Notice) for m in read)
    assert sum(m.data.num_rows for m in read if isinstance(m, Rows)) == 0


def test_a_token_that_runs_out_is_renewed(tmp_path: Path) -> None:
    """A token of one second is renewed on the way, by its age or after a 401."""
    with serve(create_app(write_shop(tmp_path), ID, SECRET, token_seconds=1)) as url:
        seen = []
        for message in extract(settings(url, page_size=4), CONTEXT):
            if not seen:
                import time

                time.sleep(1.2)
            seen.append(message)
    assert len(rows(seen, "orders")) == 11


def test_created_today_with_no_change_is_found(tmp_path: Path, messages: list[Message]) -> None:
    """`updatedAt` is null until the first change: new records are found by `createdAt`."""
    new = customers(8)
    new[7]["created_at"] = new[7]["updated_at"] = watermarks(messages)["customers"] + timedelta(days=1)
    context = Context(as_of=CONTEXT.as_of, state=SourceState(watermarks=watermarks(messages)))
    with serve(create_app(write_shop(tmp_path, customers=new), ID, SECRET)) as url:
        again = list(extract(settings(url), context))
    assert hex_id("customer", 7) in {r["customer_id"] for r in rows(again, "customers")}
