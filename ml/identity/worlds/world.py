"""One world: who is known to which system, its records in the shape of the warehouse, and the truth."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.identity.worlds.columns import Flags, Ints, Text, at, digits, glue, if_, known
from ml.identity.worlds.companies import make_companies
from ml.identity.worlds.lists import lists
from ml.identity.worlds.mistakes import Mistakes
from ml.identity.worlds.nobodies import nobodies
from ml.identity.worlds.observe import Sheet, Truth, observe
from ml.identity.worlds.people import YEARS, Role, make_people
from ml.identity.worlds.places import make_places
from ml.identity.worlds.reach import make_reach
from ml.identity.worlds.schema import SCHEMA, TRUTH_SCHEMA
from ml.identity.worlds.settings import SourceSettings, WorldSettings

_ROLES = pa.array([role.name.lower() for role in Role])


@dataclass(frozen=True)
class World:
    """`records` (SCHEMA), `truth` (TRUTH_SCHEMA) and `traits`: record_id and one boolean column per
    difficulty."""

    records: pa.Table
    truth: pa.Table
    traits: pa.Table


def make_world(settings: WorldSettings, records: int, seed: int, wider: Path | None = None) -> World:
    """Draws a world of exactly `records` source records (≥ 50); equal arguments give equal worlds.

    `wider`: folder with longer lists of names and places (see `lists.py`). Needs about 2 GB for a million
    records.
    """
    if records < 50:
        raise ValueError(f"a world has at least 50 records, not {records}")

    def stream(name: str) -> np.random.Generator:
        return np.random.default_rng([seed, zlib.crc32(name.encode())])

    expected = sum(_expected(s, settings) for s in settings.sources)
    truth = _truth(settings, stream, int(records / expected * 1.06) + 60, wider)
    rows = _who_is_where(settings, stream("systems"), truth)
    # Whole people fall away, not single records, so that what remains is as linked as intended.
    total = truth.people.size + truth.companies.size
    order = stream("order").permutation(total)
    count = np.bincount(np.concatenate([who for who in rows]), minlength=total)
    junk = round(settings.junk * records)
    kept = np.zeros(total, dtype=bool)
    kept[order[np.cumsum(count[order]) <= records - junk]] = True
    short = records - junk - int(count[kept].sum())
    if short and kept.all():
        raise ValueError(
            f"the settings give {count.sum()} records for {records}: the sources know too few people"
        )
    sheets = []
    for source, who in zip(settings.sources, rows, strict=True):
        mine = who[kept[who]]
        # What is missing to the exact number comes from the first source with people left.
        extra = who[~kept[who]][:short]
        short -= len(extra)
        sheets.append(_system(truth, settings, source, stream(source.system), np.concatenate([mine, extra])))
    if junk:
        sheets.append(nobodies(settings, stream("junk"), junk))
    parts = [list(part) for part in zip(*sheets, strict=True)]
    traits = pa.concat_tables(parts[2], promote_options="default")
    filled = [pc.fill_null(traits[c], False) if c != "record_id" else traits[c] for c in traits.column_names]
    return World(
        pa.concat_tables(parts[0]).combine_chunks(),
        pa.concat_tables(parts[1]).combine_chunks(),
        pa.table(filled, names=traits.column_names).combine_chunks(),
    )


def _expected(source: SourceSettings, settings: WorldSettings) -> float:
    known_here = source.persons * (1 - settings.companies) + source.companies * settings.companies
    known_here *= 0.6 + 0.4 * settings.children_known
    return known_here * (1 + source.again + source.copied) * (1 + source.guests * 0.5)


def _truth(settings: WorldSettings, stream, entities: int, wider: Path | None) -> Truth:  # type: ignore[no-untyped-def]
    names = lists(wider)
    firms = round(entities * settings.companies)
    people = make_people(settings, stream("people"), names, max(entities - firms, 1))
    places = make_places(settings, stream("places"), names, people, firms)
    rng = stream("companies")
    town = places.town[places.address[0][people.size :]]
    companies = make_companies(
        rng, names, names.town_country[town], town, rng.integers(0, people.size, firms)
    )
    works = (rng.random(people.size) < settings.employed) & (firms > 0) & (people.role != Role.GRANDPARENT)
    employer = np.where(works, rng.integers(0, max(firms, 1), people.size), -1)
    employer[companies.contact] = np.arange(firms)
    reach = make_reach(settings, stream("reach"), names, people, places, companies, employer)
    # The other one of a couple; for children the head of the household.
    rows = np.arange(people.size)
    beside = np.minimum(rows + 1, people.size - 1)
    other = np.where((people.head == rows) & (people.head[beside] == rows), beside, people.head)
    firm_rows = people.size + np.arange(firms)
    # A card belongs to a person, or to the head of the household who lets the others use it.
    lent = stream("cards").random(people.size) < settings.shared_card
    card_of = np.concatenate([np.where(lent, people.head, rows), firm_rows])
    contact_of = np.concatenate([other, firm_rows])
    return Truth(names, people, places, reach, companies, employer, contact_of, card_of)


def _who_is_where(settings: WorldSettings, rng: np.random.Generator, truth: Truth) -> list[Ints]:
    """Per source the rows of its records, a row as often as it has records there."""
    persons, total = truth.people.size, truth.people.size + truth.companies.size
    company = np.arange(total) >= persons
    loyal = rng.normal(0, settings.loyalty_spread, total)
    young = np.concatenate(
        [truth.people.is_child | (truth.people.role == Role.FLATMATE), np.zeros(total - persons, bool)]
    )
    offline = ~known(truth.reach.email[0])
    rows = []
    for source in settings.sources:
        share = np.where(company, source.companies, source.persons)
        if source.missing_email == 0:
            share = np.where(offline, 0.3 * share, share)
        share = np.clip(share, 1e-9, 1 - 1e-9)
        odds = share / (1 - share) * np.exp(loyal) * np.where(young, settings.children_known, 1.0)
        here = rng.random(total) < odds / (1 + odds)
        who = np.flatnonzero(here)
        # Some come again and again under another number.
        further = rng.geometric(1 / (1 + source.again + source.copied), len(who)) - 1
        guest = (rng.random(len(who)) < source.guests) & ~company[who]
        further = further + np.where(guest, rng.geometric(0.67, len(who)) - 1, 0)
        rows.append(np.repeat(who, 1 + np.minimum(further, 6)))
    return rows


def _system(
    truth: Truth, settings: WorldSettings, source: SourceSettings, rng: np.random.Generator, who: Ints
) -> tuple[pa.Table, pa.Table, pa.Table]:
    who = np.sort(who)
    n = len(who)
    when = rng.uniform(0, YEARS, n)
    sheet, changed = observe(truth, settings, source, rng, who, when)
    mistakes = Mistakes(settings, source, rng, sheet.columns, sheet.birth_date)
    sheet.birth_date[rng.random(n) < source.missing_birth_date] = np.datetime64("NaT")
    mistakes.names(truth.lists.said, sheet.is_company)
    mistakes.contacts()
    mistakes.addresses()
    mistakes.birthdays()
    mistakes.machines()
    mistakes.placeholders()
    sheet.traits.update(mistakes.traits)
    sheet.traits["from_company"] = sheet.is_company

    repeated = np.r_[False, who[1:] == who[:-1]] if n else np.zeros(0, dtype=bool)
    sheet.columns["card_no"] = _cards(source, rng, truth, who, repeated)
    comes_as_guest = (rng.random(n) < 0.5 * source.guests) | (repeated & (rng.random(n) < 0.8))
    sheet.columns["is_guest"] = pa.array(comes_as_guest & (source.guests > 0))
    # A copy is the whole row under another number: a merge of two databases, an import done twice.
    again = source.again + source.copied + 0.5 * source.guests
    copy = repeated & (rng.random(n) < source.copied / max(again, 1e-9))
    copy &= ~np.r_[False, copy[:-1]]  # of a row that stays
    sheet.traits["copied"] = copy
    return _tables(truth, settings, source, rng, who, when, changed, sheet, np.arange(n) - copy)


def _cards(
    source: SourceSettings, rng: np.random.Generator, truth: Truth, who: Ints, repeated: Flags
) -> Text:
    # A second membership has a card of its own.
    another = np.where(repeated, rng.integers(1, 10, len(who)), 0)
    number = 2_400_000_000_000 + truth.card_of[who] * 104_729 % 9_999_999_967 * 10 + another
    return if_(rng.random(len(who)) < source.card_known, digits(number), None)


def _tables(
    truth: Truth,
    settings: WorldSettings,
    source: SourceSettings,
    rng: np.random.Generator,
    who: Ints,
    when: np.ndarray,
    changed: np.ndarray,
    sheet: Sheet,
    rows: Ints,
) -> tuple[pa.Table, pa.Table, pa.Table]:
    n, c = len(who), sheet.columns
    start = np.datetime64(settings.until) - np.timedelta64(round(YEARS * 365.25), "D")
    seconds = np.stack([when, changed]) * 365.25 * 86_400 * (YEARS * 365.25 - 1) / (YEARS * 365.25)
    created, updated = (start.astype("datetime64[s]") + s.astype(np.int64) for s in seconds)
    # Numbers follow the time of capture, as counters do.
    number = np.argsort(np.argsort(created, kind="stable"), kind="stable")
    prefix = {"shop": "M", "webshop": "w", "branch": "", "leads": "L"}.get(source.system, "")
    source_record_id = glue(prefix, digits(100_000 + number))
    record_id = glue(source.system, ":", source_record_id)
    has_company, has_name = known(c["company_name"]), known(c["last_name"]) | known(c["first_name"])
    kind = {
        "shop": np.zeros(n, dtype=bool), "webshop": has_company, "leads": has_company & ~has_name,
    }.get(source.system, sheet.is_company)  # fmt: skip
    lead_kind = at(pa.array(["newsletter", "form", "webinar", "fair", "chat"]), rng.integers(0, 5, n))
    columns = {
        **{name: value.take(pa.array(rows)) for name, value in c.items()},
        "record_id": record_id,
        "source_record_id": source_record_id,
        "source_system": pa.array([source.system] * n, pa.string()),
        "kind": if_(kind[rows], "company", "person"),
        "birth_date": pa.array(sheet.birth_date[rows].astype("datetime64[D]")).cast(pa.date32()),
        "branch_id": glue("B", digits(truth.places.town[truth.places.address[0][who]] % 40)),
        "sales_rep_id": pa.nulls(n, pa.string()),
        "first_source": lead_kind if source.system == "leads" else pa.array([source.system] * n, pa.string()),
        "created_at": pa.array(created).cast(pa.timestamp("us")),
        "updated_at": pa.array(np.maximum(updated, created)).cast(pa.timestamp("us")),
    }
    if source.system in ("webshop", "leads"):
        columns["branch_id"] = pa.nulls(n, pa.string())
    people = truth.people
    person = who < people.size
    row = np.where(person, who, 0)
    known_truth = {
        "record_id": record_id,
        "entity_id": glue(if_(person, "p", "f"), digits(np.where(person, who, who - people.size), 7)),
        "household_id": if_(person, glue("h", digits(people.household[row], 7)), None),
        "role": if_(person, at(_ROLES, people.role[row]), "company"),
    }
    order = pa.array(np.argsort(number, kind="stable"))
    traits = {
        "record_id": record_id,
        **{k: pa.array(v[rows] if k != "copied" else v) for k, v in sheet.traits.items()},
    }
    return (
        pa.table({f.name: columns[f.name] for f in SCHEMA}, schema=SCHEMA).take(order),
        pa.table(known_truth, schema=TRUTH_SCHEMA).take(order),
        pa.table(traits).take(order),
    )
