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

from ml.data import BoolArray, LeakageError, fetch, load_features, relation_exists

POPULATION_DAYS = 365
ENOUGH_ROWS = 200_000
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
    one_in: int = 1

    @property
    def population(self) -> str:
        """Who the rows are, for reports."""
        return POPULATION if self.one_in == 1 else f"{POPULATION} (one in {self.one_in} of them)"

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


def load_population(
    connection: duckdb.DuckDBPyConnection, snapshots: Sequence[date], one_in: int = 1
) -> pa.Table:
    """The features of the population of these snapshots, or of one in so many of its customers."""
    return load_features(connection, snapshots, POPULATION_DAYS, one_in)


def thinning(connection: duckdb.DuckDBPyConnection, snapshots: Sequence[date]) -> int:
    """One in how many customers is enough to learn from: 200,000 rows over these snapshots, or a few more."""
    if not snapshots or not relation_exists(connection, "features", "customer_features"):
        return 1
    marks = ", ".join("?" for _ in snapshots)
    row = connection.execute(
        f"select count(*) from features.customer_features where snapshot_date in ({marks}) "
        f"and recency_days <= {POPULATION_DAYS}",
        list(snapshots),
    ).fetchone()
    return max(1, (row[0] if row else 0) // ENOUGH_ROWS)


def load_sample(
    connection: duckdb.DuckDBPyConnection,
    snapshots: Sequence[date],
    as_of: date,
    horizon_days: int,
    one_in: int = 1,
) -> Sample:
    """Population and labels of complete snapshots. Raises LeakageError for one whose window is still open."""
    horizon = timedelta(days=horizon_days)
    for day in snapshots:
        if day + horizon > as_of:
            raise LeakageError(f"the label of the snapshot {day} is not known before {day + horizon}")
    features = load_population(connection, snapshots, one_in)
    if not features.num_rows or not relation_exists(connection, "features", "customer_purchase_day"):
        return Sample(features.slice(0, 0), np.empty(0, dtype=bool), one_in)
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
    churned = np.asarray(table["churned"].to_numpy(zero_copy_only=False), dtype=bool)
    return Sample(features, churned, one_in)
