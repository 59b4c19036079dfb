"""Who lives in a world: persons in households, their names before and after a wedding, their birthdays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ml.identity.worlds.columns import Flags, Ints, weighted
from ml.identity.worlds.lists import Lists
from ml.identity.worlds.settings import WorldSettings

YEARS = 8.0
"""Length of a world; times are years from its beginning."""
NEVER = 99.0


class Role(IntEnum):
    """Place in the household; the first member is an adult or a flatmate."""

    ADULT = 0
    PARTNER = 1
    CHILD = 2
    TWIN = 3
    NAMESAKE = 4
    """A child with the first name of a parent."""
    GRANDPARENT = 5
    FLATMATE = 6
    COMPANY = 7


_A, _P, _C, _T, _N, _G, _F = (Role(i) for i in range(7))


@dataclass(frozen=True)
class People:
    """Columns of persons, ordered by household; name columns are rows of the lists."""

    household: Ints
    head: Ints
    """Row of the first member of the same household."""
    role: Ints
    is_male: Flags
    birth_date: np.ndarray
    given: Ints
    second_given: Ints
    """-1 for most."""
    surname: tuple[Ints, Ints]
    """Before and after the change of name."""
    joined_surname: tuple[Ints, Ints]
    """Second part of a double name, -1 for most."""
    renamed: np.ndarray
    """When the name changed; `NEVER` for most, negative for those long married."""
    title: Ints
    """0 none, 1 Dr., 2 Prof. Dr."""
    particle: Ints
    """0 none, else von, van der …"""
    leaves: np.ndarray
    """When the person leaves the household; `NEVER` for most."""

    @property
    def size(self) -> int:
        return len(self.role)

    @property
    def is_child(self) -> Flags:
        return np.isin(self.role, [_C, _T, _N])


def make_people(settings: WorldSettings, rng: np.random.Generator, lists: Lists, persons: int) -> People:
    """Draws the persons of a world; `persons` ≥ 1."""
    household, role = _households(settings, rng, persons)
    n = len(role)
    head = np.flatnonzero(np.r_[True, household[1:] != household[:-1]])[household]
    child = np.isin(role, [_C, _T, _N])
    parent = np.zeros(n, dtype=bool)
    parent[head[child]] = True

    year, day = _birthdays(settings, rng, role, head, child, parent)
    male = rng.random(n) < 0.48
    partner = role == _P
    male = np.where(partner & (rng.random(n) < 0.96), ~male[head], male)
    has_namesake = np.zeros(n, dtype=bool)
    has_namesake[head[role == _N]] = True
    # More often the son than the daughter.
    male = np.where(has_namesake, rng.random(n) < 0.85, male)
    male = np.where(role == _N, male[head], male)
    given = _given(rng, lists, male, year)
    given = np.where(role == _N, given[head], given)
    _alike_twins(rng, lists, given, male, role)
    second = np.where(rng.random(n) < settings.second_given_name, _given(rng, lists, male, year), -1)
    second = np.where(second == given, -1, second)

    own = weighted(rng, lists.surname_weight, n)
    family = own[head]
    draw = rng.random(n)
    takes = partner & (draw < settings.takes_name)
    doubles = partner & ~takes & (draw < settings.takes_name + settings.double_name)
    related = child | ((role == _G) & (rng.random(n) < 0.6))
    related &= rng.random(n) < 0.95  # patchwork families
    after = np.where(takes | related, family, own)
    before = np.where(takes, own, after)
    joined = np.where(doubles, family, -1)
    wedding = np.where(
        (takes | doubles) & (rng.random(n) < settings.renamed), rng.uniform(0, YEARS, n), NEVER
    )
    wedding = np.where((takes | doubles) & (wedding == NEVER), -1.0, wedding)
    divorced = (wedding < 0) & (rng.random(n) < settings.divorced)
    parting = rng.uniform(0.5, YEARS, n)
    before, after = np.where(divorced, after, before), np.where(divorced, before, after)
    joined_before = np.where(divorced, joined, -1)
    joined_after = np.where(divorced, -1, joined)
    renamed = np.where(divorced, parting + 0.3, wedding)

    alone = (child & (year < 2006)) | (role == _F)
    out = alone & (rng.random(n) < 1.5 * settings.moves)
    leaves = np.where(out, rng.uniform(0, YEARS, n), np.where(divorced, parting, NEVER))
    noble = rng.random(n) < settings.particle
    particle = np.where(noble, weighted(rng, [70, 6, 8, 6, 4, 6], n) + 1, 0)
    particle = np.where(after == family, particle[head], particle)
    titled = (rng.random(n) < settings.title) & (year < 1997)
    title = np.where(titled, weighted(rng, [85, 15], n) + 1, 0)
    birth_date = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]") + day
    return People(
        household, head, role, male, birth_date, given, second, (before, after),
        (joined_before, joined_after), renamed, title, particle, leaves,
    )  # fmt: skip


def _households(settings: WorldSettings, rng: np.random.Generator, persons: int) -> tuple[Ints, Ints]:
    s = settings
    singles = 1.0 - s.couples - s.families - s.single_parents - s.flat_shares
    plain = max(1.0 - s.twins - s.namesakes - s.grandparents, 0.0)
    kinds: list[tuple[float, list[int]]] = [
        (singles, [_A]), (s.couples, [_A, _P]), (s.families * plain * 0.5, [_A, _P, _C]),
        (s.families * plain * 0.4, [_A, _P, _C, _C]), (s.families * plain * 0.1, [_A, _P, _C, _C, _C]),
        (s.families * s.twins * 0.7, [_A, _P, _T, _T]), (s.families * s.twins * 0.3, [_A, _P, _T, _T, _C]),
        (s.families * s.namesakes * 0.6, [_A, _P, _N]), (s.families * s.namesakes * 0.4, [_A, _P, _N, _C]),
        (s.families * s.grandparents, [_A, _P, _C, _G]), (s.single_parents * 0.7, [_A, _C]),
        (s.single_parents * 0.3, [_A, _C, _C]), (s.flat_shares * 0.5, [_F, _F]),
        (s.flat_shares * 0.35, [_F] * 3), (s.flat_shares * 0.15, [_F] * 4),
    ]  # fmt: skip
    sizes = np.array([len(members) for _, members in kinds])
    roles = np.zeros((len(kinds), sizes.max()), dtype=np.int64)
    for row, (_, members) in enumerate(kinds):
        roles[row, : len(members)] = members
    chosen = weighted(rng, [share for share, _ in kinds], persons)
    household = np.repeat(np.arange(persons), sizes[chosen])[:persons]
    start = np.repeat(np.cumsum(sizes[chosen]) - sizes[chosen], sizes[chosen])[:persons]
    return household, roles[chosen[household], np.arange(persons) - start]


def _birthdays(
    settings: WorldSettings, rng: np.random.Generator, role: Ints, head: Ints, child: Flags, parent: Flags
) -> tuple[Ints, Ints]:
    n = len(role)
    last = settings.until.year
    year = np.round(last - np.clip(rng.normal(52, 17, n), 17, 93)).astype(np.int64)
    year = np.where(parent, np.minimum(year, last - 38), year)
    year = np.where(role == _F, last - rng.integers(18, 36, n), year)
    year = np.where(
        role == _P, np.clip(year[head] + np.round(rng.normal(1.5, 4, n)), last - 94, last - 17), year
    )
    year = np.where(child, np.minimum(year[head] + rng.integers(19, 41, n), last - 15), year)
    year = np.where(role == _G, np.maximum(year[head] - rng.integers(20, 38, n), last - 98), year).astype(
        np.int64
    )
    day = rng.integers(0, 365, n)
    twin = np.flatnonzero((role[1:] == _T) & (role[:-1] == _T)) + 1
    year[twin], day[twin] = year[twin - 1], day[twin - 1]
    return year, day


def _given(rng: np.random.Generator, lists: Lists, male: Flags, year: Ints) -> Ints:
    """Names as they were given in the decade of birth."""
    result = np.zeros(len(male), dtype=np.int64)
    decades = np.unique(lists.given_decade)
    nearest = decades[np.abs(year[:, None] - decades[None, :]).argmin(axis=1)]
    for sex in (False, True):
        for decade in decades:
            rows = np.flatnonzero((male == sex) & (nearest == decade))
            names = np.flatnonzero((lists.given_is_male == sex) & (lists.given_decade == decade))
            result[rows] = names[weighted(rng, lists.given_weight[names], len(rows))]
    return result


def _alike_twins(rng: np.random.Generator, lists: Lists, given: Ints, male: Flags, role: Ints) -> None:
    """Half of the twins get names with one initial: Lena and Lara. No twin gets the other's name."""
    initial = np.array([name[0] for name in lists.given.to_pylist()])
    for second in (np.flatnonzero((role[1:] == _T) & (role[:-1] == _T)) + 1).tolist():
        first = given[second - 1]
        if rng.random() < 0.5 or given[second] == first:
            same = (lists.given_is_male == male[second]) & (lists.given_decade == lists.given_decade[first])
            options = np.flatnonzero(same & (initial == initial[first]) & (np.arange(len(initial)) != first))
            if len(options):
                given[second] = options[rng.integers(len(options))]
