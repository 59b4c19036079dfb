"""Runs the dbt project on a warehouse made by a test: typed raw tables in, models out."""

import os
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import duckdb

from ingestion.contracts import catalogue
from stammkunde.home import PROJECT_ROOT

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

    def dbt(self, *arguments: str, as_of: str | None = AS_OF, check: bool = True) -> str:
        """Runs dbt in a process of its own and returns its output; with `check`, a failure fails the test."""
        command = [
            str(Path(sys.executable).parent / "dbt"),
            "--no-use-colors",
            *arguments,
            "--project-dir",
            str(PROJECT_ROOT / "dbt"),
            "--profiles-dir",
            str(PROJECT_ROOT / "dbt"),
            "--target-path",
            str(self.directory / "target"),
            "--log-path",
            str(self.directory / "logs"),
        ]
        if as_of:
            command += ["--vars", f"{{as_of: {as_of}}}"]
        environment = os.environ | {
            "STAMMKUNDE_WAREHOUSE": str(self.path),
            "DO_NOT_TRACK": "1",
            "DBT_TARGET": "duckdb",
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout

    def resolve(self, as_of: str = AS_OF):
        """Runs the identity step between the models."""
        from ml.identity.resolve import resolve_identity

        with duckdb.connect(str(self.path)) as connection:
            return resolve_identity(connection, date.fromisoformat(as_of))

    def customers(self) -> dict[str, str]:
        """record_id → customer_id."""
        return dict(self.query("select record_id, customer_id from identity.identity_assignment"))


def at(day: str) -> datetime:
    """Noon of a day."""
    return datetime.fromisoformat(f"{day} 12:00:00")
