"""Rows and files that break the contract: kept whole, shown masked.

Belongs here: how a rejected row is described and stored, and how values are masked.
Does not belong here: finding the faults (`ingestion/typing_rows.py`) or showing the quarantine in the
warehouse (`ingestion/raw.py`).

`quarantine.parquet` of a load keeps the whole row as JSON, so it can be mended; the file is readable by its
owner only, and no log, message or view shows that column.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingestion.contracts import Field, Table
from ingestion.extract import FileRefused, RejectedRow
from ingestion.times import only_in_range
from ingestion.typing_rows import Typed

SCHEMA = pa.schema(
    [
        ("table_name", pa.string()),
        ("kind", pa.string()),  # row, or file for a refused file
        ("container", pa.string()),  # the file as a whole: the zip of a member, else the same as file
        ("file", pa.string()),
        ("line", pa.int64()),
        ("field", pa.string()),
        ("value_masked", pa.string()),
        ("reason", pa.string()),
        ("row_key", pa.string()),  # JSON of the key where it can be read; tells when a later load mends it
        ("row", pa.string()),  # the whole row as JSON, personal data included
    ]
)
_SHOWN = 60
# Without the empty fields, so that a row is the same whatever other rows made of its batch's columns.
_ROW = "cast(json_merge_patch('{}'::json, to_json(rows)) as varchar)"
_SPOOL_BYTES = 32 * 1024 * 1024


def mask(value: str | None, personal: bool) -> str | None:
    """A value as it may be shown: personal ones keep their first character, others are cut to 60."""
    if value is None:
        return None
    if personal:
        return value[:1] + "***"
    return value if len(value) <= _SHOWN else value[:_SHOWN] + "…"


def mask_array(values: pa.Array, personal: bool) -> pa.Array:
    """`mask` for an array of text."""
    if personal:
        return pc.binary_join_element_wise(pc.utf8_slice_codeunits(values, 0, 1), "***", "")
    long = pc.greater(pc.utf8_length(values), _SHOWN)
    cut = pc.binary_join_element_wise(pc.utf8_slice_codeunits(values, 0, _SHOWN), "…", "")
    return pc.if_else(long, cut, values)


def key_expression(table: Table) -> str:
    """SQL for the JSON of a row's key; null where a required part is missing."""
    parts = ", ".join(f'cast("{name}" as varchar)' for name in table.key)
    required = [name for name in table.key if table.field(name).required]
    whole = " and ".join(f'"{name}" is not null' for name in required) or "true"
    return f"case when {whole} then cast(to_json([{parts}]) as varchar) end"


def faulty_rows(
    table: Table,
    data: pa.Table,
    lines: pa.Array,
    typed: Typed,
    files: pa.Array,
    containers: pa.Array,
    connection: duckdb.DuckDBPyConnection,
) -> pa.Table:
    """Quarantine rows of a batch: one per broken row, which names its first fault and mentions the others.

    `lines`, `files` and `containers` tell of each row of the batch where it stands.
    """
    assert typed.bad is not None
    places = pa.array(np.flatnonzero(np.asarray(typed.bad)))
    none = pa.nulls(len(places), pa.string())
    first_reason, first_field, first_value, mentions = none, none, none, []
    for field, reasons in typed.faults:
        reason = reasons.take(places)
        broken = pc.is_valid(reason)
        is_first = pc.and_(broken, pc.is_null(first_reason))
        value = _shown_value(field, data, places)
        first_value = pc.if_else(is_first, value, first_value)
        first_field = pc.if_else(is_first, field.name, first_field)
        first_reason = pc.coalesce(first_reason, reason)
        later = pc.and_(broken, pc.invert(is_first))
        mention = pc.binary_join_element_wise(pa.scalar(f"; also {field.name} ", pa.string()), reason, "")
        mentions.append(pc.if_else(later, mention, pa.scalar(None, pa.string())))
    reasons = pc.binary_join_element_wise(
        first_reason, *mentions, "", null_handling="replace", null_replacement=""
    )
    bad_rows = _readable(data.take(places))
    keys = typed.rows.select(list(table.key)).take(places)
    constant = {"table_name": table.name, "kind": "row"}
    columns = {
        **{name: pa.repeat(pa.scalar(text, pa.string()), len(places)) for name, text in constant.items()},
        "container": containers.take(places).cast(pa.string()),
        "file": files.take(places).cast(pa.string()),
        "line": lines.take(places),
        "field": first_field,
        "value_masked": first_value,
        "reason": reasons,
        "row_key": _select(connection, keys, key_expression(table)),
        "row": _select(connection, bad_rows, _ROW, alias="rows"),
    }
    return pa.table(columns, schema=SCHEMA)


