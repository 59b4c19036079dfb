"""The schema `raw` of the warehouse: committed landing files as tables.

Belongs here: the views on Parquet, `raw.ingestion_load`, `raw.quarantine`, and counts of the quarantine.
Does not belong here: anything that changes a value; that is staging's work.
"""

from __future__ import annotations

from dataclasses import asdict, astuple
from pathlib import Path

import duckdb
import pyarrow as pa

from ingestion.contracts import Table, catalogue
from ingestion.drops import read_drops
from ingestion.duplicates import quoted
from ingestion.healing import collect_quarantine
from ingestion.state import LOAD_PATTERN, Manifest, manifests
from stammkunde.home import Home

_SQL_TYPES = {
    pa.string(): "varchar",
    pa.int64(): "bigint",
    pa.decimal128(18, 4): "decimal(18, 4)",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp",
    pa.bool_(): "boolean",
    pa.list_(pa.string()): "varchar[]",
}

LOAD_SCHEMA = pa.schema(
    [
        ("source", pa.string()), ("table_name", pa.string()), ("load_id", pa.string()),
        ("as_of_date", pa.string()), ("is_full", pa.bool_()), ("files_read", pa.int64()),
        ("files_refused", pa.int64()), ("rows_read", pa.int64()), ("rows_loaded", pa.int64()),
        ("rows_quarantined", pa.int64()), ("seen_again", pa.int64()), ("rows_erased", pa.int64()),
    ]
)  # fmt: skip

_DROP_SCHEMA = pa.schema([(name, pa.string()) for name in ("entry_id", "author", "reason", "at")])

_QUARANTINE_COLUMNS = {
    "source": "varchar", "table_name": "varchar", "load_id": "varchar", "as_of_date": "date",
    "file": "varchar", "line": "bigint", "field": "varchar", "value_masked": "varchar",
    "reason": "varchar", "kind": "varchar", "healed_by_load_id": "varchar",
    "entry_id": "varchar", "container": "varchar", "dropped_by": "varchar", "dropped_reason": "varchar",
}  # fmt: skip


def register_raw(connection: duckdb.DuckDBPyConnection, home: Home) -> None:
    """(Re)creates the schema `raw`: one view per contract table, empty and typed where nothing has landed.

    The views read whatever loads are committed when they are queried; call this again after a load, since
    `ingestion_load` and `quarantine` are tables, and a first load turns an empty view into a real one.
    Raises UserError for a damaged manifest.
    """
    connection.execute("create schema if not exists raw")
    loads = {source: manifests(home.landing / source) for source in catalogue()}
    for source, tables in catalogue().items():
        for table in tables.values():
            select = _select(table, home.landing / source, loads[source])
            connection.execute(f'create or replace view raw."{table.raw_name}" as {select}')
    _register_loads(connection, [m for of_source in loads.values() for m in of_source])
    _register_quarantine(connection, home, loads)


def _select(table: Table, root: Path, loads: list[Manifest]) -> str:
    holding = [m for m in loads if table.name in m.tables and m.tables[table.name].counts.rows_loaded]
    if not holding:
        columns = ", ".join(f'null::{_SQL_TYPES[f.type]} as "{f.name}"' for f in table.raw_schema)
        return f"select {columns} where false"
    landed = {name for m in holding for name, _ in m.tables[table.name].columns}
    contract = tuple((f.name, str(f.type)) for f in table.raw_schema)
    by_name = any(m.tables[table.name].columns != contract for m in holding)
    columns = ", ".join(
        _column(f.name, _SQL_TYPES[f.type], present=f.name in landed, cast=by_name) for f in table.raw_schema
    )
    pattern = root / LOAD_PATTERN / table.name / "*.parquet"
    option = ", union_by_name = true" if by_name else ""
    return f"select {columns} from read_parquet({quoted(pattern)}{option})"


def _column(name: str, kind: str, present: bool, cast: bool) -> str:
    """A column of the contract; loads from before it was in the contract have nulls."""
    if not present:
        return f'null::{kind} as "{name}"'
    return f'"{name}"::{kind} as "{name}"' if cast else f'"{name}"'


def _register_loads(connection: duckdb.DuckDBPyConnection, loads: list[Manifest]) -> None:
    rows = [
        dict(
            zip(
                LOAD_SCHEMA.names,
                (m.source, name, m.load_id, m.as_of, m.full, *astuple(entry.counts)),
                strict=True,
            )
        )
        for m in loads
        for name, entry in sorted(m.tables.items())
    ]
    connection.register("load_rows", pa.Table.from_pylist(rows, schema=LOAD_SCHEMA))
    connection.execute(
        "create or replace table raw.ingestion_load as "
        "select * replace (as_of_date::date as as_of_date) from load_rows "
        "order by source, load_id, table_name"
    )
    connection.unregister("load_rows")


def _register_quarantine(
    connection: duckdb.DuckDBPyConnection, home: Home, loads: dict[str, list[Manifest]]
) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in _QUARANTINE_COLUMNS.items())
    connection.execute(f"create or replace table raw.quarantine ({columns})")
    dropped = pa.Table.from_pylist([asdict(drop) for drop in read_drops(home)], schema=_DROP_SCHEMA)
    connection.register("dropped", dropped)
    for source, of_source in loads.items():
        if not collect_quarantine(connection, home.landing / source, of_source):
            continue
        connection.execute(
            """
            insert into raw.quarantine
            with entries as (
                select
                    q.*, l.as_of_date,
                    md5(concat_ws(chr(31), ?, q.load_id, q.table_name, q.file, coalesce(q.field, ''),
                        q.kind, q.reason))[:10] as entry_id
                from earlier_quarantine as q
                join (
                    select distinct load_id, as_of_date from raw.ingestion_load where source = ?
                ) as l using (load_id)
            ),
            decisions as (
                select entry_id, last(author) as author, last(reason) as reason from dropped group by entry_id
            )
            select
                ?, e.table_name, e.load_id, e.as_of_date, e.file, e.line, e.field, e.value_masked,
                e.reason, e.kind, e.healed_by_load_id, e.entry_id, e.container, d.author, d.reason
            from entries as e
            left join decisions as d on d.entry_id = e.entry_id
            order by e.load_id, e.table_name, e.file, e.line nulls first, e.reason
            """,
            [source, source, source],
        )
        connection.execute("drop table earlier_quarantine")
    connection.unregister("dropped")


def open_quarantine(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rejected rows and refused files per source, neither healed by a later load nor dropped. Needs
    `register_raw`.
    """
    rows = connection.execute(
        "select source, count(*) from raw.quarantine where healed_by_load_id is null and dropped_by is null "
        "group by all order by all"
    ).fetchall()
    return {source: int(count) for source, count in rows}
