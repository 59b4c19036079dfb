"""The demo retailer itself: its products with price and cost, its stores and branches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.demo import reference
from ingestion.demo.text import Text
from ingestion.demo.world import Floats, Ints, World

SEASONS = {
    "spring": (0.5, 0.9, 1.9, 2.2, 1.7, 1.1, 0.8, 0.8, 0.9, 0.7, 0.4, 0.4),
    "summer": (0.3, 0.4, 0.9, 1.5, 2.0, 2.1, 1.8, 1.3, 0.8, 0.4, 0.3, 0.5),
    "winter": (0.8, 0.8, 0.8, 0.8, 0.8, 0.7, 0.7, 0.8, 0.9, 1.2, 1.8, 2.3),
    "flat": (1.0,) * 12,
}
_CATEGORY_SHARE = {
    "Gartengeräte": 8, "Saatgut und Pflanzen": 12, "Erde und Dünger": 10, "Bewässerung": 5,
    "Grill und Feuer": 7, "Gartenmöbel": 2, "Heimtier": 21, "Tierzubehör": 6, "Werkzeug": 7,
    "Farben und Lacke": 5, "Haushalt und Deko": 9, "Feinkost und Bücher": 8,
}  # fmt: skip


@dataclass(frozen=True)
class Catalogue:
    """Products in columns, sorted by category. Money in cents; `gross` includes VAT."""

    product_no: Text
    name: Text
    category_name: Text
    category_no: Text
    gtin: Text
    category: Ints
    gross: Ints
    cost: Ints
    vat: Ints
    deposit: Ints
    season: Floats
    """Weight of each category (row) in each month (column)."""
    cumulative: Floats
    """Category plus share of popularity up to this product: search it for `category + uniform`."""
    categories: tuple[str, ...]

    def choose(self, category: Ints, uniform: Floats) -> Ints:
        """A product of the category, by popularity."""
        return np.minimum(np.searchsorted(self.cumulative, category + uniform, "right"), len(self.gross) - 1)


@cache
def catalogue() -> Catalogue:
    """The products of the reference list."""
    names = tuple(_CATEGORY_SHARE)
    category_name = reference.texts("products", "category")
    category = np.array([names.index(c) for c in category_name.to_pylist()])
    order = np.argsort(category, kind="stable")
    rows = pa.array(order)
    category = category[order]
    popularity = reference.numbers("products", "popularity")[order]
    total = np.bincount(category, popularity)
    within = np.concatenate([np.cumsum(popularity[category == c]) / total[c] for c in range(len(names))])
    # The last product of each category ends exactly at the next whole number.
    last = np.r_[category[1:] != category[:-1], True]
    cumulative = category + np.where(last, 1.0, within)
    season_of = dict(
        zip(category_name.to_pylist(), reference.texts("products", "season").to_pylist(), strict=True)
    )
    season = np.array([_CATEGORY_SHARE[c] * np.array(SEASONS[season_of[c]]) for c in names])

    def cents(column: str) -> Ints:
        return np.round(reference.numbers("products", column)[order] * 100).astype(np.int64)

    def text(column: str) -> Text:
        return reference.texts("products", column).take(rows)

    return Catalogue(
        product_no=text("product_no"),
        name=text("name"),
        category_name=text("category"),
        category_no=text("category_no"),
        gtin=text("gtin"),
        category=category,
        gross=cents("gross_price"),
        cost=cents("unit_cost"),
        vat=reference.numbers("products", "vat_pct")[order].astype(np.int64),
        deposit=cents("deposit"),
        season=season,
        cumulative=cumulative,
        categories=names,
    )


@dataclass(frozen=True)
class Places:
    """Stores (with tills) and branches: their town, and for each town of the list the nearest one."""

    store_town: Ints
    branch_town: Ints
    nearest_store: Ints
    nearest_branch: Ints
    tills_per_store: int

    @staticmethod
    def _nearest(towns: Ints) -> Ints:
        codes = pc.cast(reference.texts("towns", "postal_code"), pa.int64()).to_numpy()
        country = np.array(
            [{"DE": 0, "AT": 1, "CH": 2}[c] for c in reference.texts("towns", "country").to_pylist()]
        )
        # Austria borders on the codes 8…, Switzerland on 7…: their people shop there.
        place = np.where(country == 1, 83_000, np.where(country == 2, 78_500, codes))
        return np.abs(place[:, None] - place[towns][None, :]).argmin(axis=1)


def make_places(world: World) -> Places:
    """Stores and branches: a handful for a small retailer, up to 60 stores and 25 branches."""
    rng = world.rng("places")
    weight = reference.numbers("towns", "thousand_people") * np.array(
        [c == "DE" for c in reference.texts("towns", "country").to_pylist()]
    )
    stores = int(np.clip(world.customers // 1200, 2, 60))
    branches = int(np.clip(world.customers // 2500, 2, 25))
    store_town = rng.choice(len(weight), stores, replace=False, p=weight / weight.sum())
    branch_town = rng.choice(len(weight), branches, replace=False, p=weight / weight.sum())
    return Places(
        store_town=store_town,
        branch_town=branch_town,
        nearest_store=Places._nearest(store_town),
        nearest_branch=Places._nearest(branch_town),
        tills_per_store=1 if world.customers < 100_000 else 2,
    )
