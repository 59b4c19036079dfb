"""The demo retailer's parties as a world, without writing its source systems.

The demo (`ingestion/demo`) is the first generator of this project, this package holds the second. Values are
those that staging makes of the sources: fields parted, blanks cut; what the demo's readers refuse does not
occur.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.demo.catalogue import make_places
from ingestion.demo.erp import Erp, make_erp
from ingestion.demo.leads import SOURCES, Leads, make_leads
from ingestion.demo.loyalty import Loyalty, make_loyalty
from ingestion.demo.people import Population, make_population
from ingestion.demo.purchases import make_members, simulate
from ingestion.demo.rates import ErrorRates
from ingestion.demo.records import Records, phone_of
from ingestion.demo.truth import records_table
from ingestion.demo.webshop import Webshop, make_webshop
from ingestion.demo.world import World as DemoWorld
from ml.identity.worlds.columns import Flags, Text, at, known
from ml.identity.worlds.schema import SCHEMA, TRUTH_SCHEMA
from ml.identity.worlds.world import World

_ROLES = {"A": "adult", "B": "partner", "C": "child", "N": "namesake", "T": "twin", "S": "flatmate"}


def demo_world(customers: int, seed: int, rates: ErrorRates | None = None) -> World:
    """The demo retailer of `customers` true persons and companies (≥ 10): about two records for each.

    Its purchases are drawn too, because they decide who is known where: a minute and 3 GB for 250,000.
    """
    world = DemoWorld(seed=seed, customers=customers, rates=rates or ErrorRates())
    population = make_population(world)
    members = make_members(world, population)
    orders = simulate(world, population, members, make_places(world))
    loyalty = make_loyalty(world, population, members, orders)
    erp = make_erp(world, population, members, orders)
    webshop = make_webshop(world, population, members, orders)
    leads = make_leads(world, population, members, orders)
    del orders
    records = pa.concat_tables(
        [
            _shop(world, loyalty),
            _branch(world, population, erp, loyalty),
            _webshop(world, webshop, loyalty),
            _leads(world, leads),
        ]
    ).combine_chunks()
    truth = _truth(population, records_table(population, loyalty, erp, webshop, leads))
    # Deleted customers of the branch are no source records.
    kept = pc.is_in(truth["record_id"], records["record_id"])
    return World(records, truth.filter(kept), records.select(["record_id"]))


def _table(
    world: DemoWorld, system: str, numbers: Text, records: Records, columns: dict[str, object]
) -> pa.Table:
    n = records.size
    start = np.datetime64(world.start).astype("datetime64[s]")
    given: dict[str, object] = {
        **{name: records[name] for name in ("first_name", "last_name", "email", "street", "house_no")},
        **{name: records[name] for name in ("postal_code", "city", "country")},
        "record_id": pc.binary_join_element_wise(system, numbers, ":"),
        "source_system": pa.array([system] * n, pa.string()),
        "source_record_id": numbers,
        "kind": pa.array(["person"] * n, pa.string()),
        "birth_date": pa.array(records.birth_date).cast(pa.date32()),
        "first_source": pa.array([system] * n, pa.string()),
        "is_guest": pa.array(np.zeros(n, dtype=bool)),
        "created_at": pa.array(start + records.created_day * 86_400).cast(pa.timestamp("us")),
        "updated_at": pa.array(start + records.updated_day * 86_400).cast(pa.timestamp("us")),
        **columns,
    }
    return pa.table({f.name: given.get(f.name, pa.nulls(n, f.type)) for f in SCHEMA}, schema=SCHEMA)


def _titled(records: Records, chosen: Flags) -> Text:
    joined = pc.binary_join_element_wise(records["title"], records["first_name"], " ")
    return pc.if_else(pa.array(chosen), pc.coalesce(joined, records["first_name"]), records["first_name"])


def _some(values: Text, chosen: Flags) -> Text:
    return pc.if_else(pa.array(chosen), values, pa.scalar(None, pa.string()))


def _shop(world: DemoWorld, loyalty: Loyalty) -> pa.Table:
    rng, records = world.rng("identity world", "shop"), loyalty.records
    columns = {
        "first_name": _titled(records, rng.random(records.size) < 0.3),
        "phone": phone_of(records, rng),
        "card_no": loyalty.card_no,
        "country": _some(records["country"], rng.random(records.size) < 0.8),
    }
    return _table(world, "shop", loyalty.member_no, records, columns)


def _branch(world: DemoWorld, population: Population, erp: Erp, loyalty: Loyalty) -> pa.Table:
    rng, records = world.rng("identity world", "branch"), erp.records
    n = records.size
    company = records.who >= population.persons
    contact = ~company | (rng.random(n) < 0.7)
    columns = {
        "kind": pc.if_else(pa.array(company), "company", "person"),
        "first_name": _some(records["first_name"], contact),
        "last_name": _some(records["last_name"], contact),
        "company_name": records["company_name"],
        "vat_id": _some(records["vat_id"], rng.random(n) < 0.8),
        "phone": records["landline"],
        "mobile": records["mobile"],
        "card_no": _some(loyalty.card_of(records.who, records.updated_day), rng.random(n) < 0.3),
    }
    table = _table(world, "branch", erp.customer_no.slice(0, n), records, columns)
    return table.filter(pa.array(~erp.deleted[:n]))


def _webshop(world: DemoWorld, webshop: Webshop, loyalty: Loyalty) -> pa.Table:
    rng, records = world.rng("identity world", "webshop"), webshop.records
    n = records.size
    company = known(records["company_name"])
    knows_card = ~webshop.is_guest & ~company & (rng.random(n) < 0.2)
    columns = {
        "kind": pc.if_else(pa.array(company), "company", "person"),
        "first_name": _titled(records, rng.random(n) < 0.5),
        "company_name": records["company_name"],
        "vat_id": _some(records["vat_id"], rng.random(n) < 0.7),
        "phone": phone_of(records, rng),
        "card_no": _some(loyalty.card_of(records.who, records.created_day), knows_card),
        "is_guest": pa.array(webshop.is_guest),
    }
    return _table(world, "webshop", webshop.customer_id, records, columns)


def _leads(world: DemoWorld, leads: Leads) -> pa.Table:
    rng, records = world.rng("identity world", "leads"), leads.records
    n = records.size
    newsletter = leads.source == SOURCES.index("newsletter")
    named = ~newsletter | (rng.random(n) < 0.45)
    more = ~newsletter
    private = more & ~known(records["company_name"])
    columns = {
        "kind": pc.if_else(pa.array(known(records["company_name"]) & ~named), "company", "person"),
        "first_name": _some(records["first_name"], named),
        "last_name": _some(records["last_name"], named),
        "company_name": records["company_name"],
        "phone": _some(phone_of(records, rng), more),
        **{name: _some(records[name], more) for name in ("street", "house_no", "postal_code", "city")},
        "country": _some(records["country"], more & (rng.random(n) < 0.5)),
        "birth_date": pa.array(np.where(private, records.birth_date, np.datetime64("NaT"))).cast(pa.date32()),
        "first_source": at(pa.array(SOURCES), leads.source),
    }
    return _table(world, "leads", leads.lead_id, records, columns)


def _truth(population: Population, known_records: pa.Table) -> pa.Table:
    record_id = pc.binary_join_element_wise(
        known_records["source_system"], known_records["source_record_id"], ":"
    )
    person = known_records["person_id"]
    nobody = pc.binary_join_element_wise("nobody", record_id, ":")
    row = pc.index_in(person, population.person_id).fill_null(-1).to_numpy()
    letters = [_ROLES.get(chr(code), "company") for code in range(256)]
    role = at(pa.array(letters), np.where(row < 0, -1, population.role[np.maximum(row, 0)]))
    columns = [record_id, pc.coalesce(person, nobody), known_records["household_id"], role]
    return pa.table(
        [c if isinstance(c, pa.Array) else c.combine_chunks() for c in columns], schema=TRUTH_SCHEMA
    )
