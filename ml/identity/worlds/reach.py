"""How people and companies are reached: phones and e-mail addresses, with those of others that they use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.identity.worlds.columns import Flags, Ints, Text, at, digits, glue, if_, one_of, weighted
from ml.identity.worlds.companies import Companies
from ml.identity.worlds.lists import Lists
from ml.identity.worlds.people import NEVER, YEARS, People
from ml.identity.worlds.places import Places
from ml.identity.worlds.settings import WorldSettings

_PROVIDERS = (
    "gmx.de 20|web.de 20|gmail.com 24|t-online.de 12|outlook.de 4|hotmail.de 3|yahoo.de 4|icloud.com 4|"
    "freenet.de 3|arcor.de 2|googlemail.com 3|mailbox.org 1|posteo.de 1|aol.com 1",
    "gmx.at 32|gmail.com 34|aon.at 10|hotmail.com 8|outlook.com 6|chello.at 5|icloud.com 5",
    "bluewin.ch 28|gmail.com 34|gmx.ch 12|hotmail.com 8|outlook.com 6|icloud.com 6|hispeed.ch 4|sunrise.ch 3",
)
_MOBILE = (
    "151 6|152 5|157 6|159 3|160 6|162 4|163 5|170 7|171 7|172 6|173 6|174 5|175 7|176 7|177 5|178 4|179 4",
    "650 3|660 4|664 6|676 5|699 4",
    "76 3|77 2|78 4|79 6",
)


@dataclass(frozen=True)
class Reach:
    """Rows: persons, then companies; null or -1 where there is none."""

    email: tuple[Text, Text]
    """Private addresses of one's own."""
    family_email: Text
    work_email: Text
    mobile_prefix: Text
    mobile: tuple[Ints, Ints]
    """The number behind the prefix, before and after a change."""
    new_mobile: np.ndarray
    """When it changed."""
    landline: tuple[Ints, ...]
    """For each slot of the address; the same within a household."""


def make_reach(
    settings: WorldSettings, rng: np.random.Generator, lists: Lists, people: People, places: Places,
    companies: Companies, employer: Ints,
) -> Reach:  # fmt: skip
    """Draws phones and e-mail addresses; `employer`: row of the company or -1, per person."""
    n, total = people.size, people.size + companies.size
    country = lists.town_country[places.town[places.address[0]]]
    year = people.birth_date.astype("datetime64[Y]").astype(np.int64) + 1970
    old_name = rng.random(n) < settings.email_of_maiden_name
    surname = np.where(old_name, people.surname[0], people.surname[1])
    given, family = at(lists.given_mailbox, people.given), at(lists.surname_mailbox, surname)
    first = _addresses(rng, given, family, year, country[:n])
    second = _addresses(rng, given, at(lists.surname_mailbox, people.surname[1]), year, country[:n])
    online = rng.random(n) < settings.email * np.clip((year - 1915) / 55, 0.35, 1.08)
    first = if_(online, first, None)
    second = if_(online & (rng.random(n) < settings.two_emails), second, None)
    private = _given_once(pa.concat_arrays([first, second]))

    home = people.household
    common = (rng.random(int(home[-1]) + 1) < settings.family_email)[home]
    words = one_of(rng, ["familie", "fam", "familie.", "die.", "haus."], int(home[-1]) + 1)
    family_email = glue(
        at(words, home), at(lists.surname_mailbox, people.surname[1][people.head]), digits(home % 9973), "@",
        at(pa.array(["gmx.de", "web.de", "t-online.de", "gmail.com"]), home % 4),
    )  # fmt: skip
    family_email = if_(common & (people.role != 6), family_email, None)
    host = at(companies.domain, employer)
    work = glue(pc.utf8_slice_codeunits(given, 0, 1), ".", family, "@", host)
    work = if_(rng.random(n) < 0.5, glue(given, ".", family, "@", host), work)

    has_mobile = rng.random(n) < settings.mobile * np.clip((year - 1900) / 50, 0.5, 1.08)
    numbers = [rng.integers(1_000_000, 100_000_000, total) for _ in range(2)]
    prefix = pc.choose(pa.array(country), *(one_of(rng, options, total) for options in _MOBILE))
    changes = np.where(rng.random(total) < settings.new_mobile, rng.uniform(0, YEARS, total), NEVER)
    company_mobile = rng.random(companies.size) < 0.5
    prefix = if_(np.concatenate([has_mobile, company_mobile]), prefix, None)

    unit = places.address[0]
    units = int(unit.max()) + 1
    has_line = (rng.random(units) < settings.landline)[unit] | (np.arange(total) >= n)
    lines = [np.where(has_line, rng.integers(10_000, 10_000_000, units)[unit], -1)]
    for slot in (1, 2):
        # Within a town the number moves along; who leaves the household starts without one.
        same_town = places.town[places.address[slot]] == places.town[places.address[slot - 1]]
        moved = np.where(
            same_town, lines[-1], np.where(has_line, rng.integers(10_000, 10_000_000, units)[unit], -1)
        )
        lines.append(np.where(places.address[slot] >= 3 * units, -1, moved))
    nothing = pa.nulls(companies.size, pa.string())
    return Reach(
        email=(
            pa.concat_arrays([private.slice(0, n), companies.email]), pa.concat_arrays([private.slice(n),
            nothing])
        ),
        family_email=pa.concat_arrays([family_email, nothing]),
        work_email=pa.concat_arrays([work, nothing]),
        mobile_prefix=prefix,
        mobile=(numbers[0], numbers[1]),
        new_mobile=changes,
        landline=tuple(lines),
    )  # fmt: skip


def _addresses(rng: np.random.Generator, given: Text, surname: Text, year: Ints, country: Ints) -> Text:
    n = len(given)
    initial = pc.utf8_slice_codeunits(given, 0, 1)
    short = digits(year % 100, 2)
    some = digits(rng.integers(1, 1000, n))
    pets = [
        "sonnenschein",
        "schnucki",
        "bvbfan",
        "gartenfee",
        "flitzer",
        "hexe",
        "adler",
        "mausi",
        "tiger",
        "wolke",
    ]
    local = pc.choose(
        pa.array(weighted(rng, [30, 9, 13, 8, 7, 9, 8, 6, 5, 5], n)), glue(given, ".", surname),
        glue(given, surname), glue(initial, ".", surname), glue(given, "-", surname),
        glue(surname, ".", given), glue(given, ".", surname, short), glue(given, short), glue(surname, some),
        glue(initial, surname, short), glue(one_of(rng, pets, n), some),
    )  # fmt: skip
    host = pc.choose(pa.array(country), *(one_of(rng, options, n) for options in _PROVIDERS))
    return glue(local, "@", host)


def _given_once(addresses: Text) -> Text:
    """A provider gives an address once: those who come later put a number behind their name."""
    codes = np.asarray(addresses.dictionary_encode().indices.fill_null(-1))
    order = np.argsort(codes, kind="stable")
    new = np.r_[True, codes[order][1:] != codes[order][:-1]]
    since = np.arange(len(codes)) - np.maximum.accumulate(np.where(new, np.arange(len(codes)), 0))
    turn = np.empty(len(codes), dtype=np.int64)
    turn[order] = since
    late: Flags = (turn > 0) & (codes >= 0)
    parts = pc.split_pattern(addresses, "@")
    numbered = glue(pc.list_element(parts, 0), digits(turn * 7 % 100_003), "@", pc.list_element(parts, 1))
    return pc.if_else(pa.array(late), numbered, addresses)
