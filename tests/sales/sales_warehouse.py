"""A warehouse with raw tables given row by row, and dbt run on it in this process."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
from dbt_runs import run_dbt

from ingestion.contracts import ARROW_TYPES, LINEAGE_FIELDS, catalogue

DUCKDB_TYPES = {
    "text": "varchar",
    "integer": "bigint",
    "decimal": "decimal(18,4)",
    "date": "date",
    "instant": "timestamp",
    "boolean": "boolean",
    "text_list": "varchar[]",
}
assert set(DUCKDB_TYPES) == set(ARROW_TYPES)

INGESTION_LOAD = (
    "source varchar, table_name varchar, load_id varchar, as_of_date date, files_read bigint, "
    "files_refused bigint, rows_read bigint, rows_loaded bigint, rows_quarantined bigint, seen_again bigint"
)
QUARANTINE = (
    "source varchar, table_name varchar, load_id varchar, as_of_date date, file varchar, line bigint, "
    "field varchar, value_masked varchar, reason varchar, kind varchar, healed_by_load_id varchar"
)


class Warehouse:
    """One DuckDB file: `raw` adds rows as landing would, `assign` decides who is who, `dbt` builds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._line = 0
        self._pending: list[tuple[str, dict[str, Any]]] = []
        with self.connect() as connection:
            connection.execute("create schema raw")
            for tables in catalogue().values():
                for table in tables.values():
                    columns = [f"{f.name} {DUCKDB_TYPES[f.type]}" for f in table.fields]
                    columns += [
                        f"{n} {'bigint' if n == '_source_line' else 'varchar'}" for n, _ in LINEAGE_FIELDS
                    ]
                    connection.execute(f"create table raw.{table.raw_name} ({', '.join(columns)})")
            connection.execute(f"create table raw.ingestion_load ({INGESTION_LOAD})")
            connection.execute(f"create table raw.quarantine ({QUARANTINE})")
            connection.execute("create schema identity")
            connection.execute(
                "create table identity.identity_assignment (record_id varchar, customer_id varchar, "
                "match_probability double, matched_by varchar, linked_at timestamp)"
            )

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection in UTC; close it before dbt runs."""
        connection = duckdb.connect(str(self.path))
        connection.execute("set TimeZone = 'UTC'")
        return connection

    def raw(self, table: str, *rows: dict[str, Any], load: str = "000001", file: str = "file") -> None:
        """Adds rows to a raw table as one delivery."""
        for row in rows:
            self._line += 1
            row_hash = f"{table}:{json.dumps(row, default=str, sort_keys=True)}"
            lineage = {
                "_load_id": load,
                "_source_file": file,
                "_source_line": self._line,
                "_row_hash": row_hash,
            }
            self._pending.append((f"raw.{table}", {**row, **lineage}))

    def assign(self, **customers: Iterable[str]) -> None:
        """customer_id → its source records."""
        for customer_id, records in customers.items():
            for record in records:
                row = {"record_id": record, "customer_id": customer_id, "matched_by": "test"}
                self._pending.append(
                    (
                        "identity.identity_assignment",
                        {**row, "match_probability": 1.0, "linked_at": "2020-01-01"},
                    )
                )

    def put(self, *deliveries: dict[str, list[dict[str, Any]]], load: str = "000001") -> None:
        """Adds what `tiny_retailer.receipt` and `tiny_retailer.order` make."""
        for tables in deliveries:
            for table, rows in tables.items():
                self.raw(table, *rows, load=load)

    def _write_pending(self) -> None:
        with self.connect() as connection:
            connection.begin()
            for table, values in self._pending:
                connection.execute(
                    f"insert into {table} ({', '.join(values)}) values ({', '.join('?' * len(values))})",
                    list(values.values()),
                )
            connection.commit()
        self._pending.clear()

    def dbt(self, *arguments: str, as_of: str = "2026-01-01", **variables: Any) -> None:
        """Runs dbt on this warehouse; fails with dbt's own messages."""
        self._write_pending()
        run_dbt(self.path, *arguments, variables={"as_of": as_of, **variables})

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The result of a query."""
        with self.connect() as connection:
            return connection.execute(sql).fetchall()
