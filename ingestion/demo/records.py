"""How a clerk or customer writes a person down: a source record with the errors of that moment."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.demo import errors, reference
from ingestion.demo.contacts import Phones, country_codes
from ingestion.demo.people import PARTICLES, Population
from ingestion.demo.text import Text, join, keep, nulls, number_text, take, where
from ingestion.demo.world import NEVER, Flags, Ints, World, pick


@dataclass(frozen=True)
class Gaps:
    """How much likelier than the world's rates a field stays empty in one system."""

    email: float = 1.0
    phone: float = 1.0
    birth_date: float = 1.0
    address: float = 1.0


@dataclass
class Records:
    """Source records in columns; `columns` holds texts, dates stand apart as datetime64[D] (NaT: empty)."""

    who: Ints
    """Row of the population, -1 for nobody (junk)."""
    created_day: Ints
    updated_day: Ints
    birth_date: np.ndarray
    columns: dict[str, Text] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.who)

    def __getitem__(self, name: str) -> Text:
        return self.columns[name]


def observe(
    world: World,
    population: Population,
    stream: str,
    who: Ints,
    created_day: Ints,
    gaps: Gaps,
    *,
    keeps_email: bool = False,
) -> Records:
    """Writes down the persons and companies `who` on the day `created_day`, with the world's errors.

    `keeps_email`: the system cannot do without an e-mail address, so none is missing or made up.
    """
    rng = world.rng("records", stream)
    rates = world.rates
    n = len(who)
    company = who >= population.persons
    moved_known, renamed_known, updated_day = _news(world, population, rng, who, created_day)
    records = Records(who, created_day, updated_day, population.birth_date[who].copy())
    columns = records.columns

    columns["salutation"] = take(pa.array(["Frau", "Herr"]), population.gender[who])
    title = np.where(rng.random(n) < rates.title_left_out, 0, population.doctor[who])
    columns["title"] = take(pa.array(["Dr.", "Prof. Dr."]), title - 1)
    columns["first_name"] = take(reference.texts("given_names", "name"), population.given[who])
    columns["last_name"] = _surname_text(population, who, renamed_known)
    homes = population.homes

    def address(pair: tuple[Ints, Ints]) -> Ints:
        return np.where(moved_known, pair[1][who], pair[0][who])

    town = address(homes.town)
    columns["street"] = take(reference.texts("streets", "street"), address(homes.street))
    letter = take(pa.array(["a", "b", "c", "d"]), address(homes.letter)).fill_null("")
    columns["house_no"] = join(number_text(address(homes.house)), letter)
    columns["postal_code"] = take(reference.texts("towns", "postal_code"), town)
    columns["city"] = take(reference.texts("towns", "town"), town)
    columns["country"] = country_codes(homes.country[who])

    reach = population.reach
    email = take(reach.email, who)
    second = take(reach.second_email, who)
    family = take(reach.household_email, who)
    use_second = (rng.random(n) < rates.second_email / 0.35) & second.is_valid().to_numpy(
        zero_copy_only=False
    )
    email = where(use_second, second, email)
    use_family = (rng.random(n) < rates.household_email) & family.is_valid().to_numpy(zero_copy_only=False)
    email = where(use_family, family, email)
    columns["email"] = email
    columns["landline"] = phone_text(rng, _rows(reach.landline, who))
    columns["mobile"] = phone_text(rng, _rows(reach.mobile, who))
    columns["company_name"] = nulls(n)
    columns["vat_id"] = nulls(n)
    if company.any():
        row = np.where(company, who - population.persons, -1)
        columns["company_name"] = take(population.companies.name, row)
        columns["vat_id"] = take(population.companies.vat_id, row)

    if keeps_email:
        # Who has no address of the own makes one up for the shop.
        invented = join("kunde", number_text(who), "@web.de")
        columns["email"] = pc.coalesce(columns["email"], invented)
    _leave_out(rng, world, records, gaps, company, keeps_email)
    errors.corrupt(rng, rates, records, keeps_email=keeps_email)
    return records


