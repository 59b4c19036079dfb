"""The customers of the branch ERP: persons and companies with their numbers, and records that are nobody.

Does not belong here: the other tables (`erp_tables.py`), the database (`erp_load.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.demo.catalogue import Places
from ingestion.demo.errors import SHOP_EMAIL
from ingestion.demo.loyalty import Loyalty, first_days
from ingestion.demo.people import Population
from ingestion.demo.purchases import BRANCH, Members, Orders
from ingestion.demo.records import Gaps, Records, instants, observe
from ingestion.demo.tables import instant
from ingestion.demo.text import Text, join, keep, number_text, where
from ingestion.demo.world import NEVER, Ints, World

_GAPS = Gaps(email=2.8, phone=0.7, birth_date=1.7, address=0.5)
_JUNK = (
    ("", "Laufkunde"), ("Test", "Test"), ("", "Barverkauf"), ("", "Diverse"), ("Max", "Mustermann"),
    ("xxx", "xxx"), ("", "Kunde unbekannt"), ("Test", "Kunde"),
)  # fmt: skip


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


def customers(
    world: World, population: Population, erp: Erp, loyalty: Loyalty, places: Places, rep: Ints
) -> pa.Table:
    """The table `customer`; `rep` is the representative of each record (`rep_of`)."""
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
        "branch_id": branch_id(branch),
        "sales_rep_id": rep_id(rep),
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
        "branch_id": branch_id(np.zeros(erp.junk, dtype=np.int64)),
        "created_at": instant(opened),
        "updated_at": instant(opened),
    }
    return pa.table({f.name: given.get(f.name, pa.nulls(erp.junk, f.type)) for f in schema}, schema=schema)


def rep_of(world: World, population: Population, erp: Erp, places: Places) -> Ints:
    """Companies and a fifth of the persons have a representative, two per branch; -1 without."""
    rng = world.rng("rep of customer")
    who = erp.records.who
    has = (who >= population.persons) | (rng.random(len(who)) < 0.2)
    branch = places.nearest_branch[population.homes.town[0][who]]
    return np.where(has, branch * 2 + who % 2, -1)


def branch_id(branch: Ints) -> Text:
    """N01, N02 …"""
    return join("N", number_text(np.asarray(branch) + 1, 2))


def rep_id(rep: Ints) -> Text:
    """VB001 …; null for -1."""
    return keep(join("VB", number_text(np.maximum(rep, 0) + 1, 3)), np.asarray(rep) >= 0)
