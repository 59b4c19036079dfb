"""Needs: customers who buy alike, by k-means on the mix of categories and channels of the last year.

A clustering is published only when it is found again on other samples of the same customers (adjusted Rand
index, Hubert & Arabie 1985, of bootstrap fits); otherwise its segments would be an accident. Centres are
frozen with the release, so customers move when their purchases change and not because others' did.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from ml.data import FloatArray, IntArray, fetch, numbers, relation_exists, texts

CHANNELS = ("shop_share_pct", "branch_share_pct", "webshop_share_pct")
MIN_CUSTOMERS = 200
STABLE = 0.7
_CATEGORIES = 20
_PERIOD_DAYS = 365
_BOOTSTRAPS = 8
_ENOUGH = 5_000
_SEED = 20250101


@dataclass(frozen=True)
class Mix:
    """Shares of categories (of net amount) and of channels (of purchase days), one row per customer, 0–1."""

    customer_id: pa.Array
    names: tuple[str, ...]
    shares: FloatArray


@dataclass(frozen=True)
class Needs:
    """Frozen centres with a name each; `stability` is the mean adjusted Rand index."""

    names: tuple[str, ...]
    columns: tuple[str, ...]
    centres: FloatArray
    stability: float

    def assign(self, mix: Mix) -> IntArray:
        """The nearest centre of each customer; columns that were not frozen are left out."""
        place = {name: i for i, name in enumerate(mix.names)}
        shares = np.column_stack(
            [mix.shares[:, place[c]] if c in place else np.zeros(len(mix.shares)) for c in self.columns]
        )
        distance = ((shares[:, None, :] - self.centres[None, :, :]) ** 2).sum(axis=2)
        return np.asarray(np.argmin(distance, axis=1), dtype=np.int64)

    def as_json(self) -> dict[str, Any]:
        return {
            "names": list(self.names), "columns": list(self.columns), "centres": self.centres.tolist(),
            "stability": self.stability,
        }  # fmt: skip

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Needs:
        centres = np.asarray(content["centres"], dtype=np.float64)
        return cls(tuple(content["names"]), tuple(content["columns"]), centres, float(content["stability"]))


def load_mix(connection: duckdb.DuckDBPyConnection, features: pa.Table, as_of: date) -> Mix:
    """Mix of the customers with a purchase in the last year, sorted by customer_id."""
    none = Mix(pa.array([], pa.string()), (), np.empty((0, 0)))
    if not relation_exists(connection, "features", "customer_product") or not features.num_rows:
        return none
    parameters = {"begin": as_of - timedelta(days=_PERIOD_DAYS), "end": as_of}
    where = "purchase_date >= $begin and purchase_date < $end and category is not null and net_amount > 0"
    rows = connection.execute(
        f"select category from features.customer_product where {where} group by category "
        f"order by count(distinct customer_id) desc, category limit {_CATEGORIES}",
        parameters,
    ).fetchall()
    categories = [row[0] for row in rows]
    if not categories:
        return none
    bought = fetch(
        connection,
        f"select customer_id, category, sum(net_amount)::double as amount from features.customer_product "
        f"where {where} group by customer_id, category order by customer_id, category",
        parameters,
    )
    buyers, row = np.unique(texts(bought, "customer_id").astype(str), return_inverse=True)
    column = np.array([categories.index(c) if c in categories else -1 for c in texts(bought, "category")])
    amounts = np.zeros((len(buyers), len(categories) + 1))
    np.add.at(amounts, (row, column), numbers(bought, "amount"))
    shares = amounts[:, :-1] / amounts.sum(axis=1, keepdims=True)
    known = texts(features, "customer_id").astype(str)
    order = np.searchsorted(known, buyers)
    inside = (order < len(known)) & (known[np.minimum(order, len(known) - 1)] == buyers)
    channels = np.column_stack([numbers(features, name)[order[inside]] / 100.0 for name in CHANNELS])
    joined = np.hstack([shares[inside], np.nan_to_num(channels)])
    return Mix(pa.array(buyers[inside], pa.string()), (*categories, *CHANNELS), joined)


def find(mix: Mix, sizes: tuple[int, ...]) -> Needs | None:
    """The number of clusters that is found again most surely (to 0.01; the larger of equals), or None."""
    if len(mix.shares) < MIN_CUSTOMERS:
        return None
    kept = np.linspace(0, len(mix.shares) - 1, min(len(mix.shares), _ENOUGH)).astype(np.int64)
    shares, best, surest = mix.shares[kept], None, STABLE
    for k in sorted(sizes):
        if len(np.unique(shares, axis=0)) < k:
            break
        model = _fit(shares, k)
        found = round(stability(shares, model), 6)
        if round(found, 2) >= surest:
            surest = round(found, 2)
            order = np.argsort(-np.bincount(model.labels_, minlength=k), kind="stable")
            centres = np.round(model.cluster_centers_[order], 6)
            best = Needs(_named(centres, shares.mean(axis=0), mix.names), mix.names, centres, found)
    return best


def stability(shares: FloatArray, model: KMeans) -> float:
    """Mean adjusted Rand index between the clustering and those of bootstrap samples, on all customers."""
    rng = np.random.default_rng(_SEED)
    agreements = []
    for _ in range(_BOOTSTRAPS):
        sample = shares[rng.integers(0, len(shares), len(shares))]
        agreements.append(adjusted_rand_score(model.labels_, _fit(sample, model.n_clusters).predict(shares)))
    return float(np.mean(agreements))


def _fit(shares: FloatArray, k: int) -> KMeans:
    return KMeans(k, n_init=2, random_state=_SEED).fit(shares)


def _named(centres: FloatArray, usual: FloatArray, names: tuple[str, ...]) -> tuple[str, ...]:
    """Each centre by the category and the channel that set it apart most; doubles are numbered."""
    found: list[str] = []
    channels = len(CHANNELS)
    for centre in centres:
        apart = centre - usual
        category = names[int(np.argmax(apart[:-channels]))]
        channel = CHANNELS[int(np.argmax(apart[-channels:]))].removesuffix("_share_pct")
        name = f"{category}, {channel}"
        double = sum(other == name or other.startswith(f"{name} ") for other in found)
        found.append(name if not double else f"{name} {double + 1}")
    return tuple(found)
