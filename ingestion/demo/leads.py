"""Leads: web forms, newsletter, webinars, chats as JSON lines; lists as CSV; business cards as vCards."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.demo.catalogue import catalogue
from ingestion.demo.jsonl import write_jsonl
from ingestion.demo.loyalty import csv_bytes, time_text
from ingestion.demo.people import Population
from ingestion.demo.purchases import Members, Orders
from ingestion.demo.records import Gaps, Records, observe, phone_of
from ingestion.demo.text import Text, join, keep, nulls, number_text, slug, take
from ingestion.demo.world import NEVER, Ints, World

_GAPS = Gaps(email=0.3, phone=2.2, birth_date=2.6, address=8.5)
SOURCES = ("form", "newsletter", "whitepaper", "webinar", "fair", "chat", "referral")
_SHARES = (0.26, 0.38, 0.06, 0.06, 0.08, 0.08, 0.08)
_BUSINESS_SHARES = (0.15, 0.10, 0.25, 0.20, 0.25, 0.05, 0.0)
_CARD_SHARE = 0.5
_FAIRS = ("garten-messe", "landpartie", "heimtiertage")
_MESSAGES = (
    "Bitte um Rückruf.", "Haben Sie Hochbeete auf Lager?", "Ich hätte gern ein Angebot für unseren Verein.",
    "Liefern Sie auch nach Österreich?", "Wann ist die nächste Gartenberatung?", "Katalog bitte per Post.",
)  # fmt: skip


@dataclass(frozen=True)
class Leads:
    """Lead records in the order of capture; `lead_id` as the reader will see it."""

    records: Records
    lead_id: Text
    source: np.ndarray
    captured: Ints
    is_card: np.ndarray
    uid: Text


def make_leads(world: World, population: Population, members: Members, orders: Orders) -> Leads:
    """Draws the leads: half of the later customers asked before they bought, others come as customers."""
    rng = world.rng("leads")
    n = population.size
    people = np.flatnonzero(members.lead)
    count = np.minimum(rng.geometric(0.78, len(people)), 4)
    who = np.repeat(people, count)
    first_buy = np.full(n, NEVER)
    known = orders.person >= 0
    np.minimum.at(first_buy, orders.person[known], orders.day[known])
    anywhen = rng.integers(0, world.days, len(who))
    before = first_buy[who] - rng.integers(1, 90, len(who))
    converts = (first_buy[who] < NEVER) & (before > 0) & (rng.random(len(who)) < 0.55)
    day = np.where(converts, before, anywhen)
    order = np.lexsort((who, day))
    who, day = who[order], day[order]
    records = observe(world, population, "leads", who, day, _GAPS)
    business = population.employer[who] >= 0
    private = rng.choice(len(SOURCES), len(who), p=_SHARES)
    source = np.where(business, rng.choice(len(SOURCES), len(who), p=_BUSINESS_SHARES), private)
    is_card = (source == SOURCES.index("fair")) & (rng.random(len(who)) < _CARD_SHARE)
    captured = world.utc(day, rng.integers(9 * 3600, 20 * 3600, len(who)))
    uid = join("urn:uuid:demo-card-", number_text(np.arange(len(who)), 8))
    lead_id = join("L", number_text(500_001 + np.arange(len(who))))
    cards = np.flatnonzero(is_card)
    # The reader names a card after its UID.
    named = [
        f"vcf_{hashlib.sha256(u.encode()).hexdigest()[:16]}" for u in uid.take(pa.array(cards)).to_pylist()
    ]
    lead_id = pc.replace_with_mask(lead_id, pa.array(is_card), pa.array(named, pa.string()))
    _business_contacts(population, records, business)
    return Leads(records, lead_id, source, captured, is_card, uid)


def _business_contacts(population: Population, records: Records, business: np.ndarray) -> None:
    """Who asks for a company names it and uses its mail domain."""
    company = np.where(business, population.employer[records.who] - population.persons, -1)
    records.columns["company_name"] = take(population.companies.name, company)
    host = pc.list_element(pc.split_pattern(take(population.companies.email, company), "@"), 1)
    address = join(slug(records["first_name"]), ".", slug(records["last_name"]), "@", host)
    records.columns["email"] = pc.coalesce(address, records["email"])


def write_leads(world: World, leads: Leads, folder: Path) -> None:
    """One JSON lines file a year, one CSV for fairs and referrals, one vCard file per fair and year."""
    folder.mkdir(parents=True, exist_ok=True)
    table = _table(world, leads)
    listed = np.isin(leads.source, [SOURCES.index("fair"), SOURCES.index("referral")])
    year = leads.captured.astype("datetime64[s]").astype("datetime64[Y]").astype(int) + 1970
    digital = ~listed
    for y in np.unique(year[digital]):
        _write_jsonl(
            table.filter(pa.array(digital & (year == y))), folder / f"web_{y}.jsonl", broken=y == year.max()
        )
    flat = table.filter(pa.array(listed & ~leads.is_card))
    interests = pc.binary_join(flat["interests"], ", ")
    flat = flat.set_column(flat.schema.get_field_index("interests"), "interests", interests)
    (folder / "messen_und_empfehlungen.csv").write_bytes(csv_bytes(flat))
    _write_cards(world, leads, folder)


def _table(world: World, leads: Leads) -> pa.Table:
    rng = world.rng("lead fields")
    records, n = leads.records, leads.records.size
    newsletter = leads.source == SOURCES.index("newsletter")
    business = records["company_name"].is_valid().to_numpy(zero_copy_only=False)
    has_name = ~newsletter | (rng.random(n) < 0.45)
    one_field = rng.random(n) < 0.12
    first = keep(records["first_name"], has_name & ~one_field)
    last = keep(records["last_name"], has_name & ~one_field)
    name = keep(join(records["first_name"], " ", records["last_name"]), has_name & one_field)
    more = ~newsletter
    consents = newsletter | (rng.random(n) < 0.4)
    confirmed = consents & (rng.random(n) < 0.8)
    street = pc.coalesce(join(records["street"], " ", records["house_no"]), records["street"])
    categories = pa.array(catalogue().categories)
    picked = rng.integers(0, len(categories), n * 2)
    count = np.where(rng.random(n) < 0.5, rng.integers(1, 3, n), 0)
    offsets = np.r_[0, np.cumsum(count)]
    interests = pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), take(categories, picked[: offsets[-1]])
    )
    year = leads.captured.astype("datetime64[s]").astype("datetime64[Y]").astype(int) + 1970
    kind = take(pa.array(SOURCES), leads.source)
    return pa.table(
        {
            "lead_id": leads.lead_id,
            "captured_at": time_text(leads.captured, "%Y-%m-%dT%H:%M:%SZ"),
            "source": kind,
            "campaign": keep(join(kind, "-", number_text(year)), rng.random(n) < 0.7),
            "first_name": first,
            "last_name": last,
            "name": name,
            "company": records["company_name"],
            "email": records["email"],
            "phone": keep(phone_of(records, rng), more),
            "street": keep(street, more),
            "postal_code": keep(records["postal_code"], more),
            "city": keep(records["city"], more),
            "country": keep(records["country"], more & (rng.random(n) < 0.5)),
            "birth_date": keep(pc.strftime(pa.array(records.birth_date), "%Y-%m-%d"), more & ~business),
            "interests": interests,
            "message": take(
                pa.array(_MESSAGES),
                np.where(more & (rng.random(n) < 0.3), rng.integers(0, len(_MESSAGES), n), -1),
            ),
            "referred_by": nulls(n),
            "consent_email": pa.array(consents),
            "consent_phone": pa.array(rng.random(n) < 0.15),
            "consent_post": pa.array(rng.random(n) < 0.2),
            "double_opt_in_at": keep(
                time_text(np.minimum(leads.captured + rng.integers(60, 90_000, n), world.end_instant - 60),
                          "%Y-%m-%dT%H:%M:%SZ"),
                confirmed,
            ),
            "consent_text_version": keep(join("v", number_text(year - 2021)), consents),
        }
    )  # fmt: skip


def _write_jsonl(table: pa.Table, path: Path, *, broken: bool) -> None:
    write_jsonl(
        table,
        path,
        "* EXCLUDE (consent_email, consent_phone, consent_post, double_opt_in_at, consent_text_version), "
        "{'email': consent_email, 'phone': consent_phone, 'post': consent_post, "
        "'double_opt_in_at': double_opt_in_at, 'text_version': consent_text_version} AS consent",
    )
    if broken:
        # The export was interrupted once: one line ends in the middle.
        lines = path.read_bytes().splitlines(keepends=True)
        lines.insert(len(lines) // 2, b'{"lead_id": "L499999", "captured_at": "2026-01-\n')
        path.write_bytes(b"".join(lines))


def _write_cards(world: World, leads: Leads, folder: Path) -> None:
    cards = np.flatnonzero(leads.is_card)
    if not len(cards):
        return
    rng = world.rng("cards")
    records = leads.records
    row = pa.array(cards)
    first, last = records["first_name"].take(row), records["last_name"].take(row)
    phone = phone_of(records, rng).take(row)
    street = pc.coalesce(join(records["street"], " ", records["house_no"]), records["street"]).take(row)

    def line(prefix: str, value: Text) -> Text:
        return pc.coalesce(join(prefix, value, "\r\n"), "")

    # In a vCard commas and semicolons of a value are escaped; company names hold none.
    address = join(
        "ADR;TYPE=HOME:;;", street, ";", records["city"].take(row), ";;",
        records["postal_code"].take(row), ";", records["country"].take(row), "\r\n",
    )  # fmt: skip
    text = join(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:", leads.uid.take(row), "\r\nN:", last, ";", first, ";;;\r\nFN:",
        first, " ", last, "\r\n", line("ORG:", records["company_name"].take(row)),
        line("EMAIL;TYPE=INTERNET:", records["email"].take(row)), line("TEL;TYPE=CELL:", phone),
        pc.coalesce(address, ""), "END:VCARD\r\n",
    )  # fmt: skip
    fair = cards % len(_FAIRS)
    year = leads.captured[cards].astype("datetime64[s]").astype("datetime64[Y]").astype(int) + 1970
    for y in np.unique(year):
        for number, name in enumerate(_FAIRS):
            chosen = (year == y) & (fair == number)
            if not chosen.any():
                continue
            path = folder / f"{name}_{y}.vcf"
            path.write_text("".join(text.filter(pa.array(chosen)).to_pylist()), encoding="utf-8", newline="")
            # The file's time is the capture: the fair ends with its last card.
            last_card = int(leads.captured[cards[chosen]].max())
            os.utime(path, (last_card, last_card))
