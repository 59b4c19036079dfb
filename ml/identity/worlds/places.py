"""Where people and companies live, before and after they move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.identity.worlds.columns import Ints, weighted
from ml.identity.worlds.lists import Lists
from ml.identity.worlds.people import NEVER, YEARS, People
from ml.identity.worlds.settings import WorldSettings

MAINS = 3
"""Addresses that one may have in a world: at first, after a move, after another one."""


@dataclass(frozen=True)
class Places:
    """The pool of addresses, and which one a person or company (rows; persons first) has when."""

    town: Ints
    street: Ints
    house: Ints
    letter: Ints
    """0 none, else a, b, c …"""
    door: Ints
    """0 none, else the number of the flat."""
    address: tuple[Ints, ...]
    """For each of the three slots the row of the pool."""
    since: tuple[np.ndarray, ...]
    """When one comes to live there; `NEVER` where it does not happen."""

    def slot(self, who: Ints, when: np.ndarray) -> Ints:
        """Which of the slots holds at the time."""
        return np.sum([since[who] <= when for since in self.since[1:]], axis=0).astype(np.int64)

    def address_of(self, who: Ints, slot: Ints) -> Ints:
        """Row of the pool."""
        return np.choose(slot, [address[who] for address in self.address])


def make_places(
    settings: WorldSettings, rng: np.random.Generator, lists: Lists, people: People, companies: int
) -> Places:
    """Houses for households and companies; households move together, children and flatmates on their own."""
    households = int(people.household[-1]) + 1
    units = households + companies
    home = np.where(lists.town_country == 0, 1 - settings.abroad, settings.abroad)
    weight = lists.town_weight.copy()
    for abroad in (False, True):
        chosen = (lists.town_country > 0) == abroad
        weight[chosen] /= weight[chosen].sum()
    weight *= home
    own = people.size
    # The pool: first homes of the units, two further ones of each, then those of persons who leave.
    town = weighted(rng, weight, units)
    further = [_next_town(rng, lists, town, weight)]
    further.append(_next_town(rng, lists, further[0], weight))
    persons_next = _next_town(rng, lists, town[people.household], weight)
    towns = np.concatenate([town, *further, persons_next])
    size = len(towns)
    street = weighted(rng, lists.street_weight, size)
    house = np.minimum(rng.geometric(0.03, size), 260)
    letter = np.where(rng.random(size) < 0.11, weighted(rng, [55, 25, 12, 8], size) + 1, 0)
    door = np.where(rng.random(size) < 0.25, rng.integers(1, 30, size), 0)
    # Some live where another household lives: same house, another door.
    neighbour = np.flatnonzero(rng.random(size) < settings.apartments)
    order = np.argsort(rng.permutation(size))
    other = order[neighbour]
    town_of, street_of, house_of, letter_of = (a.copy() for a in (towns, street, house, letter))
    for target, source in ((town_of, towns), (street_of, street), (house_of, house), (letter_of, letter)):
        target[neighbour] = source[other]

    total = own + companies
    unit = np.concatenate([people.household, households + np.arange(companies)])
    moves = rng.random(units) < settings.moves
    first = np.where(moves, rng.uniform(0, YEARS, units), NEVER)
    again = moves & (rng.random(units) < settings.moves)
    second = np.where(again, rng.uniform(0, 1, units) * (YEARS - first) + first, NEVER)
    leaves = np.concatenate([people.leaves, np.full(companies, NEVER)])
    # Who leaves before the household moves does not move with it; who leaves after it moves twice.
    gone = units * 3 + np.minimum(np.arange(total), own - 1)
    one, two = first[unit], second[unit]
    early = leaves < one
    late = (leaves < NEVER) & ~early
    address = (
        unit,
        np.where(early, gone, units + unit),
        np.where(late, gone, 2 * units + unit),
    )
    since = (
        np.full(total, -NEVER),
        np.where(early, leaves, one),
        np.where(early, NEVER, np.where(late, leaves, two)),
    )
    return Places(town_of, street_of, house_of, letter_of, door, address, since)


def _next_town(rng: np.random.Generator, lists: Lists, town: Ints, weight: np.ndarray) -> Ints:
    """Half of the moves stay in the postal code, a quarter in the region, nobody changes the country."""
    n = len(town)
    away = weighted(rng, weight, n)
    by_code = np.argsort(np.array([f"{c}{p}" for c, p in zip(
        lists.town_country.tolist(), lists.postal_code.to_pylist(), strict=True)]))  # fmt: skip
    rank = np.empty(len(by_code), dtype=np.int64)
    rank[by_code] = np.arange(len(by_code))
    near = by_code[np.clip(rank[town] + rng.integers(-12, 13, n), 0, len(by_code) - 1)]
    draw = rng.random(n)
    result = np.where(draw < 0.5, town, np.where(draw < 0.75, near, away))
    return np.where(lists.town_country[result] == lists.town_country[town], result, town)
