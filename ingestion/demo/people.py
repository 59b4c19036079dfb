"""The true population: persons in households, companies, where they live and how they are reached.

Everything is columns: one row per person or company, persons first. Texts that follow from a choice in a
reference list are kept as its index and become text when a clerk writes them down (`records.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingestion.demo import contacts, reference
from ingestion.demo.companies import Companies, make_companies
from ingestion.demo.text import Text
from ingestion.demo.world import NEVER, Flags, Ints, World, pick

# Household types: share, then the role of each member. A and B are the adults, C a grown child, N a son with
# his father's name, T a twin, S somebody who shares the flat.
_TYPES = (
    (0.40, "A"), (0.27, "AB"), (0.11, "ABC"), (0.07, "ABCC"), (0.05, "AC"), (0.04, "SS"), (0.025, "SSS"),
    (0.02, "ABN"), (0.015, "ABTT"),
)  # fmt: skip
_COMPANY_SHARE = 0.06
PARTICLES = ("von", "zu", "van der", "von und zu")


@dataclass(frozen=True)
class Population:
    """Columns of the true persons and companies; `size` rows, the first `persons` of them are persons."""

    size: int
    persons: int
    household: Ints
    """Number of the household, -1 for a company."""
    role: np.ndarray
    gender: np.ndarray
    """0 female, 1 male."""
    birth_date: np.ndarray
    given: Ints
    surname: Ints
    surname_before: Ints
    """Before the marriage; the same as `surname` without one."""
    second_surname: Ints
    """Behind the hyphen of a double name, else -1."""
    name_change_day: Ints
    particle: Ints
    doctor: np.ndarray
    """0 none, 1 Dr., 2 Prof. Dr."""
    homes: contacts.Homes
    reach: contacts.Reach
    employer: Ints
    """Row of the company that a person works for, else -1."""
    companies: Companies

    @property
    def is_company(self) -> Flags:
        return np.arange(self.size) >= self.persons

    @property
    def person_id(self) -> Text:
        from ingestion.demo.text import join, number_text

        return join("p", number_text(np.arange(self.size), 7))


def make_population(world: World) -> Population:
    """Draws the population of a world."""
    companies_count = round(world.customers * _COMPANY_SHARE)
    persons = world.customers - companies_count
    rng = world.rng("households")
    household, role = _households(rng, persons)
    first_of = np.flatnonzero(np.r_[True, household[1:] != household[:-1]])
    head = first_of[household]
    position = np.arange(persons) - head

    gender, birth_year, birth_day = _ages(rng, role, head, position)
    given = _given_names(rng, gender, birth_year)
    same_name = role == ord("N")
    given[same_name] = given[head[same_name]]
    birth_date = (birth_year - 1970).astype("datetime64[Y]").astype("datetime64[D]") + birth_day

    surname, before, second, change_day = _surnames(world, role, head, birth_year)
    particle = np.where(rng.random(persons) < 0.008, pick(rng, np.array([80, 6, 10, 4]), persons), -1)
    particle = np.where((surname == surname[head]) & (role != ord("S")), particle[head], particle)
    doctor = np.where(birth_year < 1995, pick(rng, np.array([970, 26, 4]), persons), 0)

    total = world.customers
    homes = contacts.make_homes(world, household, role, companies_count)
    companies = make_companies(world, persons, homes.country[persons:], rng.permutation(persons))
    works = (rng.random(persons) < 0.05) & (birth_year < 2003) & (companies_count > 0)
    employer = np.where(works, persons + rng.integers(0, max(companies_count, 1), persons), -1)

    def padded(values: np.ndarray, filler: int) -> np.ndarray:
        return np.concatenate([values, np.full(companies_count, filler, dtype=values.dtype)])

    contact = companies.contact
    names = contacts.Names(
        given=np.concatenate([given, given[contact]]),
        surname=np.concatenate([surname, surname[contact]]),
        birth_year=np.concatenate([birth_year, birth_year[contact]]),
        household=padded(household, -1),
        head_surname=np.concatenate([surname[head], surname[contact]]),
    )
    reach = contacts.make_reach(world, names, homes, companies)
    return Population(
        size=total,
        persons=persons,
        household=padded(household, -1),
        role=padded(role, 0),
        gender=np.concatenate([gender, gender[contact]]),
        birth_date=np.concatenate([birth_date, birth_date[contact]]),
        given=names.given,
        surname=names.surname,
        surname_before=np.concatenate([before, surname[contact]]),
        second_surname=np.concatenate([second, second[contact]]),
        name_change_day=padded(change_day, -NEVER),
        particle=np.concatenate([particle, particle[contact]]),
        doctor=np.concatenate([doctor, doctor[contact]]),
        homes=homes,
        reach=reach,
        employer=padded(employer, -1),
        companies=companies,
    )


def _households(rng: np.random.Generator, persons: int) -> tuple[Ints, np.ndarray]:
    """Household number and role of each person; the last household may be cut short."""
    shares = np.array([t[0] for t in _TYPES])
    sizes = np.array([len(t[1]) for t in _TYPES])
    kinds = pick(rng, shares, persons)
    kinds = kinds[: int(np.searchsorted(np.cumsum(sizes[kinds]), persons)) + 1]
    roles = np.zeros((len(_TYPES), sizes.max()), dtype=np.uint8)
    for row, (_, letters) in enumerate(_TYPES):
        roles[row, : len(letters)] = [ord(letter) for letter in letters]
    household = np.repeat(np.arange(len(kinds)), sizes[kinds])
    starts = np.repeat(np.cumsum(sizes[kinds]) - sizes[kinds], sizes[kinds])
    role = roles[kinds[household], np.arange(len(household)) - starts]
    return household[:persons], role[:persons]


def _ages(
    rng: np.random.Generator, role: np.ndarray, head: Ints, position: Ints
) -> tuple[np.ndarray, Ints, Ints]:
    n = len(role)
    child = np.isin(role, [ord("C"), ord("N"), ord("T")])
    has_child = np.zeros(n, dtype=bool)
    has_child[head[child]] = True
    year = np.clip(np.round(rng.normal(1971, 15, n)), 1934, 2004)
    year = np.where(has_child, np.clip(year, 1934, 1984), year)
    year = np.where(role == ord("S"), rng.integers(1988, 2006, n), year)
    year = np.where(role == ord("B"), np.clip(year[head] + np.round(rng.normal(1, 3, n)), 1934, 2005), year)
    year = np.where(child, np.minimum(year[head] + rng.integers(21, 38, n), 2009), year).astype(np.int64)
    day = rng.integers(0, 365, n)
    gender = (rng.random(n) < 0.49).astype(np.int8)
    has_namesake = np.zeros(n, dtype=bool)
    has_namesake[head[role == ord("N")]] = True
    gender = np.where(has_namesake | (role == ord("N")), 1, gender).astype(np.int8)
    gender = np.where((role == ord("B")) & (rng.random(n) < 0.97), 1 - gender[head], gender).astype(np.int8)
    second_twin = (role == ord("T")) & (position == 3)
    twin = np.flatnonzero(second_twin)
    year[twin], day[twin] = year[twin - 1], day[twin - 1]
    return gender, year.astype(np.int64), day


def _given_names(rng: np.random.Generator, gender: np.ndarray, birth_year: Ints) -> Ints:
    """Index into the list of given names, by gender and the decade of birth."""
    decade = reference.numbers("given_names", "birth_decade")
    weight = reference.numbers("given_names", "weight")
    genders = np.array(reference.texts("given_names", "gender").to_pylist()) == "m"
    result = np.zeros(len(gender), dtype=np.int64)
    person_decade = np.clip((birth_year // 10) * 10 + 5, decade.min(), decade.max())
    for g in (0, 1):
        for d in np.unique(decade):
            chosen = np.flatnonzero((gender == g) & (person_decade == d))
            names = np.flatnonzero((genders == bool(g)) & (decade == d))
            result[chosen] = names[pick(rng, weight[names], len(chosen))]
    return result


def _surnames(world: World, role: np.ndarray, head: Ints, birth_year: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Surname, the one before a marriage, the second part of a double name, the day of the change."""
    rng = world.rng("surnames")
    n = len(role)
    own = pick(rng, reference.surnames()[1], n)
    family = own[head]
    draw = rng.random(n)
    partner = role == ord("B")
    takes = partner & (draw < 0.74)
    doubles = partner & (draw >= 0.74) & (draw < 0.84)
    child = np.isin(role, [ord("C"), ord("N"), ord("T")])
    surname = np.where(takes | child, family, own)
    second = np.where(doubles, family, -1)
    before = np.where(takes | doubles, own, surname)
    # Most married long ago; about one young couple in eight within the world's years.
    recent = (takes | doubles) & (birth_year > 1978) & (rng.random(n) < 0.13)
    day = np.where(recent, rng.integers(30, world.days - 30, n), -NEVER)
    return surname, before, second, day
