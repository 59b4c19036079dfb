"""Rows of the branch database as Arrow batches of text.

PostgreSQL sends CSV by COPY, which Arrow parses; every other database is read through its driver with a
server-side cursor. Both hand over text, so landing types and checks each value by the contract and a value
that does not fit becomes a quarantine row instead of a failed read. NULL and the empty text stay apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from ingestion.extract import SourceUnavailable
from ingestion.sources.branch.catalog import SourceColumn, SourceTable

BATCH_ROWS = 65_536
BATCH_BYTES = 64 * 1024 * 1024
_COPY_STEP = 4_096


def select_list(source: SourceTable, backend: str) -> str:
    """The columns of a SELECT from `t`, in the order of `source.columns`."""
    return ", ".join(_as_text(column, backend) for column in source.columns.values())


def _as_text(column: SourceColumn, backend: str) -> str:
    expression = f"t.{column.quoted}"
    if backend == "postgresql":
        if type(column.type).__name__ == "MONEY":  # its text carries a currency sign
            expression = f"CAST({expression} AS numeric)"
        return f"CAST({expression} AS text)"
    if backend == "sqlite":
        return f"CAST({expression} AS TEXT)"
    return expression


def fetch(connection: Connection, query: str, source: SourceTable) -> Iterator[pa.Table]:
    """The query's rows in batches of at most 65,536; the columns are text.

    Raises sqlalchemy.exc.DBAPIError from the driver and SourceUnavailable when text is not valid UTF-8.
    """
    names = list(source.columns)
    if connection.dialect.name == "postgresql":
        zoned = [n for n, c in source.columns.items() if getattr(c.type, "timezone", False)]
        for block in _copy_blocks(connection, query):
            yield _mark_utc(_parse_copy(block, names, source.shown), zoned)
    else:
        result = connection.execution_options(stream_results=True, yield_per=BATCH_ROWS).exec_driver_sql(
            query
        )
        for rows in result.partitions(BATCH_ROWS):
            columns = zip(*rows, strict=True)
            yield pa.table([_text_array(list(c), source.shown) for c in columns], names=names)


def _copy_blocks(connection: Connection, query: str) -> Iterator[bytes]:
    """COPY's output cut between rows: the protocol sends one row per message."""
    driver_connection: Any = connection.connection.driver_connection
    try:
        with driver_connection.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT csv)") as copy:
            messages = iter(copy)
            rows, size, parts = 0, 0, []
            while step := list(islice(messages, _COPY_STEP)):
                part = b"".join(step)
                parts.append(part)
                rows, size = rows + len(step), size + len(part)
                is_full = rows >= BATCH_ROWS or size >= BATCH_BYTES
                if is_full and part.endswith(b"\n"):
                    yield b"".join(parts)
                    rows, size, parts = 0, 0, []
            if parts:
                yield b"".join(parts)
    except psycopg.Error as error:
        raise DBAPIError(query, None, error) from error


def _parse_copy(block: bytes, names: list[str], shown: str) -> pa.Table:
    try:
        return pa_csv.read_csv(
            pa.BufferReader(block),
            read_options=pa_csv.ReadOptions(column_names=names, block_size=len(block) + 1, use_threads=False),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=pa_csv.ConvertOptions(
                column_types={n: pa.string() for n in names},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise SourceUnavailable(f"branch: table {shown!r} cannot be read as UTF-8 text: {error}") from error


def _mark_utc(data: pa.Table, zoned: list[str]) -> pa.Table:
    """The session runs in UTC: `…+00` becomes the ISO form `…Z`."""
    for name in zoned:
        position = data.schema.get_field_index(name)
        text = pc.replace_substring_regex(data.column(name), r"\+00$", "Z")
        data = data.set_column(position, name, text)
    return data


def _text_array(values: list[Any], shown: str) -> pa.Array:
    """A driver's values as text: dates and instants in ISO form, binary as an error."""
    try:
        array = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # a column of mixed types
        array = pa.array([None if v is None else str(v) for v in values], pa.string())
    if pa.types.is_string(array.type):
        return array
    if pa.types.is_binary(array.type):
        raise SourceUnavailable(f"branch: table {shown!r} holds binary values where text is expected")
    if pa.types.is_timestamp(array.type) and array.type.tz is not None:
        naive = array.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))
        return pc.binary_join_element_wise(naive.cast(pa.string()), "Z", "")
    return array.cast(pa.string())
