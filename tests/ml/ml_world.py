"""A small retailer with known behaviour, straight in the tables of the schema `features`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa

AS_OF = date(2025, 7, 1)
SNAPSHOTS = [AS_OF - timedelta(days=91 * k) for k in range(9)]

CUSTOMER_FEATURES = """
create or replace table features.customer_features as
with day as (
    select s.snapshot_date, d.*,
        date_diff('day', d.purchase_date, s.snapshot_date) as age,
        date_diff('day', lag(d.purchase_date) over (
            partition by s.snapshot_date, d.customer_id order by d.purchase_date), d.purchase_date) as gap
    from features.customer_purchase_day d
    join snapshot s on d.purchase_date < s.snapshot_date
)
select
    customer_id, snapshot_date, min(purchase_date) first_purchase_date, max(purchase_date) last_purchase_date,
    min(age)::integer recency_days, max(age)::integer tenure_days, count(*)::integer purchase_days,
    (count(*) filter (age <= 28))::integer purchase_days_28,
    (count(*) filter (age <= 91))::integer purchase_days_91,
    (count(*) filter (age <= 365))::integer purchase_days_365,
    (count(distinct date_trunc('week', purchase_date)) filter (age <= 91))::integer active_weeks_91,
    sum(net_amount)::decimal(18,4) net_amount,
    coalesce(sum(net_amount) filter (age <= 28), 0)::decimal(18,4) net_amount_28,
    coalesce(sum(net_amount) filter (age <= 91), 0)::decimal(18,4) net_amount_91,
    coalesce(sum(net_amount) filter (age <= 365), 0)::decimal(18,4) net_amount_365,
    sum(margin_amount)::decimal(18,4) margin_amount,
    coalesce(sum(margin_amount) filter (age <= 28), 0)::decimal(18,4) margin_amount_28,
    coalesce(sum(margin_amount) filter (age <= 91), 0)::decimal(18,4) margin_amount_91,
    coalesce(sum(margin_amount) filter (age <= 365), 0)::decimal(18,4) margin_amount_365,
    median(gap) median_gap_days, min(age) / nullif(median(gap), 0) gap_ratio,
    0.0::double amount_trend, (sum(net_amount) filter (age <= 365) / count(*) filter (age <= 365))::double
    basket_amount_365, 2.0::double basket_items_365, 0.0::double return_share_pct,
    0.0::double discount_share_pct, 1::integer channel_count, 1::integer channels_365,
    100.0::double shop_share_pct, 0.0::double branch_share_pct, 0.0::double webshop_share_pct,
    3::integer category_count, 0::integer tickets_365, 0::integer complaints_365,
    null::double nps_365, null::double csat_365, 0::integer mails_sent_91, 0::integer mail_opens_91,
    0::integer mail_clicks_91, 0::integer web_visits_91, 0::integer visits_365, true has_email_consent
