"""The webshop's data: accounts, guest checkouts and orders as the Parquet files behind its API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingestion.demo.catalogue import catalogue
from ingestion.demo.loyalty import Loyalty, first_days
from ingestion.demo.people import Population
from ingestion.demo.purchases import WEB, Members, Orders
from ingestion.demo.records import Gaps, Records, instants, observe, phone_of
from ingestion.demo.tables import hexadecimal_ids, instant, money
from ingestion.demo.text import Text, join, keep, nulls, number_text, take, where
from ingestion.demo.world import Flags, Ints, World
from ingestion.sources.webshop.contract import CUSTOMERS, ORDER_LINES, ORDERS, PRODUCTS

_GAPS = Gaps(phone=2.0, birth_date=2.2, address=0.0)
_CHUNK = 300_000


@dataclass(frozen=True)
class Webshop:
    """Customer records of the webshop: accounts, second accounts, then one per guest checkout."""

    records: Records
    customer_id: Text
    is_guest: Flags
    newsletter: Flags
    rows: Ints
    """The webshop's orders (indices into all orders)."""
    customer_of_order: Ints
    """Row of the customer record of each of these orders."""


def make_webshop(world: World, population: Population, members: Members, orders: Orders) -> Webshop:
    """Opens accounts; who buys as a guest becomes a new customer with every checkout."""
    rng = world.rng("webshop")
    n = population.size
    rows = np.flatnonzero(orders.channel == WEB)
    person, day = orders.person[rows], orders.day[rows]
    is_purchase = orders.returns[rows] < 0
    guest = is_purchase & (members.guest_only[person] | (rng.random(len(rows)) < 0.03))

    owners = np.flatnonzero(members.web & ~members.guest_only)
    opened = np.where(
        members.since_day < 0, members.since_day, np.minimum(members.since_day, first_days(orders, WEB, n))
    )[owners]
    again = rng.random(len(owners)) < world.rates.duplicate_in_system
    second_day = rng.integers(60, world.days - 10, len(owners))
    again &= opened < second_day - 30
    first_row, second_row, second_from = np.full(n, -1), np.full(n, -1), np.full(n, world.days)
    first_row[owners] = np.arange(len(owners))
    second_row[owners[again]] = len(owners) + np.arange(int(again.sum()))
    second_from[owners[again]] = second_day[again]
    accounts = len(owners) + int(again.sum())

    who = np.concatenate([owners, owners[again], person[guest]])
    created = np.concatenate([opened, second_day[again], day[guest]])
    records = observe(world, population, "webshop", who, created, _GAPS, keeps_email=True)
    is_guest = np.arange(len(who)) >= accounts
    # A guest checkout is never touched again.
    records.updated_day[is_guest] = created[is_guest]

    customer = np.where(day >= second_from[person], second_row[person], first_row[person])
    customer[guest] = accounts + np.arange(int(guest.sum()))
    place = np.full(orders.size, -1)
    place[rows] = np.arange(len(rows))
    back = np.flatnonzero(~is_purchase)
    customer[back] = customer[place[orders.returns[rows[back]]]]
    newsletter = (rng.random(len(who)) < 0.4) & ~is_guest
    return Webshop(records, hexadecimal_ids(rng, len(who)), is_guest, newsletter, rows, customer)


