"""Content hashes of tables: are two databases the same, whatever the order of their rows?

Belongs here: hashing what a DuckDB schema holds. Does not belong here: hashing files (`stammkunde/files.py`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import duckdb


class TableHash(NamedTuple):
    """Number of rows, and a hash of names, types and values that ignores the order of rows."""

    rows: int
    hash: str


def quoted(identifier: str) -> str:
    """The identifier as it stands in SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def tables_of(connection: duckdb.DuckDBPyConnection, database: str, schema: str) -> list[str]:
    """Names of the tables and views of a schema, sorted."""
    rows = connection.execute(
        """
        select table_name from duckdb_tables() where database_name = $database and schema_name = $schema
        union all
        select view_name from duckdb_views() where database_name = $database and schema_name = $schema
        order by 1
        """,
        {"database": database, "schema": schema},
    ).fetchall()
    return [name for (name,) in rows]


def schema_hashes(
    connection: duckdb.DuckDBPyConnection, database: str, schema: str = "marts"
) -> dict[str, TableHash]:
    """Content hash of every table and view of `database.schema` of an open connection, sorted by name.

    The sum of the rows' 64-bit hashes does not depend on their order and counts duplicates. It is DuckDB's
    own hash, so hashes are comparable within one version of DuckDB only.
    """
    result: dict[str, TableHash] = {}
    for table in tables_of(connection, database, schema):
        relation = f"{quoted(database)}.{quoted(schema)}.{quoted(table)}"
        columns = [(row[0], row[1]) for row in connection.execute(f"describe {relation}").fetchall()]
        values = ", ".join(quoted(name) for name, _ in columns)
        found = connection.execute(
            f"select count(*), coalesce(sum(hash({values})), 0) from {relation}"
        ).fetchone()
        assert found is not None
        rows, total = found
        digest = hashlib.sha256(repr((columns, rows, int(total))).encode()).hexdigest()
        result[table] = TableHash(rows, digest)
    return result


def table_hashes(database: Path, schema: str = "marts") -> dict[str, TableHash]:
    """Content hash of every table of a database file that nobody is writing, by table name.

    Raises duckdb.Error when the file cannot be read.
    """
    with duckdb.connect(str(database.resolve()), read_only=True) as connection:
        row = connection.execute("select current_database()").fetchone()
        assert row is not None
        return schema_hashes(connection, row[0], schema)


def combined_hash(hashes: dict[str, TableHash]) -> str:
    """One hash for all tables."""
    return hashlib.sha256(repr(sorted(hashes.items())).encode()).hexdigest()
