"""What lies in the basket: products by taste and season, quantities, discounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ingestion.demo.catalogue import catalogue
from ingestion.demo.world import Floats, Ints, World, pick

if TYPE_CHECKING:
    from ingestion.demo.people import Population

_CHUNK = 1_000_000


@dataclass(frozen=True)
class Lines:
    """Lines of all orders, one order after the other; order i has the lines `start[i]:start[i + 1]`."""

    start: Ints
    product: np.ndarray
    quantity: np.ndarray
    """Negative for goods that come back."""
    discount_pct: np.ndarray

    @property
    def count(self) -> Ints:
        """Number of lines of each order."""
        return np.diff(self.start)

    def of(self, orders: Ints) -> tuple[Ints, Ints]:
        """Indices of the lines of some orders, and for each its position in `orders`."""
        count = self.count[orders]
        owner = np.repeat(np.arange(len(orders)), count)
        offset = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        return self.start[orders][owner] + offset, owner

    def reordered(self, orders: Ints) -> Lines:
        """The lines with the orders in another sequence."""
        index, _ = self.of(orders)
        start = np.r_[0, np.cumsum(self.count[orders])]
        return Lines(start, self.product[index], self.quantity[index], self.discount_pct[index])

    def returned(self, rng: np.random.Generator, orders: Ints) -> Lines:
        """Some lines of each of the orders with negative quantities, at least the first of each."""
        index, owner = self.of(orders)
        first = np.r_[True, owner[1:] != owner[:-1]] if len(owner) else np.zeros(0, dtype=bool)
        chosen = first | (rng.random(len(index)) < 0.3)
        index, owner = index[chosen], owner[chosen]
        start = np.r_[0, np.cumsum(np.bincount(owner, minlength=len(orders)))]
        return Lines(start, self.product[index], -self.quantity[index], self.discount_pct[index])

    def amounts(self, index: Ints) -> Amounts:
        """Money of some lines in cents."""
        goods = catalogue()
        product = self.product[index]
        quantity = self.quantity[index].astype(np.int64)
        full = quantity * goods.gross[product]
        discount = np.round(full * self.discount_pct[index] / 100).astype(np.int64)
        vat = goods.vat[product]
        return Amounts(full, discount, vat, goods.cost[product])


@dataclass(frozen=True)
class Amounts:
    """Cents: `full` before and `discount` of the discount, both gross and negative for returns."""

    full: Ints
    discount: Ints
    vat: Ints
    unit_cost: Ints

    @staticmethod
    def net_of(gross: Ints, vat: Ints) -> Ints:
        """Net amount of a gross one, rounded half away from zero."""
        return (np.sign(gross) * ((np.abs(gross) * 200 + 100 + vat) // (2 * (100 + vat)))).astype(np.int64)

    @property
    def net(self) -> Ints:
        return self.net_of(self.full - self.discount, self.vat)

    @property
    def tax(self) -> Ints:
        return self.full - self.discount - self.net

    @property
    def net_discount(self) -> Ints:
        return self.net_of(self.discount, self.vat)


def concatenate(first: Lines, second: Lines) -> Lines:
    """Orders of `first`, then those of `second`."""
    return Lines(
        np.concatenate([first.start, second.start[1:] + first.start[-1]]),
        np.concatenate([first.product, second.product]),
        np.concatenate([first.quantity, second.quantity]),
        np.concatenate([first.discount_pct, second.discount_pct]),
    )


def fill(world: World, population: Population, person: Ints, day: Ints, channel: np.ndarray) -> Lines:
    """Fills the baskets of the orders of `person` (−1: unknown) on `day`."""
    rng = world.rng("baskets")
    goods = catalogue()
    company = person >= population.persons
    appetite = rng.gamma(3.0, 1 / 3.0, population.size + 1)
    count = 1 + rng.poisson(np.where(company, 3.2, 1.9) * appetite[person] * np.where(channel == 2, 0.9, 1.0))
    start = np.r_[0, np.cumsum(count)]
    total = int(start[-1])
    product = np.empty(total, dtype=np.int16)
    quantity = np.empty(total, dtype=np.int16)
    discount = np.empty(total, dtype=np.uint8)
    taste = np.column_stack([pick(rng, goods.season.sum(axis=1), population.size) for _ in range(3)])
    month = (world.dates.astype("datetime64[M]").astype(int) % 12)[day]
    edges = np.cumsum(goods.season, axis=0)
    edges /= edges[-1]
    owner = np.repeat(np.arange(len(person), dtype=np.int64), count)
    for low in range(0, total, _CHUNK):
        of = owner[low : low + _CHUNK]
        size = len(of)
        who = person[of]
        favourite = taste[np.maximum(who, 0), pick(rng, np.array([5, 3, 2]), size)]
        draw = rng.random(size)
        seasonal = np.zeros(size, dtype=np.int64)
        for row in range(len(edges) - 1):
            seasonal += draw > edges[row, month[of]]
        # A favourite category out of season is bought less.
        lean = goods.season[favourite, month[of]] / goods.season.mean(axis=1)[favourite]
        loyal = (who >= 0) & (rng.random(size) < 0.65 * np.minimum(lean, 1.3) / 1.15)
        category = np.where(loyal, favourite, seasonal)
        usual = (who >= 0) & (rng.random(size) < 0.45)
        uniform = np.where(usual, _steady(who, category, world.seed), rng.random(size))
        chosen = goods.choose(category, uniform)
        product[low : low + size] = chosen
        extra = rng.poisson(np.where(company[of], 2.4, 0.28))
        extra = np.where(goods.gross[chosen] > 8000, extra // 4, extra)
        quantity[low : low + size] = 1 + extra
        cut = pick(rng, np.array([86, 2, 6, 3, 3]), size)
        discount[low : low + size] = np.array([0, 5, 10, 15, 20])[cut]
    return Lines(start, product, quantity, discount)


def _steady(person: Ints, category: Ints, seed: int) -> Floats:
    """A number in [0, 1) that stays the same for a person and a category: the usual product."""
    mixed = (
        person.astype(np.uint64) * np.uint64(2654435761) + category.astype(np.uint64) * np.uint64(40503)
    ) ^ np.uint64(seed)
    mixed ^= mixed >> np.uint64(15)
    mixed *= np.uint64(0x2C1B3C6D)
    mixed ^= mixed >> np.uint64(12)
    return (mixed & np.uint64(0xFFFFFF)).astype(np.float64) / float(1 << 24)
