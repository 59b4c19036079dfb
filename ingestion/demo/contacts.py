"""Where people live (and lived before they moved), and their phones and e-mail addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.demo import reference
from ingestion.demo.text import Text, join, keep, nulls, number_text, slug, take, where
from ingestion.demo.world import NEVER, Flags, Ints, World, pick

if TYPE_CHECKING:
    from ingestion.demo.companies import Companies

_COUNTRIES = ("DE", "AT", "CH")
_PROVIDERS = {
    0: ("gmail.com 26|gmx.de 19|web.de 19|t-online.de 11|outlook.de 5|freenet.de 3|yahoo.de 4|icloud.com 4|"
        "googlemail.com 4|hotmail.com 3|posteo.de 1|arcor.de 1"),
    1: "gmail.com 32|gmx.at 30|aon.at 12|hotmail.com 8|outlook.com 6|icloud.com 5|chello.at 7",
    2: "gmail.com 34|bluewin.ch 26|gmx.ch 14|hotmail.com 8|outlook.com 7|icloud.com 7|sunrise.ch 4",
}  # fmt: skip
_MOBILE = {
    0: "151 152 157 159 160 162 163 170 171 172 173 174 175 176 177 178 179",
    1: "650 660 664 676 699",
    2: "76 77 78 79",
}


@dataclass(frozen=True)
class Homes:
    """Addresses before and after a move, as indices; the second holds from `move_day` on."""

    town: tuple[Ints, Ints]
    street: tuple[Ints, Ints]
    house: tuple[Ints, Ints]
    letter: tuple[Ints, Ints]
    move_day: Ints

    @property
    def country(self) -> Ints:
        """0 DE, 1 AT, 2 CH; nobody moves abroad."""
        return countries()[self.town[0]]


@dataclass(frozen=True)
class Names:
    """What e-mail addresses are made of."""

    given: Ints
    surname: Ints
    birth_year: Ints
    household: Ints
    head_surname: Ints


@dataclass(frozen=True)
class Phones:
    """Phone numbers in parts; country is 0 DE, 1 AT, 2 CH; prefix (without its 0) and number null if none."""

    country: Ints
    prefix: Text
    number: Text


@dataclass(frozen=True)
class Reach:
    """How people can be reached; null where there is none."""

    landline: Phones
    mobile: Phones
    email: Text
    second_email: Text
    household_email: Text


def countries() -> Ints:
    """Country of each town of the list."""
    codes = {c: i for i, c in enumerate(_COUNTRIES)}
    return np.array([codes[c] for c in reference.texts("towns", "country").to_pylist()])


def country_codes(country: Ints) -> Text:
    """0, 1, 2 → DE, AT, CH."""
    return take(pa.array(_COUNTRIES), country)


def make_homes(world: World, household: Ints, role: np.ndarray, companies: int) -> Homes:
    """Homes of the persons, then of the companies. Whole households move, or a grown child moves out."""
    rng = world.rng("homes")
    weight = reference.numbers("towns", "thousand_people")
    country = countries()
    # The retailer is a German one: few customers live abroad.
    share = weight * np.array([1.0, 0.25, 0.2])[country]
    households = int(household.max(initial=-1)) + 1
    units = households + companies

    def draw(size: int) -> tuple[Ints, Ints, Ints, Ints]:
        streets = pick(rng, reference.numbers("streets", "weight"), size)
        house = 1 + np.minimum(rng.geometric(0.035, size) - 1, 248)
        letter = np.where(rng.random(size) < 0.12, pick(rng, np.array([5, 3, 2, 1]), size), -1)
        return pick(rng, share, size), streets, house, letter

    first = draw(units)
    unit = np.concatenate([household, households + np.arange(companies)])
    unit_move = np.where(rng.random(units) < 0.15, rng.integers(20, world.days, units), NEVER)
    alone = np.concatenate(
        [np.isin(role, [ord("C"), ord("N"), ord("T"), ord("S")]), np.zeros(companies, bool)]
    )
    leaves = alone & (rng.random(len(unit)) < 0.15)
    own_move = rng.integers(20, world.days, len(unit))
    together, apart = draw(units), draw(len(unit))
    move_day = np.where(leaves, own_move, unit_move[unit])
    same_country = country[first[0]]
    after = [np.where(leaves, b, a[unit]) for a, b in zip(together, apart, strict=True)]
    # Three moves in five stay in town; nobody leaves the country.
    stays = (rng.random(len(unit)) < 0.6) | (country[after[0]] != same_country[unit])
    before = [values[unit] for values in first]
    after[0] = np.where(stays, before[0], after[0])
    pairs = list(zip(before, after, strict=True))
    return Homes(pairs[0], pairs[1], pairs[2], pairs[3], move_day)


def make_reach(world: World, names: Names, homes: Homes, companies: Companies) -> Reach:
    """Phones and e-mail addresses of persons, then companies."""
    rng = world.rng("reach")
    size = len(names.given)
    company = names.household < 0
    country = homes.country
    area = take(reference.texts("towns", "area_code"), homes.town[0])
    # One landline per household, so draw by household and spread; companies always have one.
    group = np.where(company, names.household.max(initial=0) + 1 + np.arange(size), names.household)
    has_line = (rng.random(size + 1) < 0.55)[np.minimum(group, size)] | company
    digits = rng.integers(20_000, 9_999_999, size * 2)[group]
    landline = Phones(country, keep(area, has_line), keep(number_text(digits), has_line))
    prefix = nulls(size)
    for code, prefixes in _MOBILE.items():
        options = pa.array(prefixes.split())
        chosen = take(options, rng.integers(0, len(options), size))
        prefix = where(country == code, chosen, prefix)
    has_mobile = rng.random(size) < np.where(company, 0.4, 0.9)
    mobile = Phones(
        country, keep(prefix, has_mobile), keep(number_text(rng.integers(0, 10_000_000, size), 7), has_mobile)
    )

    given = slug(take(reference.texts("given_names", "name"), names.given))
    surname = slug(take(reference.surnames()[0], names.surname))
    personal = _addresses(rng, given, surname, names.birth_year, country, size)
    second = _addresses(rng, given, surname, names.birth_year, country, size)
    has_email = rng.random(size) < np.clip(0.5 + (names.birth_year - 1935) / 70, 0.5, 0.97)
    email = where(company, _for_all(companies.email, size), keep(_unique(personal), has_email))
    has_second = (rng.random(size) < 0.35) & ~company
    common = rng.random(size + 1)[np.minimum(group, size)] < 0.14
    family = join(
        "familie.", slug(take(reference.surnames()[0], names.head_surname)), number_text(group % 997), "@",
        take(pa.array(["web.de", "gmx.de", "t-online.de"]), group % 3),
    )  # fmt: skip
    work = join(slug(given), ".", surname, "@firma-", surname, ".de")
    second = where(rng.random(size) < 0.2, work, second)
    return Reach(landline, mobile, email, keep(_unique(second), has_second), keep(family, common & ~company))


def _for_all(values: Text, size: int) -> Text:
    return pa.concat_arrays([nulls(size - len(values)), values])


def _addresses(
    rng: np.random.Generator, given: Text, surname: Text, birth_year: Ints, country: Ints, size: int
) -> Text:
    initial = pc.utf8_slice_codeunits(given, 0, 1)
    pattern = pick(rng, np.array([40, 12, 10, 8, 8, 12, 10]), size)
    year = pc.utf8_slice_codeunits(number_text(birth_year), 2, 4)
    local = pc.choose(
        pa.array(pattern),
        join(given, ".", surname),
        join(given, surname),
        join(initial, ".", surname),
        join(given, "_", surname),
        join(surname, ".", given),
        join(given, ".", surname, year),
        join(given, number_text(rng.integers(10, 9999, size))),
    )
    provider = nulls(size)
    for code, listed in _PROVIDERS.items():
        pairs = [p.split() for p in listed.split("|")]
        chosen = take(
            pa.array([p[0] for p in pairs]), pick(rng, np.array([float(p[1]) for p in pairs]), size)
        )
        provider = where(country == code, chosen, provider)
    return join(local, "@", provider)


def _unique(addresses: Text) -> Text:
    """Providers give an address once: later comers get a number."""
    codes = np.asarray(addresses.dictionary_encode().indices.fill_null(-1))
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    starts = np.r_[True, ordered[1:] != ordered[:-1]]
    rank = np.empty(len(codes), dtype=np.int64)
    run = np.arange(len(codes)) - np.maximum.accumulate(np.where(starts, np.arange(len(codes)), 0))
    rank[order] = run
    at = pc.split_pattern(addresses, "@")
    numbered = join(pc.list_element(at, 0), number_text(rank), "@", pc.list_element(at, 1))
    late: Flags = rank > 0
    return where(late, numbered, addresses)
