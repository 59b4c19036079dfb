"""Purchase histories of customers until a day, from `features.customer_purchase_day`.

A purchase occasion is a day with a purchase (order_count above 0), the same that `customer_features` counts.
Returns count in the customer's value and are no occasion.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa

from ml.data import FloatArray, fetch, numbers, relation_exists

RECENT_DAYS = 91
_WEEK = 7


@dataclass(frozen=True)
class Basis:
    """What value is measured on: the margin, with the mean rate where it is unknown, or the net amount."""

    name: str
    margin_rate: float = 0.0

    @property
    def expression(self) -> str:
        if self.name == "net_amount":
            return "net_amount::decimal(18,4)"
        # Casting the wide decimal of a product back is several times slower than going by double.
        estimate = f"round(net_amount::double * {self.margin_rate:.6f}, 4)::decimal(18,4)"
        return f"case when margin_amount is null then {estimate} else margin_amount::decimal(18,4) end"


@dataclass(frozen=True)
class PurchaseHistories:
    """One element per customer with at least one occasion before `until`, sorted by customer_id.

    x, t_x and T as in `ml.clv.bgnbd`, in days. Values are sums of the basis, returns subtracted; `recent_*`
    are those of the last 91 days, `value_28` and `value_364` of the last 28 and 364; `active_weeks`
    are the weeks with a purchase among the last 13.
    """

    until: date
    customer_id: pa.Array
    x: FloatArray
    t_x: FloatArray
    T: FloatArray
    value: FloatArray
    recent_occasions: FloatArray
    recent_value: FloatArray
    value_28: FloatArray
    value_364: FloatArray
    active_weeks: FloatArray
    only_returns: int
    """Number of customers whose every day is a return; they are in none of the arrays."""

    @property
    def size(self) -> int:
        return len(self.x)

    @property
    def mean_value(self) -> FloatArray:
        """Value per occasion."""
        return np.asarray(self.value / (self.x + 1.0))


def choose_basis(connection: duckdb.DuckDBPyConnection, until: date) -> Basis:
    """Margin, unless it is unknown for most purchase days before `until`."""
    if not relation_exists(connection, "features", "customer_purchase_day"):
        return Basis("margin_amount")
    row = connection.execute(
        "select count(*), count(margin_amount), coalesce(sum(margin_amount), 0)::double, "
        "coalesce(sum(net_amount) filter (where margin_amount is not null), 0)::double "
        "from features.customer_purchase_day where purchase_date < ? and order_count > 0",
        [until],
    ).fetchone()
    assert row is not None
    days, known, margin, net = row
    if days and known * 2 < days:
        return Basis("net_amount")
    return Basis("margin_amount", round(margin / net, 6) if net > 0 else 0.0)


def first_day(connection: duckdb.DuckDBPyConnection, until: date) -> date | None:
    """The first purchase occasion of all before `until`."""
    if not relation_exists(connection, "features", "customer_purchase_day"):
        return None
    row = connection.execute(
        "select min(purchase_date) from features.customer_purchase_day "
        "where purchase_date < ? and order_count > 0",
        [until],
    ).fetchone()
    return row[0] if row else None


def load_histories(
    connection: duckdb.DuckDBPyConnection, until: date, basis: Basis, one_in: int = 1
) -> PurchaseHistories:
    """Everything before `until`, of everybody or of one in so many customers; nothing later is read."""
    if not relation_exists(connection, "features", "customer_purchase_day"):
        none = np.empty(0)
        empty = pa.array([], pa.string())
        return PurchaseHistories(until, empty, none, none, none, none, none, none, none, none, none, 0)
    table = fetch(
        connection,
        f"""
        with days as (
            select
                customer_id, purchase_date, order_count > 0 as is_occasion,
                date_diff('day', purchase_date, $until::date) as age, {basis.expression} as value
            from features.customer_purchase_day
            where purchase_date < $until {thinned(one_in)}
        )
        select
            customer_id,
            count(*) filter (where is_occasion) as occasions,
            date_diff('day', min(purchase_date) filter (where is_occasion),
                max(purchase_date) filter (where is_occasion)) as span,
            max(age) filter (where is_occasion) as age,
            count(*) filter (where is_occasion and age <= {RECENT_DAYS}) as recent_occasions,
            sum(value)::double as value,
            coalesce(sum(value) filter (where age <= {RECENT_DAYS}), 0)::double as recent_value,
            coalesce(sum(value) filter (where age <= 28), 0)::double as value_28,
            coalesce(sum(value) filter (where age <= 364), 0)::double as value_364,
            count(distinct case when is_occasion and age <= {RECENT_DAYS} then (age - 1) // {_WEEK} end)
                as active_weeks
        from days
        group by customer_id
        order by customer_id
        """,
        {"until": until},
    )
    bought = numbers(table, "occasions") > 0
    some = table.filter(pa.array(bought))
    return PurchaseHistories(
        until=until,
        customer_id=some["customer_id"].combine_chunks(),
        x=numbers(some, "occasions") - 1.0,
        t_x=numbers(some, "span"),
        T=numbers(some, "age"),
        value=numbers(some, "value"),
        recent_occasions=numbers(some, "recent_occasions"),
        recent_value=numbers(some, "recent_value"),
        value_28=numbers(some, "value_28"),
        value_364=numbers(some, "value_364"),
        active_weeks=numbers(some, "active_weeks"),
        only_returns=int((~bought).sum()),
    )


def thinned(one_in: int) -> str:
    """A condition that keeps one in so many customers by the MD5 of their id: the same ones on every day."""
    return f"and ('0x' || substr(md5(customer_id), 1, 8))::bigint % {int(one_in)} = 0" if one_in > 1 else ""


def load_actual(
    connection: duckdb.DuckDBPyConnection, origin: date, end: date, basis: Basis, one_in: int = 1
) -> tuple[FloatArray, FloatArray]:
    """Occasions and value in [origin, end) of the customers of `load_histories(origin)`, in their order."""
    table = fetch(
        connection,
        f"""
        select
            customer_id,
            count(*) filter (where purchase_date >= $origin and order_count > 0) as occasions,
            coalesce(sum({basis.expression}) filter (where purchase_date >= $origin), 0)::double as value
        from features.customer_purchase_day
        where purchase_date < $end {thinned(one_in)}
        group by customer_id
        having count(*) filter (where purchase_date < $origin and order_count > 0) > 0
        order by customer_id
        """,
        {"origin": origin, "end": end},
    )
    return numbers(table, "occasions"), numbers(table, "value")


def count_customers(connection: duckdb.DuckDBPyConnection, until: date) -> int:
    """Customers with any purchase day before `until`."""
    if not relation_exists(connection, "features", "customer_purchase_day"):
        return 0
    row = connection.execute(
        "select count(distinct customer_id) from features.customer_purchase_day where purchase_date < ?",
        [until],
    ).fetchone()
    return int(row[0]) if row else 0