def _readable(data: pa.Table) -> pa.Table:
    """Native instants that no calendar holds as their plain numbers: DuckDB refuses to write them."""
    for position, field in enumerate(data.schema):
        if not (pa.types.is_timestamp(field.type) or pa.types.is_date(field.type)):
            continue
        values = data.column(position).combine_chunks()
        inside = only_in_range(values)
        if not inside.reasons.null_count < len(values):
            continue
        plain = values.cast(pa.int64() if values.type.bit_width == 64 else pa.int32()).cast(pa.string())
        text = pc.strftime(inside.values, "%Y-%m-%dT%H:%M:%S")
        data = data.set_column(position, field.name, pc.coalesce(text, plain))
    return data


def _shown_value(field: Field, data: pa.Table, places: pa.Array) -> pa.Array:
    if field.name not in data.column_names:
        return pa.nulls(len(places), pa.string())
    column = data.column(field.name).take(places)
    column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        column = pa.array([None if v is None else str(v) for v in column.to_pylist()], pa.string())
    return mask_array(column.cast(pa.string()), field.personal)


def _select(
    connection: duckdb.DuckDBPyConnection, data: pa.Table, expression: str, alias: str = "keys"
) -> pa.ChunkedArray:
    connection.register("quarantined", data)
    try:
        result = connection.execute(
            f"select {expression} as value from quarantined as {alias}"
        ).to_arrow_table()
    finally:
        connection.unregister("quarantined")
    return result.column("value").cast(pa.string())


def rejected_rows(tables: dict[str, Table], rows: list[RejectedRow]) -> pa.Table:
    """Quarantine rows for what the reader itself could not read."""
    return pa.Table.from_pylist(
        [
            {
                "table_name": r.table, "kind": "row", "container": r.file, "file": r.file, "line": r.line,
                "field": r.field, "value_masked": mask(r.value, _is_personal(tables[r.table], r.field)),
                "reason": r.reason, "row": r.row or r.value or "",
            }
            for r in rows
        ],
        schema=SCHEMA,
    )  # fmt: skip


def refused_file(message: FileRefused) -> pa.Table:
    """The quarantine row of a file that is refused as a whole."""
    return pa.Table.from_pylist(
        [
            {
                "table_name": message.table, "kind": "file", "container": message.file, "file": message.file,
                "line": message.line, "field": message.field, "reason": message.reason, "row": "",
            }
        ],
        schema=SCHEMA,
    )  # fmt: skip


def _is_personal(table: Table, field: str | None) -> bool:
    """Whether a value has to be masked; what cannot be told apart is."""
    return field not in table.field_names or table.field(field or "").personal


class Spool:
    """Quarantine rows in memory, and in a file beyond some size."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._chunks: list[pa.Table] = []
        self._bytes = 0
        self._writer: pq.ParquetWriter | None = None
        self.counts: dict[str, int] = {}
        """Rows (not files) per table."""

    def add(self, rows: pa.Table) -> None:
        if not rows.num_rows:
            return
        only_rows = rows.filter(pc.equal(rows.column("kind"), "row"))
        for entry in pc.value_counts(only_rows.column("table_name")).to_pylist():
            self.counts[entry["values"]] = self.counts.get(entry["values"], 0) + entry["counts"]
        self._chunks.append(rows)
        self._bytes += rows.nbytes
        if self._bytes > _SPOOL_BYTES:
            self._flush()

    def move_to(self, other: Spool, container: str) -> None:
        """Hands all rows on, marked as belonging to the zip or folder `container`."""
        if self._writer is not None:
            self._flush()
            self._writer.close()
            file = pq.ParquetFile(self._path)
            for group in range(file.num_row_groups):
                other.add(_contained(file.read_row_group(group), container))
        for chunk in self._chunks:
            other.add(_contained(chunk, container))
        self.discard()

    def discard(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._path.unlink(missing_ok=True)
        self._chunks, self._bytes, self._writer, self.counts = [], 0, None, {}

    def close(self) -> bool:
        """Writes everything to the file, if there is anything; returns whether there is."""
        if self._writer is None and not self._chunks:
            return False
        self._flush()
        assert self._writer is not None
        self._writer.close()
        self._path.chmod(0o600)
        return True

    def _flush(self) -> None:
        if self._writer is None:
            self._path.touch(mode=0o600)
            self._writer = pq.ParquetWriter(self._path, SCHEMA, compression="zstd", store_schema=False)
        if self._chunks:
            self._writer.write_table(pa.concat_tables(self._chunks))
        self._chunks, self._bytes = [], 0


def _contained(rows: pa.Table, container: str) -> pa.Table:
    at = SCHEMA.get_field_index("container")
    return rows.set_column(at, SCHEMA.field(at), pa.repeat(pa.scalar(container, pa.string()), rows.num_rows))
