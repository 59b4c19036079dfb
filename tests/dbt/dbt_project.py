"""Runs the dbt project on a warehouse made by a test: typed raw tables in, models out."""

from datetime import date, datetime
from pathlib import Path
from typing import Any, Self

import duckdb
from dbt_runs import run_dbt

from ingestion.contracts import catalogue

AS_OF = "2026-11-01"
RAW_TYPES = {
    "text": "varchar",
    "integer": "bigint",
    "decimal": "decimal(18,4)",
    "date": "date",
    "instant": "timestamp",
    "boolean": "boolean",
    "text_list": "varchar[]",
}
LINEAGE = {"_load_id": "varchar", "_source_file": "varchar", "_source_line": "bigint", "_row_hash": "varchar"}
BOOKKEEPING = {
    "ingestion_load": (
        "source varchar, table_name varchar, load_id varchar, as_of_date date, files_read bigint, "
        "files_refused bigint, rows_read bigint, rows_loaded bigint, rows_quarantined bigint, "
        "seen_again bigint"
    ),
    "quarantine": (
        "source varchar, table_name varchar, load_id varchar, as_of_date date, file varchar, line bigint, "
        "field varchar, value_masked varchar, reason varchar, kind varchar, healed_by_load_id varchar"
    ),
}


class Warehouse:
    """A warehouse file with the schema `raw`; every connection is short, so dbt can open the file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "warehouse.duckdb"
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("create schema raw")
            for tables in catalogue().values():
                for table in tables.values():
                    columns = {f.name: RAW_TYPES[f.type] for f in table.fields} | LINEAGE
                    spec = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
                    connection.execute(f"create table raw.{table.raw_name} ({spec})")
            for name, spec in BOOKKEEPING.items():
                connection.execute(f"create table raw.{name} ({spec})")

    @classmethod
    def at(cls, directory: Path) -> Self:
        """The warehouse that a directory holds already."""
        warehouse = cls.__new__(cls)
        warehouse.directory = directory
        warehouse.path = directory / "warehouse.duckdb"
        return warehouse

    def load(self, table: str, *rows: dict, load: int = 1, file: str = "file") -> None:
        """Appends rows of one load and file to a raw table; columns that a row leaves out are null."""
        with duckdb.connect(str(self.path)) as connection:
            for line, row in enumerate(rows, start=2):
                full = {
                    **row,
                    "_load_id": f"{load:06d}",
                    "_source_file": file,
                    "_source_line": line,
                    "_row_hash": repr(row),
                }
                names = ", ".join(full)
                marks = ", ".join("?" * len(full))
                connection.execute(f"insert into raw.{table} ({names}) values ({marks})", list(full.values()))

    def query(self, sql: str) -> list[tuple]:
        with duckdb.connect(str(self.path)) as connection:
            return connection.execute(sql).fetchall()

    def execute(self, *statements: str) -> None:
        with duckdb.connect(str(self.path)) as connection:
            for statement in statements:
                connection.execute(statement)

    def dbt(self, *arguments: str, as_of: str = AS_OF, **variables: Any) -> None:
        """Runs dbt on this warehouse; fails with dbt's own messages."""
        run_dbt(self.path, *arguments, variables={"as_of": as_of, **variables})

    def resolve(self, as_of: str = AS_OF):
        """Runs the steps of identity between the models."""
        from ml.identity.resolve import resolve_identity
        from ml.identity.weights.score import score_pairs
        from stammkunde.matching import MatchingSettings

        with duckdb.connect(str(self.path)) as connection:
            score_pairs(connection, MatchingSettings(), date.fromisoformat(as_of))
            return resolve_identity(connection, date.fromisoformat(as_of))

    def customers(self) -> dict[str, str]:
        """record_id → customer_id."""
        return dict(self.query("select record_id, customer_id from identity.identity_assignment"))


def at(day: str) -> datetime:
    """Noon of a day."""
    return datetime.fromisoformat(f"{day} 12:00:00")
