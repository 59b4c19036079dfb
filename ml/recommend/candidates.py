"""Ranked products per customer from `features.customer_product`, knowing only what is before a day.

Every function gives an Arrow table `customer_id, product_no, recommendation_rank, score`; equal scores are
ordered by product number.
"""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from ml.data import FloatArray, IntArray, fetch

HALF_LIFE_DAYS = 60
POPULAR_DAYS = 91
MIN_BUYERS = 5
MAX_PRODUCTS = 5_000
NEIGHBOURS = 50
SPARE = 45
_CHUNK = 10_000
_UNIT = 10**9
_OWNED = 1e6


def buy_again(connection: duckdb.DuckDBPyConnection, until: date, top: int) -> pa.Table:
    """Own purchase days per product, each counting half as much after every 60 days.

    Weights are whole billionths, so that their sum does not depend on the order of addition.
    """
    return fetch(
        connection,
        f"""
        with weighted as (
            select
                customer_id, product_no,
                date_diff('day', purchase_date, $until::date) / {HALF_LIFE_DAYS}.0 as half_lives
            from features.customer_product
            where purchase_date < $until
        ),
        counts as (
            select customer_id, product_no, sum(round({_UNIT} * pow(0.5, half_lives))::bigint) as weight
            from weighted
            group by customer_id, product_no
        ),
        ranked as (
            select *, row_number() over (partition by customer_id order by weight desc, product_no) as place
            from counts
            where weight > 0
        )
        select
            customer_id, product_no, place::integer as recommendation_rank,
            round(weight / {_UNIT}.0, 6) as score
        from ranked
        where place <= $top
        order by customer_id, place
        """,
        {"until": until, "top": top},
    )


def popular_new(connection: duckdb.DuckDBPyConnection, until: date, top: int) -> pa.Table:
    """Products with the most buyers in the 13 weeks before `until` that the customer has never bought.

    The score is the share of that period's customers who bought the product. Who owns nearly all of the first
    50 gets fewer.
    """
    return fetch(
        connection,
        """
        with owned as (
            select distinct customer_id, product_no from features.customer_product
            where purchase_date < $until
        ),
        customers as (select distinct customer_id from owned),
        recent as (
            select distinct customer_id, product_no from features.customer_product
            where purchase_date < $until and purchase_date >= $since
        ),
        everyone as (select count(distinct customer_id) as number from recent),
        popular as (
            select product_no, count(*) as buyers from recent
            group by product_no order by buyers desc, product_no limit $top + $spare
        ),
        ranked as (
            select
                c.customer_id, p.product_no, p.buyers / everyone.number as score,
                row_number() over (partition by c.customer_id order by p.buyers desc, p.product_no) as place
            from customers c
            cross join popular p
            cross join everyone
            anti join owned o on c.customer_id = o.customer_id and p.product_no = o.product_no
        )
        select
            customer_id, product_no, place::integer as recommendation_rank, round(score, 6) as score
        from ranked
        where place <= $top
        order by customer_id, place
        """,
        {"until": until, "since": until - timedelta(days=POPULAR_DAYS), "top": top, "spare": SPARE},
    )


def popular(connection: duckdb.DuckDBPyConnection, until: date, top: int) -> list[str]:
    """The products with the most buyers in the 13 weeks before `until`."""
    rows = connection.execute(
        "select product_no from features.customer_product where purchase_date < ? and purchase_date >= ? "
        "group by product_no order by count(distinct customer_id) desc, product_no limit ?",
        [until, until - timedelta(days=POPULAR_DAYS), top],
    ).fetchall()
    return [row[0] for row in rows]


def discover(
    connection: duckdb.DuckDBPyConnection, until: date, top: int, active_until: date | None = None
) -> pa.Table:
    """Products never bought, by their cosine with those bought, summed over the customer's products.

    Products need five buyers; the 5,000 with the most take part, each with its 50 nearest. With
    `active_until` only customers who buy between `until` and then are served, which is all a test asks for.
    """
    customers, products, bought = _interactions(connection, until)
    wanted = np.arange(len(customers))
    if active_until is not None:
        active = fetch(
            connection,
            "select distinct customer_id from features.customer_product "
            "where purchase_date >= $until and purchase_date < $active_until",
            {"until": until, "active_until": active_until},
        )["customer_id"]
        wanted = np.flatnonzero(pc.is_in(customers, value_set=active).to_numpy(zero_copy_only=False))
    parts = []
    if bought.nnz:
        # A large loss on the diagonal takes owned products out of the running.
        similar = (item_cosine(bought, NEIGHBOURS) - _OWNED * sparse.identity(len(products))).tocsr()
        for begin in range(0, len(wanted), _CHUNK):
            rows = wanted[begin : begin + _CHUNK]
            row, column, place, score = top_of_rows((bought[rows] @ similar).tocsr(), top)
            parts.append((rows[row], column, place, score))
    empty = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    row, column, place, score = (np.concatenate(p) for p in zip(*(parts or [empty]), strict=True))
    order = np.lexsort([place, row])
    return pa.table(
        {
            "customer_id": customers.take(pa.array(row[order])),
            "product_no": products.take(pa.array(column[order])),
            "recommendation_rank": pa.array(place[order].astype(np.int32)),
            "score": pa.array(score[order]),
        }
    )