def write_webshop(
    world: World, population: Population, webshop: Webshop, orders: Orders, loyalty: Loyalty, folder: Path
) -> None:
    """Writes customers, orders, order_lines and products with the columns of the webshop's contract."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = hexadecimal_ids(world.rng("webshop orders"), len(webshop.rows))
    pq.write_table(_customers(world, population, webshop, loyalty), folder / "customers.parquet")
    pq.write_table(_orders(world, webshop, orders, ids), folder / "orders.parquet")
    pq.write_table(_products(world), folder / "products.parquet")
    with pq.ParquetWriter(folder / "order_lines.parquet", ORDER_LINES.content_schema) as writer:
        for chunk in _lines(webshop, orders, ids):
            writer.write_table(chunk)


def _customers(world: World, population: Population, webshop: Webshop, loyalty: Loyalty) -> pa.Table:
    rng = world.rng("webshop customers")
    records, n = webshop.records, webshop.records.size
    company = records.who >= population.persons
    created = instants(world, rng, records.created_day)
    updated = np.maximum(instants(world, rng, records.updated_day), created)
    inside = rng.random(n) < 0.7
    combined = pc.coalesce(join(records["street"], " ", records["house_no"]), records["street"])
    # Titles end up in the first name where the form has no field for them.
    titled = pc.coalesce(join(records["title"], " ", records["first_name"]), records["first_name"])
    in_name = rng.random(n) < 0.5
    knows_card = ~webshop.is_guest & ~company & (rng.random(n) < 0.2)
    return pa.table(
        {
            "customer_id": webshop.customer_id,
            "email": records["email"],
            "salutation": take(
                pa.array(["mrs", "mr", "not_specified"]),
                np.where(rng.random(n) < 0.12, 2, population.gender[records.who]),
            ),
            "title": keep(records["title"], ~in_name),
            "first_name": where(in_name, titled, records["first_name"]),
            "last_name": records["last_name"],
            "name": nulls(n),
            "company": records["company_name"],
            "vat_id": keep(records["vat_id"], rng.random(n) < 0.7),
            "street": where(inside, combined, records["street"]),
            "house_no": keep(records["house_no"], ~inside),
            "postal_code": records["postal_code"],
            "city": records["city"],
            "country": records["country"],
            "phone": phone_of(records, rng),
            "birth_date": pa.array(records.birth_date).cast(pa.date32()),
            "loyalty_card_no": keep(loyalty.card_of(records.who, records.created_day), knows_card),
            "is_guest": pa.array(webshop.is_guest),
            "newsletter": pa.array(webshop.newsletter, mask=webshop.is_guest),
            "created_at": instant(created),
            "updated_at": instant(updated),
        },
        schema=CUSTOMERS.content_schema,
    )


def _orders(world: World, webshop: Webshop, orders: Orders, ids: Text) -> pa.Table:
    rng = world.rng("webshop order heads")
    rows = webshop.rows
    n = len(rows)
    ordered = world.utc(orders.day[rows], orders.second[rows])
    is_return = orders.returns[rows] >= 0
    fresh = orders.day[rows] >= world.days - 2
    changed = np.minimum(ordered + rng.integers(600, 4 * 86_400, n), world.end_instant - 30)
    return pa.table(
        {
            "order_id": ids,
            "order_number": number_text(200_001 + np.arange(n)),
            "customer_id": take(webshop.customer_id, webshop.customer_of_order),
            "ordered_at": instant(ordered),
            "status": where(is_return, "returned", where(fresh, "in_progress", "completed")),
            "currency": pa.array(["EUR"] * n, pa.string()),
            "updated_at": instant(changed),
        },
        schema=ORDERS.content_schema,
    )


def _lines(webshop: Webshop, orders: Orders, ids: Text) -> Iterator[pa.Table]:
    goods = catalogue()
    for low in range(0, max(len(webshop.rows), 1), _CHUNK):
        index, owner = orders.lines.of(webshop.rows[low : low + _CHUNK])
        amounts = orders.lines.amounts(index)
        product = orders.lines.product[index]
        first = np.searchsorted(owner, owner, "left")
        yield pa.table(
            {
                "order_id": take(ids, low + owner),
                "line_no": pa.array(np.arange(len(owner)) - first + 1),
                "product_no": take(goods.product_no, product),
                "product_name": take(goods.name, product),
                "category": take(goods.category_name, product),
                "quantity": money(orders.lines.quantity[index].astype(np.int64) * 100),
                "net_amount": money(amounts.net),
                "tax_amount": money(amounts.tax),
                "discount_amount": money(np.maximum(amounts.net_discount, 0)),
                "unit_cost": money(amounts.unit_cost),
            },
            schema=ORDER_LINES.content_schema,
        )


def _products(world: World) -> pa.Table:
    goods = catalogue()
    n = len(goods.gross)
    opened = int(np.datetime64(world.start, "s").astype(np.int64)) - 30 * 86_400
    return pa.table(
        {
            "product_no": goods.product_no,
            "name": goods.name,
            "category": goods.category_name,
            "list_price": money(goods.gross),
            "unit_cost": money(goods.cost),
            "updated_at": instant(np.full(n, opened)),
        },
        schema=PRODUCTS.content_schema,
    )
