"""The branch ERP's other tables as Arrow: orders, products, branches, representatives, visits, targets."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.demo import reference
from ingestion.demo.catalogue import Places, catalogue
from ingestion.demo.erp import Erp, branch_id, customers, rep_id, rep_of
from ingestion.demo.loyalty import Loyalty
from ingestion.demo.people import Population
from ingestion.demo.purchases import BRANCH, Orders
from ingestion.demo.tables import instant, money
from ingestion.demo.text import Text, join, number_text, take, where
from ingestion.demo.world import Ints, World

_COUNTER_SHARE = 0.03
"""Of the branch orders: written for the customer Laufkunde."""


def tables(
    world: World, population: Population, erp: Erp, orders: Orders, loyalty: Loyalty, places: Places
) -> dict[str, pa.Table]:
    """Table name → content, without the order lines (`order_lines`)."""
    branches = len(places.branch_town)
    reps = _reps(world, places)
    rep_of_customer = rep_of(world, population, erp, places)
    order_table = _orders(world, erp, orders, branches, rep_of_customer)
    return {
        "branch": _branches(places),
        "sales_rep": reps,
        "territory": _territories(places),
        "product": _products(),
        "customer": customers(world, population, erp, loyalty, places, rep_of_customer),
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
            "branch_id": branch_id(place),
            "sales_rep_id": rep_id(rep),
            "ordered_at": instant(ordered),
            "status": status,
            "updated_at": instant(changed),
        }
    )


def _branches(places: Places) -> pa.Table:
    n = len(places.branch_town)
    city = take(reference.texts("towns", "town"), places.branch_town)
    return pa.table(
        {
            "branch_id": branch_id(np.arange(n)),
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
    return pa.table({"sales_rep_id": rep_id(np.arange(n)), "name": name, "email": email})


def _territories(places: Places) -> pa.Table:
    """Each two-digit postal area goes to the nearest branch: one representative sells tools, one the rest."""
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
            "sales_rep_id": rep_id(np.repeat(branch, len(categories)) * 2 + np.tile(side, len(prefix))),
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
            "sales_rep_id": rep_id(rep[row]),
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
            "sales_rep_id": rep_id(rep),
            "month": pa.array(np.tile(months.astype("datetime64[D]"), reps)).cast(pa.date32()),
            "revenue": money(cents),
            "margin": money(cents * 2 // 5),
        }
    )