def top_of_rows(scores: sparse.csr_matrix, top: int) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Row, column, rank from 1 and value of the largest positive values of each row, six decimals.

    Equal values are taken by column. It searches the maximum `top` times instead of sorting every row.
    """
    values = np.round(scores.data, 6)
    values[values <= 0] = 0.0
    size = np.diff(scores.indptr)
    filled = np.flatnonzero(size > 0)
    begins, lengths = scores.indptr[filled], size[filled]
    found = []
    for place in range(1, top + 1):
        if not len(filled):
            break
        largest = np.maximum.reduceat(values, begins)
        at = np.flatnonzero((values == np.repeat(largest, lengths)) & (values > 0))
        row = np.searchsorted(begins, at, side="right") - 1
        order = np.lexsort([scores.indices[at], row])
        at, row = at[order], row[order]
        first = np.r_[True, row[1:] != row[:-1]] if len(row) else np.empty(0, dtype=bool)
        at, row = at[first], row[first]
        found.append((filled[row], scores.indices[at], np.full(len(at), place), values[at]))
        values[at] = 0.0
    empty = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    row, column, rank, value = (np.concatenate(part) for part in zip(*(found or [empty]), strict=True))
    return row.astype(np.int64), column.astype(np.int64), rank.astype(np.int64), value


def item_cosine(bought: sparse.csr_matrix, neighbours: int) -> sparse.csr_matrix:
    """Cosine between the columns of a 0/1 matrix without its diagonal; the nearest of each row are kept."""
    norm = np.sqrt(np.asarray(bought.sum(axis=0)).ravel())
    scaled = bought @ sparse.diags(1.0 / np.maximum(norm, 1.0))
    cosine = (scaled.T @ scaled).tocoo()
    apart = cosine.row != cosine.col
    row, column, value = cosine.row[apart], cosine.col[apart], np.round(cosine.data[apart], 9)
    order = np.lexsort([column, -value, row])
    row, column, value = row[order], column[order], value[order]
    near = _place_in_group(row) < neighbours
    return sparse.csr_matrix((value[near], (row[near], column[near])), shape=cosine.shape)


def _interactions(
    connection: duckdb.DuckDBPyConnection, until: date
) -> tuple[pa.Array, pa.Array, sparse.csr_matrix]:
    """Sorted customers, sorted products, and the 0/1 matrix of who bought what before `until`."""
    parameters = {"until": until}
    customers = fetch(
        connection,
        "select distinct customer_id from features.customer_product where purchase_date < $until order by 1",
        parameters,
    )["customer_id"].combine_chunks()
    products = fetch(
        connection,
        f"""
        with counted as (
            select product_no, count(distinct customer_id) as buyers
            from features.customer_product
            where purchase_date < $until
            group by product_no
            having count(distinct customer_id) >= {MIN_BUYERS}
            order by buyers desc, product_no
            limit {MAX_PRODUCTS}
        )
        select product_no from counted order by product_no
        """,
        parameters,
    )["product_no"].combine_chunks()
    connection.register("_customers", _numbered("customer_id", customers))
    connection.register("_products", _numbered("product_no", products))
    try:
        pairs = fetch(
            connection,
            """
            select distinct c.number as customer, p.number as product
            from features.customer_product f
            join _customers c using (customer_id)
            join _products p using (product_no)
            where f.purchase_date < $until
            order by 1, 2
            """,
            parameters,
        )
    finally:
        connection.unregister("_customers")
        connection.unregister("_products")
    rows = (pairs["customer"].to_numpy(), pairs["product"].to_numpy())
    shape = (len(customers), len(products))
    return customers, products, sparse.csr_matrix((np.ones(pairs.num_rows), rows), shape=shape)


def _numbered(name: str, values: pa.Array) -> pa.Table:
    return pa.table({name: values, "number": pa.array(np.arange(len(values)))})


def _place_in_group(groups: IntArray) -> IntArray:
    """Position of each element within its run of equal values."""
    if not len(groups):
        return np.empty(0, dtype=np.int64)
    begins = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    return np.arange(len(groups)) - np.repeat(begins, np.diff(np.r_[begins, len(groups)]))
