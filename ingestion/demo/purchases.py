"""Who is a customer of which system, and when they buy: rates, seasons, drop-out, channels, returns.

The process is that of the BG/NBD model (Fader, Hardie and Lee 2005): purchases come at a person's own rate
(gamma over people), and after each one the person may leave for good (beta over people). On top of it lie
a season, a weekly rhythm and complaints, after which people leave more often.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingestion.demo import baskets
from ingestion.demo.catalogue import Places
from ingestion.demo.people import Population
from ingestion.demo.world import NEVER, Flags, Floats, Ints, World

SHOP, BRANCH, WEB = 0, 1, 2

_MONTH = np.array([0.72, 0.75, 1.05, 1.3, 1.25, 1.05, 0.92, 0.88, 0.92, 0.95, 1.08, 1.35])
_WEEKDAY = np.array([0.9, 0.85, 0.9, 1.0, 1.25, 1.7, 0.55])


@dataclass(frozen=True)
class Members:
    """Which systems know a person or company, and how it behaves; one row per row of the population."""

    card: Flags
    branch: Flags
    web: Flags
    lead: Flags
    since_day: Ints
    """First day of the relation, negative before the world's start."""
    rate_per_year: Floats
    leaves_after: Ints
    """Number of purchases (from day 0 on) after which the customer leaves."""
    guest_only: Flags
    """Buys in the webshop without an account."""


@dataclass(frozen=True)
class Orders:
    """Purchases and returns in the order of time; lines in `lines`, one after the other."""

    person: Ints
    """Row of the population, -1 for an unknown buyer."""
    day: Ints
    second: Ints
    """Second of the day, local time."""
    channel: np.ndarray
    place: Ints
    """Store or branch; -1 in the webshop."""
    returns: Ints
    """Index of the purchase whose goods come back, -1 for a purchase."""
    complaint: Flags
    drives_away: Flags
    """The complaint after which the customer never comes back."""
    lines: baskets.Lines

    @property
    def size(self) -> int:
        return len(self.person)


def make_members(world: World, population: Population) -> Members:
    """Draws memberships (dependent: who is engaged is known in more systems) and behaviour."""
    rng = world.rng("members")
    n = population.size
    company = population.is_company
    engaged = rng.normal(0, 1, n)
    age = 2026 - (population.birth_date.astype("datetime64[Y]").astype(int) + 1970)

    def joins(mean: Floats | float) -> Flags:
        return 0.6 * engaged + rng.normal(0, 0.8, n) < mean

    card = joins(np.where(company, -1.6, 0.30))
    branch = joins(np.where(company, 0.9, -0.65))
    web = joins(np.where(company, -0.4, 0.2 - (age - 45) / 50))
    lead = joins(np.where(company, -5.0, -1.15)) | ((population.employer >= 0) & (rng.random(n) < 0.5))
    lead |= ~(card | branch | web) & ~company
    branch |= ~(card | web | lead)

    old = rng.random(n) < 0.5
    since = np.where(old, -rng.integers(1, 1500, n), rng.integers(0, world.days - 5, n))
    shape = 1.1
    rate = rng.gamma(shape, np.where(company, 8.5, 4.7) * (1 + 0.25 * (card | branch)) / shape, n)
    leave = np.clip(rng.beta(1.1, 9.0, n), 1e-4, 1)
    leaves_after = rng.geometric(leave)
    # Old customers have bought before the world begins; some of them have left by then.
    gone = old & (rng.random(n) < 0.18)
    leaves_after = np.where(gone, 0, leaves_after)
    known = card | branch | web
    return Members(
        card, branch, web, lead, since, np.where(known, rate, 0.0), leaves_after, web & (rng.random(n) < 0.16)
    )


def simulate(world: World, population: Population, members: Members, places: Places) -> Orders:
    """Purchases and returns of the world's years."""
    rng = world.rng("purchases")
    clock = _clock(world)
    known = members.rate_per_year > 0
    new = known & (members.since_day >= 0)
    begin = np.maximum(members.since_day, 0)
    span = np.where(known, 1 - clock[begin] / clock[-1], 0.0)
    count = rng.poisson(members.rate_per_year * world.days / 365 * span)
    count += new
    person = np.repeat(np.arange(population.size), count)
    first = np.r_[0, np.cumsum(count)[:-1]]
    rank = np.arange(len(person)) - first[person]
    low = clock[begin] / clock[-1]
    moment = low[person] + rng.random(len(person)) * (1 - low[person])
    day = np.searchsorted(clock, moment * clock[-1], "right") - 1
    day = np.where(new[person] & (rank == 0), begin[person], np.clip(day, 0, world.days - 1))
    order = np.lexsort((day, person))
    day = day[order]

    complaint = rng.random(len(person)) < 0.015
    ends = complaint & (rng.random(len(person)) < 0.4)
    fatal = np.full(population.size, NEVER)
    np.minimum.at(fatal, person[ends], rank[ends] + 1)
    kept = rank < np.minimum(members.leaves_after, fatal)[person]
    person, day, complaint, ends = person[kept], day[kept], complaint[kept], ends[kept]

    channel = _channels(rng, population, members, person)
    guests = round(int((channel == SHOP).sum()) * 0.35 / 0.65)
    guest_moment = np.searchsorted(clock, rng.random(guests) * clock[-1], "right") - 1
    person = np.concatenate([person, np.full(guests, -1)])
    day = np.concatenate([day, np.clip(guest_moment, 0, world.days - 1)])
    channel = np.concatenate([channel, np.full(guests, SHOP, dtype=np.int8)])
    complaint = np.concatenate([complaint, np.zeros(guests, dtype=bool)])
    ends = np.concatenate([ends, np.zeros(guests, dtype=bool)])

    day = _open_days(world, day, channel)
    second = _seconds(rng, channel)
    place = _places(rng, population, places, person, day, channel)
    lines = baskets.fill(world, population, person, day, channel)
    purchases = Orders(person, day, second, channel, place, np.full(len(person), -1), complaint, ends, lines)
    return _with_returns(world, purchases)


