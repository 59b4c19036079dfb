"""The population, the label and the split by time.

Population of a snapshot: customers with a purchase in the last 365 days before it. Label: no purchase
occasion within the horizon from the snapshot on. A snapshot is complete when its label window ends by
`as_of`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa

from ml.data import BoolArray, LeakageError, fetch, load_features, numbers, relation_exists

POPULATION_DAYS = 365
POPULATION = f"customers with a purchase in the last {POPULATION_DAYS} days before the snapshot"


@dataclass(frozen=True)
class Split:
    """Snapshots to learn from and the one to test on; every training label is known when the test begins."""

    train: tuple[date, ...]
    test: date | None
    complete: tuple[date, ...]


@dataclass(frozen=True)
class Sample:
    """Rows of the population with their labels, sorted by snapshot and customer."""

    features: pa.Table
    churned: BoolArray

    @property
    def size(self) -> int:
        return self.features.num_rows


def split_by_time(snapshots: Sequence[date], as_of: date, horizon_days: int) -> Split:
    """The latest complete snapshot tests; those whose label window ends by its date train."""
    horizon = timedelta(days=horizon_days)
    complete = tuple(sorted(day for day in snapshots if day + horizon <= as_of))
    if not complete:
        return Split((), None, ())
    test = complete[-1]
    return Split(tuple(day for day in complete if day + horizon <= test), test, complete)


def load_population(connection: duckdb.DuckDBPyConnection, snapshots: Sequence[date]) -> pa.Table:
    """The features of the population of these snapshots."""
    features = load_features(connection, snapshots)
    return features.filter(pa.array(numbers(features, "recency_days") <= POPULATION_DAYS))


def load_sample(
    connection: duckdb.DuckDBPyConnection, snapshots: Sequence[date], as_of: date, horizon_days: int
) -> Sample:
    """Population and labels of complete snapshots. Raises LeakageError for one whose window is still open."""
    horizon = timedelta(days=horizon_days)
    for day in snapshots:
        if day + horizon > as_of:
            raise LeakageError(f"the label of the snapshot {day} is not known before {day + horizon}")
    features = load_population(connection, snapshots)
    if not features.num_rows or not relation_exists(connection, "features", "customer_purchase_day"):
        return Sample(features.slice(0, 0), np.empty(0, dtype=bool))
    connection.register("_population", features.select(["customer_id", "snapshot_date"]))
    try:
        table = fetch(
            connection,
            """
            select p.snapshot_date, p.customer_id, count(d.customer_id) = 0 as churned
            from _population p
            left join features.customer_purchase_day d
                on p.customer_id = d.customer_id
                and d.purchase_date >= p.snapshot_date
                and d.purchase_date < p.snapshot_date + $horizon::integer
                and d.purchase_date < $as_of
                and d.order_count > 0
            group by p.snapshot_date, p.customer_id
            order by p.snapshot_date, p.customer_id
            """,
            {"horizon": horizon_days, "as_of": as_of},
        )
    finally:
        connection.unregister("_population")
    return Sample(features, np.asarray(table["churned"].to_numpy(zero_copy_only=False), dtype=bool))
