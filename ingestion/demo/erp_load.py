"""Loads the branch ERP's tables into PostgreSQL with COPY."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pyarrow as pa
import pyarrow.csv

from ingestion.demo import erp_tables
from ingestion.demo.postgres import DATABASE, Postgres
from ingestion.demo.purchases import Orders

_CHUNK = 200_000
_TYPES = (
    (pa.types.is_decimal, "numeric(14,4)"),
    (pa.types.is_timestamp, "timestamptz"),
    (pa.types.is_date, "date"),
    (pa.types.is_integer, "integer"),
)
_KEYS = {
    "branch": "branch_id",
    "sales_rep": "sales_rep_id",
    "territory": "postal_code_prefix, product_category, sales_rep_id",
    "product": "product_no",
    "customer": "customer_no",
    "sales_order": "order_no",
    "sales_order_line": "order_no, line_no",
    "visit": "visit_id",
    "sales_target": "sales_rep_id, month",
}
_VERSIONED = ("customer", "sales_order")


def load(
    server: Postgres, tables: dict[str, pa.Table], orders: Orders, progress: Callable[[str], None]
) -> None:
    """Makes the database and fills it; the server must run."""
    with psycopg.connect(server.connection_string("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
    with psycopg.connect(server.connection_string()) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        for name, table in tables.items():
            _create(connection, name, table.schema)
            _copy(connection, name, iter([table]))
            progress(f"branch: {name} {table.num_rows:,} rows")
        lines = _order_lines(orders)
        first = next(lines)
        _create(connection, "sales_order_line", first.schema)
        _copy(connection, "sales_order_line", iter([first]))
        _copy(connection, "sales_order_line", lines)
        # Keys after the rows: building an index once is faster than row by row. A broken reference stays
        # possible, as in many an ERP, so there are no foreign keys.
        for name, key in _KEYS.items():
            connection.execute(f"ALTER TABLE {name} ADD PRIMARY KEY ({key})")
        for name in _VERSIONED:
            connection.execute(f"CREATE INDEX ON {name} (updated_at)")
    with psycopg.connect(server.connection_string(), autocommit=True) as connection:
        connection.execute("ANALYZE")


def _order_lines(orders: Orders) -> Iterator[pa.Table]:
    rows = erp_tables.branch_rows(orders)
    numbers = erp_tables.order_numbers(orders, rows)
    for low in range(0, max(len(rows), 1), _CHUNK):
        yield erp_tables.order_lines(orders, rows, numbers, low, min(low + _CHUNK, len(rows)))


def _create(connection: psycopg.Connection, name: str, schema: pa.Schema) -> None:
    columns = ", ".join(f"{field.name} {_sql_type(field.type)}" for field in schema)
    connection.execute(f"CREATE TABLE {name} ({columns})")  # type: ignore[arg-type]


def _sql_type(arrow: pa.DataType) -> str:
    return next((sql for matches, sql in _TYPES if matches(arrow)), "text")


def _copy(connection: psycopg.Connection, name: str, tables: Iterator[pa.Table]) -> None:
    options = pyarrow.csv.WriteOptions(include_header=False)
    statement = f"COPY {name} FROM STDIN (FORMAT csv)"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:  # type: ignore[arg-type]
        for table in tables:
            sink = pa.BufferOutputStream()
            pyarrow.csv.write_csv(table, sink, options)
            copy.write(sink.getvalue().to_pybytes())
