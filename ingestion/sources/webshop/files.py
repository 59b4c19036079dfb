"""`platform: files`: the shop's own exports in a folder, CSV or Parquet.

A file belongs to the table whose name it starts with: `orders.csv`, `orders-2024.parquet`,
`order_lines_05.csv.gz`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingestion.contracts import Table
from ingestion.extract import Context, Message, Notice, Rows, SourceUnavailable
from ingestion.readers.csv import read_csv
from ingestion.readers.files import Pattern, Refused, read_folder, read_whole_file
from ingestion.readers.header import match_header
from ingestion.sources.webshop import contract
from stammkunde.config import FilesWebshop

BATCH_ROWS = 65_536


def read_files(settings: FilesWebshop, context: Context) -> Iterator[Message]:
    """Messages for landing. Raises SourceUnavailable for a missing folder or one without any orders."""
    patterns = tuple(
        Pattern(f"{table.name}{rest}.{suffix}", table, reader)
        for table in contract.TABLES
        for suffix, reader in (("csv", read_csv), ("csv.gz", read_csv), ("parquet", read_parquet))
        for rest in ("", "[-_. 0-9]*")
    )
    if settings.path.is_dir() and not any(
        path.name.lower().startswith(contract.ORDERS.name) for path in settings.path.rglob("*")
    ):
        raise SourceUnavailable(f"webshop: {settings.path} holds no orders (orders*.csv or orders*.parquet)")
    yield from read_folder(settings.path, patterns, context)


def read_parquet(content: Path | bytes, table: Table, context: Context, *, name: str) -> Iterator[Message]:
    """Rows of a Parquet file in batches with their native types. A file that was cut off is refused."""
    yield from read_whole_file(
        content, table, context, name, lambda: _parquet_rows(content, table, context, name)
    )


def _parquet_rows(content: Path | bytes, table: Table, context: Context, name: str) -> Iterator[Message]:
    try:
        file = pq.ParquetFile(content if isinstance(content, Path) else pa.BufferReader(content))
    except pa.ArrowInvalid as error:
        raise Refused(f"no complete Parquet file: {error}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        # Arrow's word for content that it cannot decode.
        raise Refused(f"the Parquet file is damaged: {error}") from error
    with file:
        titles = file.schema_arrow.names
        header = match_header(titles, table)
        if header.unknown:
            known = f"columns that {table.raw_name} does not know are ignored"
            yield Notice(f"{name}: {known}: {', '.join(header.unknown)}")
        wanted = {titles[place]: field for field, place in header.positions.items()}
        read = 0
        try:
            for batch in file.iter_batches(BATCH_ROWS, columns=list(wanted)):
                data = pa.Table.from_batches([batch])
                data = _plain(data.rename_columns([wanted[n] for n in data.column_names]))
                lines = pa.array(range(read + 1, read + data.num_rows + 1), pa.int64())
                read += data.num_rows
                context.progress(f"{name}: {read:,} rows")
                yield Rows(table.name, data, name, lines)
        except (pa.ArrowInvalid, OSError) as error:
            raise Refused(f"the Parquet file is damaged after row {read}: {error}") from error


def _plain(data: pa.Table) -> pa.Table:
    """Categories as their values: what writes Parquet may have coded repeated values. Raises Refused."""
    for field in data.schema:
        if pa.types.is_timestamp(field.type):
            try:
                pc.year(pa.array([0], field.type))
            except pa.ArrowInvalid as error:
                raise Refused(
                    f"column {field.name} is in a time zone that is not known: {field.type.tz}"
                ) from error
    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in data.schema
    ]
    return data.cast(pa.schema(fields))
