"""Recall of the recommendations in the four weeks before `as_of`, beside the most popular products."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import pyarrow as pa

from ml.recommend.candidates import buy_again, discover, popular, popular_new
from ml.report import ReportRow, compare

TEST_DAYS = 28
TOP = 10
MIN_CUSTOMERS = 30


@dataclass(frozen=True)
class Outcome:
    """Whether each kind has proved better than popularity; None where it cannot be told."""

    buy_again: bool | None
    discover: bool | None
    rows: list[ReportRow]


def run_backtest(connection: duckdb.DuckDBPyConnection, as_of: date) -> Outcome:
    """Recall@10 over customers who bought before and within the test window."""
    origin = as_of - timedelta(days=TEST_DAYS)
    best = popular(connection, origin, TOP)
    if not best:
        return Outcome(None, None, [])
    split = f"learnt from purchases before {origin}, tested {origin} to {as_of} (exclusive)"
    rows, proved = [], {}
    for name, own, baseline, only_new in (
        ("buy_again", buy_again(connection, origin, TOP), pa.table({"product_no": best}), False),
        ("discover", discover(connection, origin, TOP, as_of), popular_new(connection, origin, TOP), True),
    ):
        customers, recall = _recall(connection, own, origin, as_of, only_new)
        _, naive = _recall(connection, baseline, origin, as_of, only_new)
        what = "products new to them" if only_new else "products"
        row = compare(
            f"recall_at_10_{name}", recall, naive, baseline_name="popularity", split=split,
            population=f"{customers} customers who bought before and {what} within the test window",
        )  # fmt: skip
        rows.append(row)
        proved[name] = row.passed if customers >= MIN_CUSTOMERS else None
    return Outcome(proved["buy_again"], proved["discover"], rows)


def _recall(
    connection: duckdb.DuckDBPyConnection, recommended: pa.Table, origin: date, as_of: date, only_new: bool
) -> tuple[int, float | None]:
    """(customers, mean share of their bought products that were recommended)."""
    connection.register("_recommended", recommended)
    personal = "and r.customer_id = b.customer_id" if "customer_id" in recommended.column_names else ""
    unless = (
        "anti join owned o on w.customer_id = o.customer_id and w.product_no = o.product_no"
        if only_new
        else ""
    )
    try:
        row = connection.execute(
            f"""
            with owned as (
                select distinct customer_id, product_no from features.customer_product
                where purchase_date < $origin
            ),
            window_purchase as (
                select distinct customer_id, product_no from features.customer_product
                where purchase_date >= $origin and purchase_date < $as_of
            ),
            bought as (
                select w.* from window_purchase w
                semi join owned h on w.customer_id = h.customer_id
                {unless}
            ),
            each_customer as (
                select b.customer_id, count(*) as products, count(r.product_no) as hits
                from bought b
                left join _recommended r on r.product_no = b.product_no {personal}
                group by b.customer_id
            )
            select count(*), avg(round(hits / products, 12)::decimal(18,12))::double from each_customer
            """,
            {"origin": origin, "as_of": as_of},
        ).fetchone()
    finally:
        connection.unregister("_recommended")
    assert row is not None
    return int(row[0]), None if row[1] is None else float(row[1])
