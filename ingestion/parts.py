"""Typed rows to Parquet parts of one table.

Belongs here: lineage columns, the row hash, row groups, part files, and the fingerprints by which duplicate
keys are noticed without reading the parts again.
Does not belong here: which rows are good (`ingestion/typing_rows.py`) and what to do about duplicates
(`ingestion/duplicates.py`).

`_row_hash` is DuckDB's 64-bit hash of the contract's columns as 16 hexadecimal digits. It is stable for a
DuckDB version; after an upgrade, snapshots and rows of the last watermark land once more, which is harmless.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.contracts import Table
from ingestion.state import TableCounts

ROW_GROUP_ROWS = 500_000
_PLAIN = ("_source_line", "_row_hash")  # hardly ever twice the same: a dictionary would only cost
_HEX = np.frombuffer(b"".join(b"%02x" % i for i in range(256)), dtype=np.uint16)


def connect(spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory engine for landing; it spills to `spill` instead of taking more than 2 GB."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set memory_limit = '2GB'")
    if spill is not None:
        connection.execute("set temp_directory = ?", [str(spill)])
    return connection


def hexadecimal(hashes: np.ndarray) -> pa.Array:
    """64-bit numbers as text of 16 hexadecimal digits."""
    digits = _HEX[hashes.astype(">u8").view(np.uint8)]
    offsets = np.arange(0, 16 * len(hashes) + 1, 16, dtype=np.int32)
    return pa.StringArray.from_buffers(len(hashes), pa.py_buffer(offsets), pa.py_buffer(digits))


def uniform(chunks: list[pa.Table]) -> pa.Table:
    """One table of chunks whose text columns may be dictionary encoded in some and plain in others."""
    columns = []
    for at in range(chunks[0].num_columns):
        parts = [c.column(at) for c in chunks]
        if len({p.type for p in parts}) > 1:
            parts = [_plain(p) for p in parts]
        column = pa.chunked_array([chunk for p in parts for chunk in p.chunks], parts[0].type)
        columns.append(column.unify_dictionaries())
    return pa.table(columns, names=chunks[0].column_names)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


@dataclass
class Fingerprints:
    """64-bit hashes of the keys and of the replaced groups (with the number of their file)."""

    keys: list[np.ndarray] = field(default_factory=list)
    groups: list[np.ndarray] = field(default_factory=list)
    group_files: list[np.ndarray] = field(default_factory=list)

    def add(self, other: Fingerprints) -> None:
        self.keys += other.keys
        self.groups += other.groups
        self.group_files += other.group_files

    def suspicious(self) -> bool:
        """Whether a key may occur twice or a group in two files. A false alarm costs time, nothing else."""
        if not self.keys:
            return False
        keys = np.concatenate(self.keys)
        keys.sort()
        if bool((keys[1:] == keys[:-1]).any()):
            return True
        if not self.groups:
            return False
        groups, files = np.concatenate(self.groups), np.concatenate(self.group_files)
        order = np.lexsort((files, groups))
        groups, files = groups[order], files[order]
        return bool(((groups[1:] == groups[:-1]) & (files[1:] != files[:-1])).any())


class Part:
    """One Parquet file in the making."""

    def __init__(self, path: Path, table: Table, load_id: str) -> None:
        self.path = path
        self.table = table
        self.load_id = load_id
        self.rows = 0
        self.fingerprints = Fingerprints()
        self._writer: pq.ParquetWriter | None = None

    def write(self, chunks: list[pa.Table], connection: duckdb.DuckDBPyConnection) -> None:
        """Writes one row group of chunks with the contract's columns and lineage.

        Beside the contract's columns a chunk has `_source_file`, `_source_line` and `_file_no`, the number of
        its file in the load, which is not written.
        """
        data = uniform(chunks)
        hashes = self._hashes(data.select([*self.table.field_names, "_file_no"]), connection)
        load_ids = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(data), np.int32)), [self.load_id])
        columns = {
            **{name: data.column(name) for name in self.table.field_names},
            "_load_id": load_ids,
            "_source_file": data.column("_source_file"),
            "_source_line": data.column("_source_line"),
            "_row_hash": hexadecimal(hashes),
        }
        if self._writer is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        rows = pa.table(columns)
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self.path,
                rows.schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=[n for n in rows.column_names if n not in _PLAIN],
                # Smallest and largest texts cost as much as all other writing and help no query.
                write_statistics=[f.name for f in self.table.content_schema if f.type != pa.string()]
                or False,
                store_schema=False,
            )
        elif rows.schema != self._writer.schema:
            rows = pa.table(
                [_as(rows.column(f.name), f.type) for f in self._writer.schema], self._writer.schema
            )
        self._writer.write_table(rows, row_group_size=max(len(rows), 1))
        self.rows += len(rows)

    def _hashes(self, data: pa.Table, connection: duckdb.DuckDBPyConnection) -> np.ndarray:
        table = self.table

        def hash_of(names: Iterable[str]) -> str:
            return "hash(" + ", ".join(f'"{name}"' for name in names) + ")"

        grouped = set(table.replace_by) < set(table.key) and table.replace_by
        wanted = [hash_of(table.field_names), hash_of(table.key)]
        if grouped:
            wanted.append(hash_of(table.replace_by))
        connection.register("chunk", data)
        named = ", ".join(f"{expression} as h{i}" for i, expression in enumerate(wanted))
        result = connection.execute(f"select {named} from chunk").fetchnumpy()
        connection.unregister("chunk")
        hashes = [np.asarray(values).astype(np.uint64, copy=False) for values in result.values()]
        self.fingerprints.keys.append(hashes[1])
        if grouped:
            files = data.column("_file_no").to_numpy().astype(np.int64, copy=False)
            change = np.flatnonzero(
                np.r_[True, (hashes[2][1:] != hashes[2][:-1]) | (files[1:] != files[:-1])]
            )
            self.fingerprints.groups.append(hashes[2][change])
            self.fingerprints.group_files.append(files[change])
        return hashes[0]

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def discard(self) -> None:
        """Closes and removes the file."""
        self.close()
        self.path.unlink(missing_ok=True)


def _as(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    column = _plain(column)
    if pa.types.is_dictionary(kind):
        return column.dictionary_encode().cast(kind)
    return column.cast(kind)


@dataclass
class TableLoad:
    """The parts of one table in a load.

    `waiting` rows go to the part `shared` by many files; a large file has a part of its own. `from_files` is
    false for tables that are read by watermark or as a snapshot.
    """

    table: Table
    parts: list[Part] = field(default_factory=list)
    shared: Part | None = None
    waiting: list[pa.Table] = field(default_factory=list)
    waiting_rows: int = 0
    counts: TableCounts = field(default_factory=TableCounts)
    from_files: bool = False

    @property
    def fingerprints(self) -> Fingerprints:
        result = Fingerprints()
        for part in self.parts:
            result.add(part.fingerprints)
        return result
