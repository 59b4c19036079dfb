"""What is true, kept apart from the source systems: who each record is, how each customer behaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingestion.demo import reference
from ingestion.demo.contacts import country_codes
from ingestion.demo.erp import Erp
from ingestion.demo.leads import Leads
from ingestion.demo.loyalty import Loyalty
from ingestion.demo.people import Population
from ingestion.demo.purchases import Members, Orders
from ingestion.demo.tables import money
from ingestion.demo.text import Text, join, keep, number_text, take
from ingestion.demo.webshop import Webshop
from ingestion.demo.world import NEVER, Ints, World


def records_table(
    population: Population, loyalty: Loyalty, erp: Erp, webshop: Webshop, leads: Leads
) -> pa.Table:
    """One row per source record: `source_system, source_record_id, person_id, household_id, company_id`.

    `person_id` is the true person or company, null for records that are nobody. `company_id` is that of the
    company itself or of a person's employer.
    """
    parts: list[tuple[str, Text, Ints]] = [
        ("shop", loyalty.member_no, loyalty.records.who),
        ("branch", erp.customer_no, np.concatenate([erp.records.who, np.full(erp.junk, -1)])),
        ("webshop", webshop.customer_id, webshop.records.who),
        ("leads", leads.lead_id, leads.records.who),
    ]
    who = np.concatenate([p[2] for p in parts])
    system = pa.concat_arrays([pa.array([name] * len(ids), pa.string()) for name, ids, _ in parts])
    row = np.maximum(who, 0)
    household = np.where(who < 0, -1, population.household[row])
    company = np.where(who >= population.persons, who, np.where(who < 0, -1, population.employer[row]))
    return pa.table(
        {
            "source_system": system,
            "source_record_id": pa.concat_arrays([p[1] for p in parts]),
            "person_id": take(population.person_id, who),
            "household_id": _household_ids(household),
            "company_id": take(population.person_id, company),
        }
    )


def persons_table(world: World, population: Population) -> pa.Table:
    """One row per person or company as it is at the end."""
    homes = population.homes
    moved = homes.move_day < world.days
    company = population.is_company
    names = reference.surnames()[0]
    renamed = population.name_change_day < world.days
    second = population.second_surname
    base = take(names, np.where(renamed & (second < 0), population.surname, population.surname_before))
    double = take(names, np.where(renamed, second, -1))
    town = np.where(moved, homes.town[1], homes.town[0])
    company_row = np.where(company, np.arange(population.size) - population.persons, -1)
    return pa.table(
        {
            "person_id": population.person_id,
            "kind": pc.if_else(pa.array(company), "company", "person"),
            "gender": keep(pc.if_else(pa.array(population.gender == 1), "m", "f"), ~company),
            "first_name": keep(take(reference.texts("given_names", "name"), population.given), ~company),
            "last_name": keep(pc.coalesce(join(base, "-", double), base), ~company),
            "company_name": take(population.companies.name, company_row),
            "vat_id": take(population.companies.vat_id, company_row),
            "birth_date": pa.array(
                np.where(company, np.datetime64("NaT"), population.birth_date).astype("datetime64[D]")
            ).cast(pa.date32()),
            "street": take(
                reference.texts("streets", "street"), np.where(moved, homes.street[1], homes.street[0])
            ),
            "house_no": number_text(np.where(moved, homes.house[1], homes.house[0])),
            "postal_code": take(reference.texts("towns", "postal_code"), town),
            "city": take(reference.texts("towns", "town"), town),
            "country": country_codes(homes.country),
            "email": population.reach.email,
            "household_id": _household_ids(population.household),
            "company_id": take(population.person_id, population.employer),
            "moved_on": _days(world, homes.move_day),
        }
    )


def customers_table(world: World, population: Population, members: Members, orders: Orders) -> pa.Table:
    """One row per person or company that bought: what no source system knows, the whole behaviour.

    `alive_until` is the day of the last purchase of a customer who has left, null for one who still buys.
    """
    bought = np.flatnonzero((orders.person >= 0) & (orders.returns < 0))
    person = orders.person[bought]
    n = population.size
    count = np.bincount(person, minlength=n)
    first, last = np.full(n, NEVER), np.full(n, -1)
    np.minimum.at(first, person, orders.day[bought])
    np.maximum.at(last, person, orders.day[bought])
    upset = np.zeros(n, dtype=bool)
    upset[person[orders.complaint[bought]]] = True
    spend = np.zeros(n, dtype=np.int64)
    net = np.zeros(n, dtype=np.int64)
    for low in range(0, orders.size, 500_000):
        rows = np.arange(low, min(low + 500_000, orders.size))
        rows = rows[orders.person[rows] >= 0]
        index, owner = orders.lines.of(rows)
        money_of = orders.lines.amounts(index)
        who = orders.person[rows][owner]
        spend += np.bincount(who, money_of.full - money_of.discount, minlength=n).astype(np.int64)
        net += np.bincount(who, money_of.net, minlength=n).astype(np.int64)
    chosen = np.flatnonzero(count > 0)
    gone = orders_end(members, count)[chosen] | left_after_complaint(orders, n)[chosen]
    return pa.table(
        {
            "person_id": take(population.person_id, chosen),
            "first_purchase_date": _days(world, first[chosen]),
            "last_purchase_date": _days(world, last[chosen]),
            "alive_until": keep(_days(world, last[chosen]), gone),
            "is_alive": pa.array(~gone),
            "purchase_rate_per_year": pa.array(np.round(members.rate_per_year[chosen], 6)),
            "purchases": pa.array(count[chosen]),
            "gross_amount": money(spend[chosen]),
            "net_amount": money(net[chosen]),
            "average_basket_amount": money(spend[chosen] // np.maximum(count[chosen], 1)),
            "had_complaint": pa.array(upset[chosen]),
        }
    )


def orders_end(members: Members, count: Ints) -> np.ndarray:
    """Who has made all the purchases after which it leaves."""
    return count >= members.leaves_after


def left_after_complaint(orders: Orders, size: int) -> np.ndarray:
    """Who left because of a complaint: its purchase is the last one."""
    left = np.zeros(size, dtype=bool)
    left[orders.person[orders.drives_away]] = True
    return left


def write_truth(
    world: World, population: Population, members: Members, orders: Orders,
    sources: tuple[Loyalty, Erp, Webshop, Leads], folder: Path,
) -> int:  # fmt: skip
    """Writes records, persons and customers; returns the number of source records."""
    folder.mkdir(parents=True, exist_ok=True)
    records = records_table(population, *sources)
    pq.write_table(records, folder / "records.parquet")
    pq.write_table(persons_table(world, population), folder / "persons.parquet")
    pq.write_table(customers_table(world, population, members, orders), folder / "customers.parquet")
    return records.num_rows


def _household_ids(household: Ints) -> Text:
    return keep(join("h", number_text(np.maximum(household, 0), 7)), household >= 0)


def _days(world: World, day: Ints) -> pa.Array:
    inside = (day >= 0) & (day < world.days)
    return pa.array(
        np.where(inside, np.datetime64(world.start) + np.where(inside, day, 0), np.datetime64("NaT")).astype(
            "datetime64[D]"
        )
    ).cast(pa.date32())
