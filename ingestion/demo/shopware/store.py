"""The shop's data: the four Parquet files of the webshop contract, indexed in DuckDB.

Belongs here: tables and the columns that Shopware adds (`auto_increment`, `created_at`). Does not belong
here: how criteria become SQL (`criteria.py`) or how rows become JSON (`entities.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

FILES = ("customers", "orders", "order_lines", "products")

# Shopware stores milliseconds. `updatedAt` is null until the first change.
_INSTANT = "date_trunc('millisecond', CAST({} AS timestamp))"
_FIRST_DAY = "timestamp '2020-01-01'"


def _at(column: str) -> str:
    return _INSTANT.format(column)


_TABLES = f"""
CREATE TABLE customer AS
SELECT row_number() OVER (ORDER BY created_at, id) AS auto_increment, *,
       CASE WHEN changed_at <> created_at THEN changed_at END AS updated_at
FROM (SELECT * EXCLUDE (customer_id, created_at, updated_at), customer_id AS id,
             {_at("updated_at")} AS changed_at,
             coalesce({_at("created_at")}, {_at("updated_at")}, {_FIRST_DAY}) AS created_at
      FROM read_parquet($customers))
ORDER BY auto_increment;

CREATE TABLE orders AS
SELECT row_number() OVER (ORDER BY created_at, id) AS auto_increment, *,
       CASE WHEN changed_at <> created_at THEN changed_at END AS updated_at
FROM (SELECT order_id AS id, order_number, o.customer_id, {_at("ordered_at")} AS created_at, status, currency,
             {_at("o.updated_at")} AS changed_at, c.email, c.first_name, c.last_name, c.company
      FROM read_parquet($orders) o LEFT JOIN read_parquet($customers) c ON c.customer_id = o.customer_id)
ORDER BY auto_increment;

CREATE TABLE order_line AS
SELECT o.auto_increment AS order_number_auto, md5(o.id || '/' || l.line_no) AS id, l.*
FROM read_parquet($order_lines) l JOIN orders o ON o.id = l.order_id
ORDER BY o.auto_increment, l.line_no;

CREATE TABLE product AS
SELECT row_number() OVER (ORDER BY product_no) AS auto_increment, md5('product/' || product_no) AS id,
       * EXCLUDE (updated_at), {_FIRST_DAY} AS created_at, {_at("updated_at")} AS updated_at
FROM read_parquet($products)
ORDER BY auto_increment;

CREATE TABLE newsletter_recipient AS
SELECT md5('newsletter/' || id) AS id, email, first_name, last_name, created_at, updated_at,
       CASE WHEN newsletter THEN 'optIn' ELSE 'optOut' END AS status
FROM customer WHERE newsletter IS NOT NULL AND email IS NOT NULL
ORDER BY id;
"""


class Store:
    """The tables of the shop, read once when the server starts; safe for several threads."""

    def __init__(self, directory: Path) -> None:
        """Raises FileNotFoundError naming the file that is missing."""
        paths = {name: directory / f"{name}.parquet" for name in FILES}
        for path in paths.values():
            if not path.is_file():
                raise FileNotFoundError(f"{path} is missing; the shop's data are {', '.join(FILES)}.parquet")
        self._connection = duckdb.connect()
        self._connection.execute("SET TimeZone = 'UTC'")
        for statement in _TABLES.split(";"):
            if statement.strip():
                used = {n: str(p) for n, p in paths.items() if f"${n})" in statement}
                self._connection.execute(statement, used)

    def rows(self, query: str, parameters: list[Any]) -> list[dict[str, Any]]:
        """The query's rows as dictionaries."""
        return self._connection.cursor().execute(query, parameters).to_arrow_table().to_pylist()

    def count(self, query: str, parameters: list[Any]) -> int:
        """The single number of a counting query."""
        row = self._connection.cursor().execute(query, parameters).fetchone()
        return int(row[0]) if row else 0
