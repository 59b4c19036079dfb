"""Which quarantined rows a later load has mended.

Belongs here: a source's quarantine over all loads with `healed_by_load_id`, and what a new load heals.
Does not belong here: building quarantine rows (`ingestion/quarantine.py`).

A row of a file is healed when a later load read a file of that name to its end. A row of a database or an API
is healed when a later load delivers its key again, a row of a snapshot when the table is landed anew; those
stand in the `healed.parquet` of the load that mended them.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.contracts import Table
from ingestion.quarantine import key_expression
from ingestion.state import HEALED, LOAD_PATTERN, QUARANTINE, Manifest

HEALED_SCHEMA = pa.schema(
    [("table_name", pa.string()), ("quarantined_load_id", pa.string()), ("row_key", pa.string())]
)
_READ_SCHEMA = pa.schema([("container", pa.string()), ("load_id", pa.string())])

_QUARANTINE = """
create or replace temp table earlier_quarantine as
with rejected as (
    select *, regexp_extract(filename, '(\\d{{6}})/[^/]*$', 1) as load_id, md5("row") as row_md5
    from {rejected}
),
read_later as (
    select rejected.load_id, rejected.container, min(read_file.load_id) as healed_by_load_id
    from (select distinct load_id, container from rejected) as rejected
    join read_file on read_file.container = rejected.container and read_file.load_id > rejected.load_id
    group by all
),
mended as (
    select
        table_name, quarantined_load_id, row_key,
        min(regexp_extract(filename, '(\\d{{6}})/[^/]*$', 1)) as healed_by_load_id
    from {healed}
    group by all
)
select
    rejected.load_id, rejected.table_name, rejected.kind, rejected.container, rejected.file, rejected.line,
    rejected.field, rejected.value_masked, rejected.reason, rejected.row_key, rejected.row_md5,
    coalesce(read_later.healed_by_load_id, mended.healed_by_load_id) as healed_by_load_id
from rejected
left join read_later
    on read_later.load_id = rejected.load_id and read_later.container = rejected.container
left join mended
    on mended.table_name = rejected.table_name
    and mended.quarantined_load_id = rejected.load_id
    and mended.row_key is not distinct from rejected.row_key
"""


def collect_quarantine(connection: duckdb.DuckDBPyConnection, root: Path, loads: list[Manifest]) -> bool:
    """Makes the temporary table `earlier_quarantine` of these loads; False if nothing was ever rejected."""
    if not any(root.glob(f"{LOAD_PATTERN}/{QUARANTINE}")):
        return False
    read = [
        {"container": file.file, "load_id": load.load_id}
        for load in loads
        for file in load.files
        if file.status == "read"
    ]
    connection.register("read_file", pa.Table.from_pylist(read, schema=_READ_SCHEMA))
    if any(root.glob(f"{LOAD_PATTERN}/{HEALED}")):
        healed = _reading(root / LOAD_PATTERN / HEALED)
    else:
        columns = ", ".join(f"null::varchar as {name}" for name in (*HEALED_SCHEMA.names, "filename"))
        healed = f"(select {columns} where false)"
    rejected = _reading(root / LOAD_PATTERN / QUARANTINE)
    connection.execute(_QUARANTINE.format(rejected=rejected, healed=healed))
    connection.unregister("read_file")
    return True


def _reading(pattern: Path) -> str:
    text = str(pattern).replace("'", "''")
    return f"read_parquet('{text}', filename = true)"


def write_healed(
    connection: duckdb.DuckDBPyConnection,
    directory: Path,
    tables: dict[str, Table],
    landed: set[str],
    quarantine: Path | None,
) -> None:
    """Notes in `directory` which open rows of earlier loads this load mends.

    `tables` are those that are not read from files, `landed` those of them with parts in this load,
    `quarantine` is this load's own file. Needs `earlier_quarantine`.
    """
    found: list[pa.Table] = []
    for name, table in tables.items():
        delivered = []
        if not table.replace_by and name in landed:
            condition = "true"
        else:
            if name in landed:
                parts = str(directory / name / "*.parquet").replace("'", "''")
                delivered.append(f"select {key_expression(table)} from read_parquet('{parts}')")
            if quarantine is not None:
                path = str(quarantine).replace("'", "''")
                delivered.append(f"select row_key from read_parquet('{path}') where table_name = '{name}'")
            if not delivered:
                continue
            condition = f"row_key in ({' union all '.join(delivered)})"
        found.append(
            connection.execute(
                f"""select distinct table_name, load_id as quarantined_load_id, row_key
                from earlier_quarantine
                where table_name = '{name}' and kind = 'row' and healed_by_load_id is null and {condition}
                order by all"""
            )
            .to_arrow_table()
            .cast(HEALED_SCHEMA)
        )
    if found and (healed := pa.concat_tables(found)).num_rows:
        pq.write_table(healed, directory / HEALED, store_schema=False)