def _clock(world: World) -> Floats:
    """Cumulative intensity of purchases over the days, `days + 1` values."""
    dates = world.dates
    month = dates.astype("datetime64[M]").astype(int) % 12
    weekday = (dates.astype("datetime64[D]").astype(int) + 3) % 7
    growth = 1 + 0.10 * np.arange(world.days) / world.days
    return np.r_[0, np.cumsum(_MONTH[month] * _WEEKDAY[weekday] * growth)]


def _channels(rng: np.random.Generator, population: Population, members: Members, person: Ints) -> np.ndarray:
    n = population.size
    liking = rng.gamma(1.2, 1.0, (n, 3)) * np.array([1.3, 1.0, 0.9])
    liking *= np.column_stack([members.card, members.branch, members.web])
    edges = np.cumsum(liking, axis=1)
    draw = rng.random(len(person)) * edges[person, 2]
    return (draw[:, None] >= edges[person][:, :2]).sum(axis=1).astype(np.int8)


def _open_days(world: World, day: Ints, channel: np.ndarray) -> Ints:
    """Stores and branches are closed on Sundays: people come on the day before or after."""
    weekday = ((np.datetime64(world.start).astype(int) + day) + 3) % 7
    sunday = (weekday == 6) & (channel != WEB)
    return np.where(
        sunday, np.where((day > 0) & (day % 2 == 0) | (day == world.days - 1), day - 1, day + 1), day
    )


def _seconds(rng: np.random.Generator, channel: np.ndarray) -> Ints:
    n = len(channel)
    peak = np.where(rng.random(n) < 0.45, 11.0, 16.8)
    store = np.clip(rng.normal(peak, 1.7, n), 8.51, 19.4)
    web = np.clip(rng.normal(19.0, 3.6, n), 0.2, 23.8)
    return (np.where(channel == WEB, web, store) * 3600).astype(np.int64)


def _places(
    rng: np.random.Generator,
    population: Population,
    places: Places,
    person: Ints,
    day: Ints,
    channel: np.ndarray,
) -> Ints:
    homes = population.homes
    row = np.maximum(person, 0)
    town = np.where(day >= homes.move_day[row], homes.town[1][row], homes.town[0][row])
    stores = len(places.store_town)
    usual = np.where(channel == SHOP, places.nearest_store[town], places.nearest_branch[town])
    other = rng.random(len(person)) < np.where(person < 0, 1.0, 0.05)
    limit = np.where(channel == SHOP, stores, len(places.branch_town))
    anywhere = (rng.random(len(person)) * limit).astype(np.int64)
    return np.where(channel == WEB, -1, np.where(other, anywhere, usual))


def _with_returns(world: World, orders: Orders) -> Orders:
    """Adds the returns and sorts everything by time."""
    rng = world.rng("returns")
    share = np.array([0.025, 0.02, 0.09])[orders.channel]
    source = np.flatnonzero(rng.random(orders.size) < share)
    day = orders.day[source] + rng.integers(2, 26, len(source))
    day = _open_days(world, np.minimum(day, world.days + 5), orders.channel[source])
    source, day = source[day < world.days], day[day < world.days]
    lines = orders.lines.returned(rng, source)
    merged = baskets.concatenate(orders.lines, lines)
    person = np.concatenate([orders.person, orders.person[source]])
    all_days = np.concatenate([orders.day, day])
    second = np.concatenate([orders.second, _seconds(rng, orders.channel[source])])
    channel = np.concatenate([orders.channel, orders.channel[source]])
    place = np.concatenate([orders.place, orders.place[source]])
    returns = np.concatenate([orders.returns, source])
    calm = np.zeros(len(source), dtype=bool)
    complaint = np.concatenate([orders.complaint, calm])
    drives_away = np.concatenate([orders.drives_away, calm])
    order = np.lexsort((np.arange(len(person)), second, all_days))
    new_place_of = np.empty(len(order), dtype=np.int64)
    new_place_of[order] = np.arange(len(order))
    returns = returns[order]
    returns = np.where(returns >= 0, new_place_of[np.maximum(returns, 0)], -1)
    return Orders(
        person[order], all_days[order], second[order], channel[order], place[order], returns,
        complaint[order], drives_away[order], merged.reordered(order),
    )  # fmt: skip
