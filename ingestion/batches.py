"""Rows of many files typed together: a till's export is small, and typing has a price per call.

Belongs here: joining the rows of whole files to batches, and splitting those into good and rejected rows.
Does not belong here: whether a file is whole (`ingestion/landing.py`), the contract
(`ingestion/typing_rows.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.contracts import Table
from ingestion.extract import Rows
from ingestion.quarantine import faulty_rows
from ingestion.typing_rows import type_rows
from privacy.suppression import Suppressor

BATCH_ROWS = 100_000


@dataclass(frozen=True)
class Arrived:
    """Rows of a file, the number of that file in the load, and the zip or folder it belongs to."""

    rows: Rows
    file_no: int
    container: str


def alike(arrived: list[Arrived]) -> list[list[Arrived]]:
    """Groups of rows that can be typed as one table."""
    groups: dict[tuple[object, ...], list[Arrived]] = {}
    for one in arrived:
        groups.setdefault(_shape(one.rows), []).append(one)
    return list(groups.values())


def _shape(rows: Rows) -> tuple[object, ...]:
    schema = rows.data.schema
    return rows.table, rows.decimal_mark, tuple(schema.names), tuple(map(str, schema.types))


def type_batch(
    table: Table, arrived: list[Arrived], timezone: str, connection: duckdb.DuckDBPyConnection
) -> tuple[pa.Table, pa.Table | None]:
    """Good rows with `_source_file`, `_source_line`, `_file_no`; and quarantine rows, if there are any."""
    data = pa.concat_tables([one.rows.data for one in arrived])
    lines = pa.concat_arrays([_flat(one.rows.lines) for one in arrived])
    sizes = [one.rows.data.num_rows for one in arrived]
    files = _repeated([one.rows.file for one in arrived], sizes)
    numbers = pa.array(np.repeat([one.file_no for one in arrived], sizes))
    typed = type_rows(table, data, timezone, arrived[0].rows.decimal_mark)
    good, bad = typed.rows, None
    if typed.bad is not None:
        containers = _repeated([one.container for one in arrived], sizes)
        bad = faulty_rows(table, data, lines, typed, files, containers, connection)
        keep = pc.invert(typed.bad)
        good, lines, files, numbers = (part.filter(keep) for part in (good, lines, files, numbers))
    columns = (("_source_file", files), ("_source_line", lines), ("_file_no", numbers))
    for name, column in columns:
        good = good.append_column(name, column)
    return good, bad


def _repeated(names: list[str], sizes: list[int]) -> pa.DictionaryArray:
    distinct = list(dict.fromkeys(names))
    places = {name: at for at, name in enumerate(distinct)}
    indices = np.repeat(np.array([places[name] for name in names], np.int32), sizes)
    return pa.DictionaryArray.from_arrays(pa.array(indices), distinct)


def _flat(lines: pa.Array | pa.ChunkedArray) -> pa.Array:
    return (lines.combine_chunks() if isinstance(lines, pa.ChunkedArray) else lines).cast(pa.int64())


class Batches:
    """Collects rows of whole files and types them when there are enough, or when `flush` asks for it.

    Only rows whose decimal mark is known wait for others: the mark of the rest is read off their own file.
    """

    def __init__(self, emit: Callable[[list[Arrived]], None]) -> None:
        self._emit = emit
        self._waiting: dict[tuple[object, ...], list[Arrived]] = {}
        self._rows: dict[tuple[object, ...], int] = {}

    def add(self, arrived: list[Arrived]) -> None:
        for group in alike(arrived):
            shape = _shape(group[0].rows)
            self._waiting.setdefault(shape, []).extend(group)
            self._rows[shape] = self._rows.get(shape, 0) + sum(one.rows.data.num_rows for one in group)
            if group[0].rows.decimal_mark is None or self._rows[shape] >= BATCH_ROWS:
                self._type(shape)

    def flush(self) -> None:
        for shape in list(self._waiting):
            self._type(shape)

    def _type(self, shape: tuple[object, ...]) -> None:
        self._rows.pop(shape)
        self._emit(self._waiting.pop(shape))


class Typing:
    """Types batches of one source and takes erased people out of them, who are counted by table."""

    def __init__(
        self,
        timezone: str,
        connection: duckdb.DuckDBPyConnection,
        source: str,
        suppressor: Suppressor | None = None,
    ) -> None:
        self._timezone, self._connection = timezone, connection
        self._source, self._suppressor = source, suppressor

    def batch(
        self, table: Table, arrived: list[Arrived], erased: Counter[str]
    ) -> tuple[pa.Table, pa.Table | None]:
        """Good rows and quarantine rows of `type_batch`, without erased people."""
        good, bad = type_batch(table, arrived, self._timezone, self._connection)
        if self._suppressor is None:
            return good, bad
        suppressed = self._suppressor.apply(table, good)
        erased[table.name] += suppressed.dropped
        return suppressed.rows, None if bad is None else self.without_erased(bad, erased)

    def without_erased(self, quarantined: pa.Table, erased: Counter[str]) -> pa.Table:
        """Quarantine rows that are nobody's who was erased."""
        if self._suppressor is None:
            return quarantined
        kept = self._suppressor.keep_quarantined(quarantined, self._source)
        gone = quarantined.filter(pc.invert(kept)).column("table_name")
        erased.update(gone.to_pylist())
        return quarantined.filter(kept)
