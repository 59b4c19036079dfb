"""The branch ERP: customers, orders, sales representatives, visits and targets as database tables.

Belongs here: the content of the tables as Arrow. Does not belong here: the database (`erp_load.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.demo import reference
from ingestion.demo.catalogue import Places, catalogue
from ingestion.demo.errors import SHOP_EMAIL
from ingestion.demo.loyalty import Loyalty, first_days
from ingestion.demo.people import Population
from ingestion.demo.purchases import BRANCH, Members, Orders
from ingestion.demo.records import Gaps, Records, instants, observe
from ingestion.demo.tables import instant, money
from ingestion.demo.text import Text, join, keep, number_text, take, where
from ingestion.demo.world import NEVER, Ints, World

_GAPS = Gaps(email=2.8, phone=0.7, birth_date=1.7, address=0.5)
_JUNK = (
    ("", "Laufkunde"), ("Test", "Test"), ("", "Barverkauf"), ("", "Diverse"), ("Max", "Mustermann"),
    ("xxx", "xxx"), ("", "Kunde unbekannt"), ("Test", "Kunde"),
)  # fmt: skip
_COUNTER_SHARE = 0.03


@dataclass(frozen=True)
class Erp:
    """Customer records of the branches (persons and companies first, junk last)."""

    records: Records
    customer_no: Text
    junk: int
    """How many of the last rows are nobody."""
    first_row: Ints
    second_row: Ints
    second_from: Ints
    deleted: np.ndarray

    @property
    def size(self) -> int:
        return len(self.customer_no)


def make_erp(world: World, population: Population, members: Members, orders: Orders) -> Erp:
    """Draws the customer records; some people get a second number on a later visit."""
    rng = world.rng("erp")
    n = population.size
    owners = np.flatnonzero(members.branch)
    opened = np.where(
        members.since_day < 0, members.since_day, np.minimum(members.since_day, first_days(orders, BRANCH, n))
    )[owners]
    again = rng.random(len(owners)) < world.rates.duplicate_in_system
    second_day = rng.integers(60, world.days - 10, len(owners))
    again &= opened < second_day - 30
    who = np.concatenate([owners, owners[again]])
    day = np.concatenate([opened, second_day[again]])
    records = observe(world, population, "erp", who, day, _GAPS)
    junk = max(2, round(world.rates.junk_records * len(who))) if world.rates.junk_records else 0
    number = np.argsort(np.argsort(np.concatenate([day, np.full(junk, -3000)]), kind="stable"), kind="stable")
    first_row, second_row, second_from = np.full(n, -1), np.full(n, -1), np.full(n, NEVER)
    first_row[owners] = np.arange(len(owners))
    second_row[owners[again]] = len(owners) + np.arange(int(again.sum()))
    second_from[owners[again]] = second_day[again]
    # Who has not bought for a year may have asked to be deleted.
    last = np.full(n, -NEVER)
    bought = (orders.channel == BRANCH) & (orders.person >= 0)
    np.maximum.at(last, orders.person[bought], orders.day[bought])
    deleted = (last[who] < world.days - 365) & (rng.random(len(who)) < 0.03)
    return Erp(
        records, number_text(10_001 + number), junk, first_row, second_row, second_from,
        np.concatenate([deleted, np.zeros(junk, dtype=bool)]),
    )  # fmt: skip


def tables(
    world: World, population: Population, erp: Erp, orders: Orders, loyalty: Loyalty, places: Places
) -> dict[str, pa.Table]:
    """Table name → content, without the order lines (`order_lines`)."""
    branches = len(places.branch_town)
    reps = _reps(world, places)
    rep_of_customer = _rep_of(world, population, erp, places)
    order_table = _orders(world, erp, orders, branches, rep_of_customer)
    return {
        "branch": _branches(places),
        "sales_rep": reps,
        "territory": _territories(places),
        "product": _products(),
        "customer": _customers(world, population, erp, loyalty, places, rep_of_customer),
        "sales_order": order_table,
        "visit": _visits(world, population, erp, rep_of_customer),
        "sales_target": _targets(world, reps.num_rows),
    }


def branch_rows(orders: Orders) -> Ints:
    """The orders that were written in a branch, in the order of time."""
    return np.flatnonzero(orders.channel == BRANCH)


def order_numbers(orders: Orders, rows: Ints) -> Text:
    """Order numbers by time: A for orders, R for returns."""
    return join(where(orders.returns[rows] >= 0, "R", "A"), number_text(100_001 + np.arange(len(rows))))


def order_lines(orders: Orders, rows: Ints, numbers: Text, low: int, high: int) -> pa.Table:
    """Lines of the branch orders `low` to `high`."""
    index, owner = orders.lines.of(rows[low:high])
    amounts = orders.lines.amounts(index)
    first = np.searchsorted(owner, owner, "left")
    goods = catalogue()
    product = orders.lines.product[index]
    return pa.table(
        {
            "order_no": take(numbers, low + owner),
            "line_no": pa.array(np.arange(len(owner)) - first + 1),
            "product_no": take(goods.product_no, product),
            "quantity": money(orders.lines.quantity[index].astype(np.int64) * 100),
            "net_amount": money(amounts.net),
            "tax_amount": money(amounts.tax),
            "discount_amount": money(np.maximum(amounts.net_discount, 0)),
            "unit_cost": money(amounts.unit_cost),
        }
    )


def customer_rows(world: World, erp: Erp, orders: Orders, rows: Ints) -> Ints:
    """Row of the customer record of each branch order; a few go to Laufkunde, some to none."""
    rng = world.rng("erp buyers")
    person, day = orders.person[rows], orders.day[rows]
    row = np.where(day >= erp.second_from[person], erp.second_row[person], erp.first_row[person])
    counter = (rng.random(len(rows)) < _COUNTER_SHARE) & (erp.junk > 0)
    return np.where(counter, erp.size - erp.junk, row)


def _orders(world: World, erp: Erp, orders: Orders, branches: int, rep_of_customer: Ints) -> pa.Table:
    rng = world.rng("erp orders")
    rows = branch_rows(orders)
    customer = customer_rows(world, erp, orders, rows)
    number = take(erp.customer_no, customer)
    unknown = rng.random(len(rows)) < world.rates.unknown_customer
    if world.rates.unknown_customer and len(rows):
        unknown[len(rows) // 2] = True
    number = where(unknown, join("99", number_text(rng.integers(10_000, 99_999, len(rows)))), number)
    ordered = world.utc(orders.day[rows], orders.second[rows])
    changed = np.minimum(ordered + rng.integers(0, 5 * 86_400, len(rows)), world.end_instant - 30)
    is_return = orders.returns[rows] >= 0
    fresh = orders.day[rows] >= world.days - 3
    status = where(is_return, "returned", where(fresh, "open", "invoiced"))
    rep = np.where(
        customer < len(rep_of_customer), rep_of_customer[np.minimum(customer, len(rep_of_customer) - 1)], -1
    )
    place = orders.place[rows] % branches
    rep = np.where((rep < 0) | (rng.random(len(rows)) < 0.1), place * 2 + rng.integers(0, 2, len(rows)), rep)
    return pa.table(
        {
            "order_no": order_numbers(orders, rows),
            "customer_no": number,
            "branch_id": _branch_id(place),
            "sales_rep_id": _rep_id(rep),
            "ordered_at": instant(ordered),
            "status": status,
            "updated_at": instant(changed),
        }
    )


def _customers(
    world: World, population: Population, erp: Erp, loyalty: Loyalty, places: Places, rep: Ints
) -> pa.Table:
    rng = world.rng("erp customers")
    records, n, who = erp.records, erp.records.size, erp.records.who
    company = who >= population.persons
    created = instants(world, rng, records.created_day)
    updated = np.maximum(instants(world, rng, records.updated_day), created)
    deleted = erp.deleted[:n]
    removed = np.maximum(world.end_instant - rng.integers(86_400, 300 * 86_400, n), created + 3600)
    removed = np.minimum(removed, world.end_instant - 60)
    updated = np.where(deleted, removed, updated)
    inside = rng.random(n) < 0.15
    combined = pc.coalesce(join(records["street"], " ", records["house_no"]), records["street"])
    knows_card = rng.random(n) < 0.3
    branch = places.nearest_branch[population.homes.town[0][who]]
    # The main contact of a company: its own line in the ERP, with the company's address and phone.
    contact_known = ~company | (rng.random(n) < 0.7)
    columns = {
        "customer_no": erp.customer_no.slice(0, n),
        "kind": where(company, "company", "person"),
        "salutation": keep(records["salutation"], contact_known & (rng.random(n) < 0.9)),
        "title": keep(records["title"], contact_known),
        "first_name": keep(records["first_name"], contact_known),
        "last_name": keep(records["last_name"], contact_known),
        "company_name": records["company_name"],
        "vat_id": keep(records["vat_id"], rng.random(n) < 0.8),
        "birth_date": pa.array(records.birth_date).cast(pa.date32()),
        "street": where(inside, combined, records["street"]),
        "house_no": keep(records["house_no"], ~inside),
        "postal_code": records["postal_code"],
        "city": records["city"],
        "country": records["country"],
        "email": records["email"],
        "phone": records["landline"],
        "mobile": records["mobile"],
        "branch_id": _branch_id(branch),
        "sales_rep_id": _rep_id(rep),
        "loyalty_card_no": keep(loyalty.card_of(who, records.updated_day), knows_card),
        "created_at": instant(created),
        "updated_at": instant(updated),
        "deleted_at": instant(removed, ~deleted),
    }
    people = pa.table(columns)
    return pa.concat_tables([people, _junk(world, erp, people.schema)])


def _junk(world: World, erp: Erp, schema: pa.Schema) -> pa.Table:
    names = [_JUNK[i % len(_JUNK)] for i in range(erp.junk)]
    opened = np.full(erp.junk, int(np.datetime64(world.start, "s").astype(np.int64)) - 2000 * 86_400)
    given = {
        "customer_no": erp.customer_no.slice(erp.size - erp.junk),
        "kind": pa.array(["person"] * erp.junk, pa.string()),
        "first_name": pa.array([first or None for first, _ in names], pa.string()),
        "last_name": pa.array([last for _, last in names], pa.string()),
        "email": pa.array([SHOP_EMAIL] * erp.junk, pa.string()),
        "phone": pa.array(["0000"] * erp.junk, pa.string()),
        "birth_date": pa.array([date(1900, 1, 1)] * erp.junk, pa.date32()),
        "branch_id": _branch_id(np.zeros(erp.junk, dtype=np.int64)),
        "created_at": instant(opened),
        "updated_at": instant(opened),
    }
    return pa.table({f.name: given.get(f.name, pa.nulls(erp.junk, f.type)) for f in schema}, schema=schema)


def _rep_of(world: World, population: Population, erp: Erp, places: Places) -> Ints:
    """Companies and a fifth of the persons have a representative, two per branch; -1 without."""
    rng = world.rng("rep of customer")
    who = erp.records.who
    has = (who >= population.persons) | (rng.random(len(who)) < 0.2)
    branch = places.nearest_branch[population.homes.town[0][who]]
    return np.where(has, branch * 2 + who % 2, -1)


def _branch_id(branch: Ints) -> Text:
    return join("N", number_text(np.asarray(branch) + 1, 2))


def _rep_id(rep: Ints) -> Text:
    return keep(join("VB", number_text(np.maximum(rep, 0) + 1, 3)), np.asarray(rep) >= 0)


def _branches(places: Places) -> pa.Table:
    n = len(places.branch_town)
    city = take(reference.texts("towns", "town"), places.branch_town)
    return pa.table(
        {
            "branch_id": _branch_id(np.arange(n)),
            "name": join("Niederlassung ", city),
            "street": join("Industriestraße ", number_text(np.arange(n) * 7 % 90 + 1)),
            "postal_code": take(reference.texts("towns", "postal_code"), places.branch_town),
            "city": city,
        }
    )


def _reps(world: World, places: Places) -> pa.Table:
    rng = world.rng("reps")
    n = len(places.branch_town) * 2
    first = take(reference.texts("given_names", "name"), rng.integers(0, 600, n))
    last = take(reference.surnames()[0], rng.choice(600, n, replace=False))
    name = join(first, " ", last)
    email = join("vertrieb", number_text(np.arange(n) + 1), "@gartenwelt-demo.de")
    return pa.table({"sales_rep_id": _rep_id(np.arange(n)), "name": name, "email": email})


def _territories(places: Places) -> pa.Table:
    """Each two-digit postal area belongs to the nearest branch: one representative for tools, one for the rest."""
    codes = pc.utf8_slice_codeunits(reference.texts("towns", "postal_code"), 0, 2)
    german = pc.equal(reference.texts("towns", "country"), "DE")
    rows = np.flatnonzero(german.to_numpy(zero_copy_only=False))
    prefix = np.array(codes.to_pylist())[rows]
    prefix, at = np.unique(prefix, return_index=True)
    branch = places.nearest_branch[rows[at]]
    tools = ("Werkzeug", "Gartengeräte", "Farben und Lacke")
    categories = catalogue().categories
    side = np.array([0 if c in tools else 1 for c in categories])
    return pa.table(
        {
            "postal_code_prefix": pa.array(np.repeat(prefix, len(categories))),
            "product_category": pa.array(list(categories) * len(prefix)),
            "sales_rep_id": _rep_id(np.repeat(branch, len(categories)) * 2 + np.tile(side, len(prefix))),
        }
    )


def _products() -> pa.Table:
    goods = catalogue()
    return pa.table(
        {
            "product_no": goods.product_no,
            "name": goods.name,
            "category": goods.category_name,
            "list_price": money(goods.gross),
            "unit_cost": money(goods.cost),
        }
    )


def _visits(world: World, population: Population, erp: Erp, rep: Ints) -> pa.Table:
    rng = world.rng("visits")
    company = erp.records.who >= population.persons
    count = np.where(rep >= 0, rng.poisson(np.where(company, 4.0, 0.6)), 0)
    row = np.repeat(np.arange(len(rep)), count)
    day = rng.integers(0, world.days, len(row))
    order = np.argsort(day, kind="stable")
    row, day = row[order], day[order]
    at = world.utc(day, rng.integers(8 * 3600, 17 * 3600, len(row)))
    outcome = rng.choice(4, len(row), p=[0.3, 0.35, 0.25, 0.1])
    return pa.table(
        {
            "visit_id": join("B", number_text(np.arange(len(row)) + 1, 7)),
            "customer_no": take(erp.customer_no, row),
            "sales_rep_id": _rep_id(rep[row]),
            "visited_at": instant(at),
            "kind": where(rng.random(len(row)) < 0.6, "visit", "call"),
            "outcome": take(pa.array(["order", "offer", "no_interest", "not_reached"]), outcome),
            "note": take(pa.array(["Angebot folgt", "Rückruf vereinbart", "Sortiment gezeigt"]),
                         np.where(rng.random(len(row)) < 0.3, rng.integers(0, 3, len(row)), -1)),
        }
    )  # fmt: skip


def _targets(world: World, reps: int) -> pa.Table:
    rng = world.rng("targets")
    months = np.unique(world.dates.astype("datetime64[M]"))
    rep = np.repeat(np.arange(reps), len(months))
    revenue = np.round(rng.gamma(20, world.customers * 0.15 / max(reps, 1), len(rep)) / 10) * 1000
    cents = (revenue * 100).astype(np.int64)
    return pa.table(
        {
            "sales_rep_id": _rep_id(rep),
            "month": pa.array(np.tile(months.astype("datetime64[D]"), reps)).cast(pa.date32()),
            "revenue": money(cents),
            "margin": money(cents * 2 // 5),
        }
    )
