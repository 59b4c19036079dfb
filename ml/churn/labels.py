"""The population, the label and the split by time.

Population of a snapshot: customers with a purchase in the last `active_days` before it. Nobody cancels a
shop, so a label needs a window: a customer left who stays away for the company's horizon, or for the smallest
multiple of it that is at least `rhythm_gaps` of the usual gaps between their own purchases (one-time buyers:
of everybody's). A label is closed on the day its window ends, and known from then on only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa

from ml.data import BoolArray, FloatArray, IntArray, fetch, load_features, numbers, relation_exists

ENOUGH_ROWS = 200_000
LONGEST_WINDOW_DAYS = 365
_MAX_ORIGINS = 3


@dataclass(frozen=True)
class ChurnRules:
    """What counts as having left; `rhythm_gaps` None gives everybody the same window."""

    horizon_days: int
    rhythm_gaps: float | None = None
    active_days: int = 365

    @property
    def population(self) -> str:
        """Who is looked at, for reports."""
        return f"customers with a purchase in the last {self.active_days} days before the snapshot"

    def windows(self, median_gap_days: FloatArray) -> IntArray:
        """Days a customer must stay away to have left, a multiple of the horizon."""
        if self.rhythm_gaps is None:
            return np.full(len(median_gap_days), self.horizon_days, dtype=np.int64)
        known = median_gap_days[np.isfinite(median_gap_days)]
        usual = float(np.median(known)) if len(known) else 0.0
        gaps = np.where(np.isfinite(median_gap_days), median_gap_days, usual)
        multiples = np.ceil(self.rhythm_gaps * gaps / self.horizon_days)
        most = max(1, LONGEST_WINDOW_DAYS // self.horizon_days)
        return np.asarray(np.clip(multiples, 1, most) * self.horizon_days, dtype=np.int64)


@dataclass(frozen=True)
class Rows:
    """Customers of the population at snapshots, sorted by snapshot and customer.

    `snapshot` and `closed_on` are proleptic day numbers; `churned` is meaningful where the label is closed.
    """

    features: pa.Table
    snapshot: IntArray
    window_days: IntArray
    churned: BoolArray
    one_in: int = 1

    @property
    def size(self) -> int:
        return len(self.snapshot)

    @property
    def closed_on(self) -> IntArray:
        return np.asarray(self.snapshot + self.window_days)

    def known_by(self, day: date) -> BoolArray:
        """Rows whose label is known when that day begins: what may be learnt from on it."""
        return np.asarray(self.closed_on <= day.toordinal())

    def of(self, day: date, as_of: date) -> BoolArray:
        """Rows of the snapshot whose label is known by `as_of`."""
        return np.asarray((self.snapshot == day.toordinal()) & self.known_by(as_of))


def origins(snapshots: Sequence[date], as_of: date, horizon_days: int) -> list[date]:
    """Up to three snapshots to test on, latest first, four weeks apart, whose horizon is over."""
    found: list[date] = []
    for day in sorted(snapshots, reverse=True):
        complete = day + timedelta(days=horizon_days) <= as_of
        if complete and (not found or (found[-1] - day).days >= 28):
            found.append(day)
    return found[:_MAX_ORIGINS]


def thinning(connection: duckdb.DuckDBPyConnection, snapshots: Sequence[date], active_days: int) -> int:
    """One in how many customers is enough to learn from: 200,000 rows over these snapshots, or a few more."""
    if not snapshots or not relation_exists(connection, "features", "customer_features"):
        return 1
    marks = ", ".join("?" for _ in snapshots)
    row = connection.execute(
        f"select count(*) from features.customer_features where snapshot_date in ({marks}) "
        "and recency_days <= ?",
        [*snapshots, active_days],
    ).fetchone()
    return max(1, (row[0] if row else 0) // ENOUGH_ROWS)


def load_rows(
    connection: duckdb.DuckDBPyConnection,
    snapshots: Sequence[date],
    as_of: date,
    rules: ChurnRules,
    one_in: int = 1,
) -> Rows:
    """The population of these snapshots with what is known of their labels by `as_of`."""
    features = load_features(connection, snapshots, rules.active_days, one_in)
    days = np.array([d.toordinal() for d in features["snapshot_date"].to_pylist()], dtype=np.int64)
    gaps = numbers(features, "median_gap_days")
    windows = np.empty(len(days), dtype=np.int64)
    for day in np.unique(days):
        # What is usual is told per snapshot: a later one must not say it of an earlier one.
        windows[days == day] = rules.windows(gaps[days == day])
    features = features.append_column("window_days", pa.array(windows.astype(np.float64)))
    churned = np.zeros(len(days), dtype=bool)
    if len(days) and relation_exists(connection, "features", "customer_purchase_day"):
        churned = _stayed_away(connection, features, as_of)
    return Rows(features, days, windows, churned, one_in)


def _stayed_away(connection: duckdb.DuckDBPyConnection, features: pa.Table, as_of: date) -> BoolArray:
    connection.register("_population", features.select(["customer_id", "snapshot_date", "window_days"]))
    try:
        table = fetch(
            connection,
            """
            select p.snapshot_date, p.customer_id, count(d.customer_id) = 0 as churned
            from _population p
            left join features.customer_purchase_day d
                on p.customer_id = d.customer_id
                and d.purchase_date >= p.snapshot_date
                and d.purchase_date < p.snapshot_date + p.window_days::integer
                and d.purchase_date < $as_of
                and d.order_count > 0
            group by p.snapshot_date, p.customer_id
            order by p.snapshot_date, p.customer_id
            """,
            {"as_of": as_of},
        )
    finally:
        connection.unregister("_population")
    return np.asarray(table["churned"].to_numpy(zero_copy_only=False), dtype=bool)