def phone_of(records: Records, rng: np.random.Generator) -> Text:
    """One number where a system has a single field: the mobile or the landline, whichever is known."""
    first = rng.random(records.size) < 0.55
    return where(
        first,
        pc.coalesce(records["mobile"], records["landline"]),
        pc.coalesce(records["landline"], records["mobile"]),
    )


def phone_text(rng: np.random.Generator, phones: Phones) -> Text:
    """The number in one of the ways in which people write numbers."""
    code = take(pa.array(["49", "43", "41"]), phones.country)
    prefix, number = phones.prefix, phones.number
    trunk = join("0", prefix)
    spaced = pc.replace_substring_regex(number, r"(\d{3})(\d{2})(\d+)", r"\1 \2 \3")
    style = pick(rng, np.array([20, 22, 14, 10, 12, 8, 8, 6]), len(number))
    return pc.choose(
        pa.array(style),
        join(trunk, number),
        join(trunk, "/", number),
        join(trunk, " ", number),
        join("+", code, " ", prefix, " ", number),
        join("+", code, prefix, number),
        join("00", code, prefix, number),
        join(trunk, "-", spaced),
        join("(", trunk, ") ", spaced),
    )


def instants(world: World, rng: np.random.Generator, day: Ints) -> Ints:
    """An instant in business hours of each day, UTC seconds, never after the world's end."""
    base = int(np.datetime64(world.start, "s").astype(np.int64))
    seconds = base + day * 86_400 + 28_000 + (rng.random(len(day)) * 34_000).astype(np.int64)
    return np.minimum(seconds, world.end_instant - 60)


def _news(
    world: World, population: Population, rng: np.random.Generator, who: Ints, created_day: Ints
) -> tuple[Flags, Flags, Ints]:
    """Whether the record knows the new address and the new name, and when it was last changed."""
    n = len(who)
    moved, renamed = population.homes.move_day[who], population.name_change_day[who]
    told_move = (moved > created_day) & (moved < NEVER) & (rng.random(n) >= world.rates.stale_address)
    told_name = (renamed > created_day) & (rng.random(n) >= world.rates.stale_name)
    updated = created_day.copy()
    updated = np.where(told_move, np.maximum(updated, moved + rng.integers(1, 60, n)), updated)
    updated = np.where(told_name, np.maximum(updated, renamed + rng.integers(5, 120, n)), updated)
    updated = np.minimum(updated, world.days - 1)
    return (moved <= created_day) | told_move, (renamed <= created_day) | told_name, updated


def _surname_text(population: Population, who: Ints, new_name: Flags) -> Text:
    names = reference.surnames()[0]
    second = population.second_surname[who]
    base = take(
        names, np.where(new_name & (second < 0), population.surname[who], population.surname_before[who])
    )
    double = take(names, np.where(new_name, second, -1))
    text = where(new_name & (second >= 0), join(base, "-", double), base)
    particle = take(pa.array(PARTICLES), population.particle[who])
    return pc.coalesce(join(particle, " ", text), text)


def _rows(phones: Phones, who: Ints) -> Phones:
    return Phones(phones.country[who], take(phones.prefix, who), take(phones.number, who))


def _leave_out(
    rng: np.random.Generator, world: World, records: Records, gaps: Gaps, company: Flags, keeps_email: bool
) -> None:
    n, rates, columns = records.size, world.rates, records.columns
    if not keeps_email:
        columns["email"] = keep(columns["email"], rng.random(n) >= rates.missing_email * gaps.email)
    for name in ("landline", "mobile"):
        columns[name] = keep(columns[name], rng.random(n) >= rates.missing_phone * gaps.phone)
    no_address = rng.random(n) < rates.missing_address * gaps.address
    for name in ("street", "house_no", "city", "postal_code"):
        columns[name] = keep(columns[name], ~no_address)
    missing = company | (rng.random(n) < rates.missing_birth_date * gaps.birth_date)
    records.birth_date[missing] = np.datetime64("NaT")
