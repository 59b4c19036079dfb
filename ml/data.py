"""Reading the schema `features` into Arrow and numpy: sorted, typed, empty where a table is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
IntArray = np.ndarray[Any, np.dtype[np.int64]]
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]

FEATURES = (
    "recency_days", "tenure_days", "purchase_days", "purchase_days_28", "purchase_days_91",
    "purchase_days_365", "active_weeks_91", "net_amount", "net_amount_28", "net_amount_91", "net_amount_365",
    "margin_amount", "margin_amount_28", "margin_amount_91", "margin_amount_365", "median_gap_days",
    "gap_ratio", "amount_trend", "basket_amount_365", "basket_items_365", "return_share_pct",
    "discount_share_pct", "channel_count", "channels_365", "shop_share_pct", "branch_share_pct",
    "webshop_share_pct", "category_count", "tickets_365", "complaints_365", "nps_365", "csat_365",
    "mails_sent_91", "mail_opens_91", "mail_clicks_91", "web_visits_91", "visits_365", "has_email_consent",
)  # fmt: skip
"""The numeric columns of `features.customer_features`."""


class LeakageError(ValueError):
    """A feature tells something from after its cut-off; the model must not learn from it."""


@contextmanager
def single_threaded() -> Iterator[None]:
    """One BLAS and OpenMP thread: sums are then added in one order, so equal input gives equal bits."""
    with threadpool_limits(limits=1):
        yield


def relation_exists(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> bool:
    """Whether the table or view exists in the warehouse."""
    found = connection.execute(
        "select count(*) from information_schema.tables where table_schema = ? and table_name = ?",
        [schema, name],
    ).fetchone()
    return bool(found and found[0])


def fetch(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    parameters: Sequence[object] | Mapping[str, object] | None = None,
) -> pa.Table:
    """The result as one Arrow table."""
    return connection.execute(query, parameters or []).to_arrow_table().combine_chunks()


def numbers(table: pa.Table, name: str) -> FloatArray:
    """The column as float64; null is NaN."""
    return np.asarray(table[name].cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def texts(table: pa.Table, name: str) -> np.ndarray[Any, np.dtype[np.object_]]:
    """The column as Python strings; null is None."""
    return np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=object)


def load_features(
    connection: duckdb.DuckDBPyConnection,
    snapshots: Sequence[date],
    max_recency_days: int | None = None,
    one_in: int = 1,
) -> pa.Table:
    """`customer_features` of these snapshots, sorted by snapshot and customer, numbers as float64.

    Optionally only of customers who bought at most so many days before, and of one in so many customers,
    chosen by the MD5 of their id: the same ones in every run and snapshot.
    Raises LeakageError when a row tells of a purchase on or after its own snapshot.
    """
    values = ", ".join(f"{name}::double as {name}" for name in FEATURES)
    columns = f"customer_id, snapshot_date, last_purchase_date, {values}"
    if not relation_exists(connection, "features", "customer_features") or not snapshots:
        empty = ", ".join(f"null::double as {name}" for name in FEATURES)
        return fetch(
            connection,
            "select null::varchar as customer_id, null::date as snapshot_date, "
            f"null::date as last_purchase_date, {empty} where false",
        )
    marks = ", ".join("?" for _ in snapshots)
    only = f"and recency_days <= {int(max_recency_days)} " if max_recency_days is not None else ""
    if one_in > 1:
        only += f"and ('0x' || substr(md5(customer_id), 1, 8))::bigint % {int(one_in)} = 0 "
    table = fetch(
        connection,
        f"select {columns} from features.customer_features where snapshot_date in ({marks}) {only}"
        "order by snapshot_date, customer_id",
        list(snapshots),
    )
    late = connection.execute(
        f"select count(*) from features.customer_features where snapshot_date in ({marks}) "
        "and (last_purchase_date >= snapshot_date or recency_days < 0)",
        list(snapshots),
    ).fetchone()
    if late and late[0]:
        raise LeakageError(
            f"features.customer_features: {late[0]} rows tell of a purchase on or after their snapshot_date; "
            "the models refuse to learn from the future."
        )
    return table


def snapshot_dates(connection: duckdb.DuckDBPyConnection, as_of: date) -> list[date]:
    """The snapshots up to and with `as_of`, oldest first."""
    if not relation_exists(connection, "features", "customer_features"):
        return []
    rows = connection.execute(
        "select distinct snapshot_date from features.customer_features where snapshot_date <= ? order by 1",
        [as_of],
    ).fetchall()
    return [row[0] for row in rows]


def value_basis(margin: FloatArray, net: FloatArray) -> tuple[FloatArray, str]:
    """Money per row on contribution margin, and its basis in words.

    Where the margin of a minority is unknown (null), it is estimated from their net amount at the margin rate
    of the others; where that of most is unknown, everything is measured on the net amount.
    """
    net = np.nan_to_num(net)
    # Who bought nothing has no unknown margin.
    margin = np.where(np.isnan(margin) & (net == 0.0), 0.0, margin)
    known, bought = np.isfinite(margin), net != 0.0
    if bought.any() and known[bought].mean() < 0.5:
        return net, "net_amount"
    known_net = float(net[known].sum())
    rate = float(margin[known].sum()) / known_net if known_net > 0 else 0.0
    return np.where(known, margin, net * rate), "margin_amount"