from day
group by customer_id, snapshot_date
"""


@dataclass(frozen=True)
class Purchases:
    """Columns of `features.customer_purchase_day`."""

    customer: np.ndarray
    day: np.ndarray
    net: np.ndarray


def buy_till_leave(
    n: int,
    seed: int = 1,
    days: int = 1095,
    r: float = 1.2,
    alpha: float = 40.0,
    a: float = 0.8,
    b: float = 4.0,
) -> Purchases:
    """Customers who join over time, buy at their own rate and leave for good after some purchase."""
    rng = np.random.default_rng(seed)
    begin = rng.integers(0, days - 30, n)
    rate, leave = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    until = days - begin
    count = np.minimum(rng.poisson(rate * until), 400)
    stays = np.minimum(rng.geometric(leave), count)
    customer = np.repeat(np.arange(n), count)
    offset = np.ceil(rng.random(len(customer)) * until[customer]).astype(int)
    order = np.lexsort([offset, customer])
    customer, offset = customer[order], offset[order]
    position = np.arange(len(customer)) - np.repeat(np.cumsum(count) - count, count)
    kept = position < stays[customer]
    customer = np.concatenate([np.arange(n), customer[kept]])
    day = np.concatenate([begin, begin[customer[n:]] + offset[kept]])
    inside = day < days
    customer, day = customer[inside], day[inside]
    level = rng.lognormal(3.5, 0.6, n)
    return Purchases(customer, day, np.round(rng.gamma(4.0, level[customer] / 4.0) + 0.01, 2))


def warehouse(
    purchases: Purchases | None, *, margin: bool = True, days: int = 1095
) -> duckdb.DuckDBPyConnection:
    """An in-memory warehouse whose day `days` is AS_OF."""
    connection = duckdb.connect()
    connection.execute("create schema features")
    connection.execute("create table snapshot (snapshot_date date)")
    connection.executemany("insert into snapshot values (?)", [[d] for d in SNAPSHOTS])
    p = purchases or Purchases(np.empty(0, int), np.empty(0, int), np.empty(0))
    rows = pa.table({"customer": p.customer.astype(np.int64), "day": p.day.astype(np.int64), "net": p.net})
    connection.register("purchase", rows)
    connection.execute(
        f"""
        create table features.customer_purchase_day as
        select 'c_' || lpad(customer::varchar, 16, '0') as customer_id,
            (date '{AS_OF}' - {days} + day::integer)::date as purchase_date,
            (count(*) filter (net > 0))::integer as order_count,
            sum(net)::decimal(18,4) as net_amount,
            {"(sum(net) * 0.4)" if margin else "null"}::decimal(18,4) as margin_amount
        from purchase group by all order by all
        """
    )
    connection.unregister("purchase")
    connection.execute(CUSTOMER_FEATURES)
    return connection


def content(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple]:
    """All rows, sorted, for comparison."""
    return connection.execute(f"select * from {table} order by all").fetchall()


def add_products(connection: duckdb.DuckDBPyConnection, products: int = 60, seed: int = 5) -> None:
    """`features.customer_product`: every customer has favourites of one of four tastes."""
    days = connection.execute(
        "select customer_id, purchase_date from features.customer_purchase_day order by all"
    ).to_arrow_table()
    rng = np.random.default_rng(seed)
    customers, code = np.unique(days["customer_id"].to_numpy(zero_copy_only=False), return_inverse=True)
    taste = rng.integers(0, 4, len(customers))
    favourites = rng.integers(0, products // 4, (len(customers), 4)) * 4 + taste[:, None]
    size = days.num_rows
    basket = np.concatenate(
        [favourites[code, rng.integers(0, 4, size)], rng.integers(0, products // 4, size) * 4 + taste[code]]
    )
    rows = pa.table(
        {
            "customer_id": pa.concat_arrays([days["customer_id"].combine_chunks()] * 2),
            "purchase_date": pa.concat_arrays([days["purchase_date"].combine_chunks()] * 2),
            "product": basket,
        }
    )
    connection.register("basket", rows)
    connection.execute(
        "create or replace table features.customer_product as select customer_id, "
        "'p' || lpad(product::varchar, 4, '0') as product_no, 'category' as category, purchase_date, "
        "count(*)::decimal(18,4) as quantity, 10.0::decimal(18,4) as net_amount from basket group by all"
    )
    connection.unregister("basket")


def add_leads(connection: duckdb.DuckDBPyConnection, n: int = 4000, seed: int = 7, rate: float = 1.0) -> None:
    """`features.lead_features`: referrals and leads with a phone number convert more often."""
    rng = np.random.default_rng(seed)
    source = rng.choice(["form", "fair", "referral", "newsletter"], n, p=[0.4, 0.2, 0.1, 0.3])
    phone, company = rng.random(n) < 0.5, rng.random(n) < 0.2
    base = {"form": -2.5, "fair": -2.2, "referral": -1.0, "newsletter": -3.0}
    odds = np.array([base[s] for s in source]) + 1.2 * phone + 0.6 * company
    converts = rng.random(n) < rate / (1 + np.exp(-odds))
    age = rng.integers(1, 900, n)
    delay = rng.integers(1, 120, n)
    rows = pa.table(
        {
            "number": np.arange(n), "lead_source": source, "has_phone": phone, "has_company": company,
            "age": age, "delay": delay, "converts": converts & (delay < age),
        }
    )  # fmt: skip
    connection.register("lead", rows)
    connection.execute(
        f"""
        create or replace table features.lead_features as
        select 'l' || lpad(number::varchar, 6, '0') as lead_id, 'c_' || number as customer_id,
            (date '{AS_OF}' - age::integer)::timestamp as captured_at, lead_source, 'spring' as campaign,
            has_phone, has_company, false as has_address, number % 3 = 0 as has_message,
            (number % 4)::integer as interest_count, true as consent_email, false as was_customer,
            case when converts
                then (date '{AS_OF}' - age::integer + delay::integer)::timestamp end as converted_at
        from lead
        """
    )
    connection.unregister("lead")
