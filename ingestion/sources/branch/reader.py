"""The branch ERP: any SQL database that SQLAlchemy reaches, read in one consistent snapshot.

Customers and orders are read from their watermark (`updated_at`), lines with their orders, the small tables
always whole. A source without a table or column that the contract calls optional is fine and said so.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from ingestion.extract import Context, Message, Notice, Rows, Watermark
from ingestion.sources.branch import contract
from ingestion.sources.branch.catalog import Catalog, SourceTable
from ingestion.sources.branch.connection import parse_url, snapshot, unavailable
from ingestion.sources.branch.fetch import fetch, select_list
from ingestion.sources.branch.version import VersionColumn, version_column
from stammkunde.config import BranchSource

VERSION = "updated_at"
INCREMENTAL = (contract.CUSTOMER.name, contract.SALES_ORDER.name)


def extract(settings: BranchSource, context: Context) -> Iterator[Message]:
    """Messages for landing: the rows of every table that the source has.

    Raises SourceUnavailable when the database cannot be reached, refuses us, or lacks what the contract
    requires.
    """
    url = parse_url(settings.url.get_secret_value())
    with snapshot(url) as connection:
        doing = "reading the list of tables"
        try:
            catalog = Catalog(connection, settings.schema_name)
            found = {t.name: catalog.find(t) for t in contract.TABLES}
            for table in contract.TABLES:
                source = found[table.name]
                doing = f"reading table {table.name!r}"
                if source is None:
                    yield Notice(f"the optional table {table.name!r} is missing and is left out")
                else:
                    yield from _table(connection, source, found.get("sales_order"), context)
        except SQLAlchemyError as error:
            raise unavailable(error, url, doing) from error


def _table(
    connection: Connection, source: SourceTable, orders: SourceTable | None, context: Context
) -> Iterator[Message]:
    backend = connection.dialect.name
    name = source.table.name
    if source.missing:
        yield Notice(f"{source.shown!r} has no {', '.join(source.missing)}; these stay empty")
    condition = ""
    join = ""
    if name in INCREMENTAL:
        version = version_column(source, VERSION, backend, context)
        if version is None:
            yield Notice(f"table {source.shown!r} has no usable {VERSION} and is read whole each time")
        else:
            condition = _since(version, "t", name, context)
            newest = version.newest(connection, source)
            if newest is not None:
                yield Watermark(name, newest)
    elif name == contract.SALES_ORDER_LINE.name and orders is not None:
        version = version_column(orders, VERSION, backend, context)
        condition = _since(version, "o", orders.table.name, context) if version else ""
        if condition:
            key = "order_no"
            join = (
                f" JOIN {orders.quoted} o ON o.{orders.columns[key].quoted} = t.{source.columns[key].quoted}"
            )
    order_by = ", ".join(f"t.{source.columns[k].quoted}" for k in source.table.key if k in source.columns)
    query = (
        f"SELECT {select_list(source, backend)} FROM {source.quoted} t{join}{condition} ORDER BY {order_by}"
    )
    yield from _rows(connection, query, source, context)


def _since(version: VersionColumn, alias: str, table: str, context: Context) -> str:
    watermark = None if context.full else context.state.watermarks.get(table)
    return f" WHERE {version.since(alias, watermark)}" if watermark else ""


def _rows(connection: Connection, query: str, source: SourceTable, context: Context) -> Iterator[Message]:
    read = 0
    for data in fetch(connection, query, source):
        lines = pa.array(range(read + 1, read + data.num_rows + 1), pa.int64())
        read += data.num_rows
        yield Rows(source.table.name, data, source.shown, lines, source.decimal_mark)
        context.progress(f"{source.table.name}: {read:,} rows")
