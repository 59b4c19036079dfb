"""Arrow tables as JSON lines."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa


def write_jsonl(table: pa.Table, path: Path, select: str = "*") -> None:
    """Writes the rows of `table` in their order, one object a line; `select` is its SELECT list."""
    connection = duckdb.connect()
    try:
        # One thread: with several the lines would come in another order each time.
        connection.execute("SET threads = 1")
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("source_rows", table)
        target = str(path).replace("'", "''")
        connection.execute(f"COPY (SELECT {select} FROM source_rows) TO '{target}' (FORMAT json)")
    finally:
        connection.close()
