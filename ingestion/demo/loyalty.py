"""The loyalty card: members with their cards, and the two CSV files of the old and the new stores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ingestion.demo.catalogue import Places
from ingestion.demo.people import Population
from ingestion.demo.purchases import SHOP, Members, Orders
from ingestion.demo.records import Gaps, Records, instants, observe, phone_of
from ingestion.demo.text import Text, join, keep, number_text, take, where
from ingestion.demo.world import NEVER, Flags, Ints, World

_GAPS = Gaps(email=3.0, phone=1.4, birth_date=0.7, address=1.0)
_OLD_HEADER = (
    "member_no", "card_no", "name", "birth_date", "email", "phone", "street", "postal_code", "city",
    "country", "store_id", "issued_at", "updated_at", "consent_email", "consent_post", "consent_phone",
)  # fmt: skip
_NEW_HEADER = ("member_no", "card_no", "first_name", "last_name", *_OLD_HEADER[3:])


@dataclass(frozen=True)
class Loyalty:
    """Member records, and which card a person shows at the till on which day."""

    records: Records
    member_no: Text
    card_no: Text
    first_row: Ints
    """Row of the population → its first member record, -1 if none."""
    second_row: Ints
    second_from: Ints
    """From this day on the person uses the second record's card."""
    consent_email: Flags

    def card_of(self, person: Ints, day: Ints) -> Text:
        """The number of the card shown; null for a person without one or an unknown buyer."""
        row = np.maximum(person, 0)
        record = np.where(day >= self.second_from[row], self.second_row[row], self.first_row[row])
        return take(self.card_no, np.where(person < 0, -1, record))


def make_loyalty(world: World, population: Population, members: Members, orders: Orders) -> Loyalty:
    """Enrols the members, on the day of their first receipt if it lies in the world's years."""
    rng = world.rng("loyalty")
    n = population.size
    owners = np.flatnonzero(members.card)
    first_buy = first_days(orders, SHOP, n)
    joined = np.where(members.since_day < 0, members.since_day, np.minimum(members.since_day, first_buy))[
        owners
    ]
    again = rng.random(len(owners)) < world.rates.duplicate_in_system
    second_day = rng.integers(60, world.days - 10, len(owners))
    again &= joined < second_day - 30
    who = np.concatenate([owners, owners[again]])
    day = np.concatenate([joined, second_day[again]])
    records = observe(world, population, "loyalty", who, day, _GAPS)

    number = 1_000_000 + np.argsort(np.argsort(day, kind="stable"), kind="stable") * 7 + 3
    member_no = join("M", number_text(number))
    card = 9_000_000_000_000 + number * 13
    card = _shared(world, population, owners, card)
    first_row, second_row = np.full(n, -1), np.full(n, -1)
    second_from = np.full(n, NEVER)
    first_row[owners] = np.arange(len(owners))
    second_row[owners[again]] = len(owners) + np.arange(int(again.sum()))
    second_from[owners[again]] = second_day[again]
    return Loyalty(
        records, member_no, number_text(card), first_row, second_row, second_from, rng.random(len(who)) < 0.45
    )


def first_days(orders: Orders, channel: int, size: int) -> Ints:
    """Day of each person's first purchase in a channel; NEVER if none."""
    bought = (orders.channel == channel) & (orders.person >= 0)
    first = np.full(size, NEVER)
    np.minimum.at(first, orders.person[bought], orders.day[bought])
    return first


def _shared(world: World, population: Population, owners: Ints, card: Ints) -> Ints:
    """In some couples the partner uses the card of the other."""
    rng = world.rng("shared cards")
    row = np.full(population.size, -1)
    row[owners] = np.arange(len(owners))
    partner = np.flatnonzero(population.role == ord("B"))
    pairs = (
        (row[partner] >= 0) & (row[partner - 1] >= 0) & (rng.random(len(partner)) < world.rates.shared_card)
    )
    card = card.copy()
    card[row[partner[pairs]]] = card[row[partner[pairs] - 1]]
    return card


def write_loyalty(
    world: World, population: Population, loyalty: Loyalty, places: Places, folder: Path
) -> None:
    """Old stores: cp1252, one name field, German dates. New stores: UTF-8 with BOM, ISO dates."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = world.rng("loyalty files")
    records = loyalty.records
    n = records.size
    store = places.nearest_store[population.homes.town[0][records.who]]
    old = store % 2 == 1
    day_text = pc.strftime(pa.array(records.birth_date), "%Y-%m-%d")
    german = pc.strftime(pa.array(records.birth_date), "%d.%m.%Y")
    impossible = rng.random(n) < world.rates.impossible_date
    broken = where(rng.random(n) < 0.5, "31.02.1980", "12.13.1975")
    german = where(impossible & ~np.isnat(records.birth_date), broken, german)
    issued = instants(world, rng, records.created_day)
    updated = np.maximum(instants(world, rng, records.updated_day), issued)
    street = pc.coalesce(join(records["street"], " ", records["house_no"]), records["street"])
    title = records["title"]
    titled = pc.coalesce(join(title, " ", records["first_name"]), records["first_name"])
    first_name = where(rng.random(n) < 0.3, titled, records["first_name"])
    columns = {
        "member_no": loyalty.member_no,
        "card_no": loyalty.card_no,
        "first_name": first_name,
        "last_name": records["last_name"],
        "name": join(records["last_name"], ", ", first_name),
        "birth_date": where(old, german, day_text),
        "email": records["email"],
        "phone": phone_of(records, rng),
        "street": street,
        "postal_code": records["postal_code"],
        "city": records["city"],
        "country": keep(records["country"], rng.random(n) < 0.8),
        "store_id": join("F", number_text(store + 1, 3)),
        "issued_at": where(old, time_text(issued, "%d.%m.%Y"), time_text(issued, "%Y-%m-%dT%H:%M:%SZ")),
        "updated_at": where(
            old, time_text(updated, "%d.%m.%Y %H:%M:%S"), time_text(updated, "%Y-%m-%dT%H:%M:%SZ")
        ),
        "consent_email": where(loyalty.consent_email, "1", "0"),
        "consent_post": where(rng.random(n) < 0.6, "1", "0"),
        "consent_phone": where(rng.random(n) < 0.12, "1", "0"),
    }
    members = pa.table(columns)
    for name, header, chosen, encoding in (
        ("mitglieder_neu.csv", _NEW_HEADER, ~old, "utf-8-sig"),
        ("mitglieder_alt.csv", _OLD_HEADER, old, "cp1252"),
    ):
        part = members.select(header).filter(pa.array(chosen))
        content = csv_bytes(part).decode("utf-8")
        (folder / name).write_bytes(content.encode(encoding, errors="replace"))


def csv_bytes(table: pa.Table, quoting: Literal["needed", "none"] = "needed") -> bytes:
    """A table as `;`-separated CSV with CRLF; with `none` a value that needs quotes is an error."""
    sink = pa.BufferOutputStream()
    header = ";".join(table.column_names) + "\r\n"
    sink.write(header.encode())
    options = pyarrow.csv.WriteOptions(include_header=False, delimiter=";", eol="\r\n", quoting_style=quoting)
    pyarrow.csv.write_csv(table, sink, options)
    return sink.getvalue().to_pybytes()


def time_text(instant: np.ndarray, pattern: str) -> Text:
    """UTC seconds as text."""
    return pc.strftime(pa.array(instant).cast(pa.timestamp("s")), pattern)
