"""One row per key, and nothing twice: what landing takes out of a load before it commits.

Belongs here: duplicate keys and twice delivered groups within a load, rows that earlier loads hold already.
Does not belong here: noticing that there may be duplicates (`ingestion/parts.py`, by fingerprints).

Within a load, a group of rows that later loads replace as a whole (`Table.replace_by`, for example a till
closing) is taken from the newest file that holds it; of several rows with one key the newest stays: by
`updated_at` if the table has it, then by file, then by line. What loses goes to quarantine with the reason.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from ingestion.contracts import Table
from ingestion.quarantine import SCHEMA, key_expression

_LOSERS = """
create or replace temp table loser as
with place as (
    select part.*, file_order.container, file_order.file_no
    from part join file_order on file_order.file = part._source_file
),
newest as (
    select {group_columns}max(file_no) as newest_no, arg_max(container, file_no) as newest_container
    from place {group_by}
),
grouped as (
    select
        place.*,
        {superseded} as is_superseded,
        newest.newest_container
    from place {join_newest}
),
ranked as (
    select
        *,
        row_number() over by_key as position,
        first_value(_row_hash) over by_key as kept_hash,
        first_value(_source_file) over by_key as kept_file,
        first_value(_source_line) over by_key as kept_line
    from grouped
    window by_key as (
        partition by {key}
        order by is_superseded, {version}file_no desc, _source_line desc, part_row desc
    )
)
select
    part_file,
    part_row,
    case
        when position > 1 and _row_hash = kept_hash
            then 'exact duplicate of ' || kept_file || ', line ' || kept_line
        when is_superseded
            then 'superseded: ' || newest_container || ' is newer and delivers the same '
                || {group_text} || ' again'
        else 'duplicate key (' || {key_text} || ') with different content; kept: '
            || kept_file || ', line ' || kept_line
    end as reason
from ranked
where position > 1 or is_superseded
"""


@dataclass(frozen=True)
class SeenAgain:
    """How many loaded and how many quarantined rows of a table an earlier load holds already."""

    rows: int = 0
    quarantined: int = 0


def _columns(names: tuple[str, ...], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{name}"' for name in names)


def _same(names: tuple[str, ...], left: str, right: str) -> str:
    return " and ".join(f'{left}."{n}" is not distinct from {right}."{n}"' for n in names) or "true"


def quoted(value: str | Path | None) -> str:
    """An SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def _list(paths: list[str]) -> str:
    return "[" + ", ".join(quoted(path) for path in paths) + "]"


def read_parts(pattern: str) -> str:
    """A select over part files that names the file and the row's place in it."""
    return (
        f"select * exclude (filename, file_row_number), filename as part_file, file_row_number as part_row "
        f"from read_parquet({quoted(pattern)}, filename = true, file_row_number = true)"
    )


def remove_duplicates(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    directory: Path,
    files: pa.Table,
    reject: Callable[[pa.Table], None],
) -> None:
    """Takes duplicates out of the parts in `directory` and hands them to `reject` as quarantine rows.

    `files` has one row per file of the load: file, container, file_no (later is newer).
    """
    connection.register("file_order", files)
    connection.execute(f"create or replace temp view part as {read_parts(f'{directory}/*.parquet')}")
    grouped = bool(table.replace_by) and set(table.replace_by) < set(table.key)
    statement = _LOSERS.format(
        group_columns=_columns(table.replace_by) + ", " if grouped else "",
        group_by="group by all" if grouped else "",
        superseded="place.file_no < newest.newest_no and place.container <> newest.newest_container"
        if grouped
        else "false",
        join_newest=f"join newest on {_same(table.replace_by, 'place', 'newest')}"
        if grouped
        else "cross join newest",
        key=_columns(table.key),
        version='"updated_at" desc nulls last, ' if "updated_at" in table.field_names else "",
        group_text=quoted(", ".join(table.replace_by)),
        key_text=quoted(", ".join(table.key)),
    )
    connection.execute(statement)
    (found,) = connection.execute("select count(*) from loser").fetchone() or (0,)
    if found:
        content = ", ".join(f'"{name}" := part."{name}"' for name in table.field_names)
        rejected = connection.execute(
            f"""
            select {quoted(table.name)} as table_name, 'row' as kind, file_order.container,
                part._source_file as file, part._source_line as line,
                null::varchar as field, null::varchar as value_masked, loser.reason,
                {key_expression(table)} as row_key,
                cast(to_json(struct_pack({content})) as varchar) as row
            from part join loser using (part_file, part_row)
            join file_order on file_order.file = part._source_file
            order by part._source_file, part._source_line, part_row
            """
        )
        for batch in rejected.to_arrow_reader(100_000):
            reject(pa.Table.from_batches([batch]).cast(SCHEMA))
        _keep(connection, table, directory, "anti join loser using (part_file, part_row)")
    connection.unregister("file_order")


def _keep(connection: duckdb.DuckDBPyConnection, table: Table, directory: Path, condition: str) -> None:
    """Writes the parts anew with the rows that remain after joining `condition`."""
    fresh = directory.with_name(f".{table.name}")
    fresh.mkdir(mode=0o700)
    connection.execute(
        f"""copy (select {_columns(tuple(table.raw_schema.names), "part.")} from part {condition})
        to {quoted(fresh / "part-00000.parquet")} (format parquet, compression zstd, compression_level 1)"""
    )
    shutil.rmtree(directory)
    fresh.rename(directory)


def drop_unchanged_groups(
    connection: duckdb.DuckDBPyConnection, table: Table, directory: Path, earlier: list[str]
) -> int:
    """Takes rows out whose whole `replace_by` group is as the newest earlier load has it; returns how many.

    `earlier` lists the part files of earlier loads.
    """
    group = table.replace_by
    names = _columns(group)
    connection.execute(f"create or replace temp view part as {read_parts(f'{directory}/*.parquet')}")
    connection.execute(
        f"create or replace temp table delivered as "
        f"select {names}, list_sort(list(_row_hash)) as hashes from part group by all"
    )
    connection.execute(
        f"""
        create or replace temp table unchanged as
        with held as (
            select {_columns(group, "old.")}, old._load_id, list_sort(list(old._row_hash)) as hashes
            from read_parquet({_list(earlier)}) as old
            where exists (select 1 from delivered where {_same(group, "delivered", "old")})
            group by all
        ),
        newest as (select {names}, arg_max(hashes, _load_id) as hashes from held group by all)
        select {_columns(group, "delivered.")}, true as same
        from delivered join newest on {_same(group, "delivered", "newest")}
        where delivered.hashes = newest.hashes
        """
    )
    same = _same(group, "part", "unchanged")
    (count,) = connection.execute(f"select count(*) from part join unchanged on {same}").fetchone() or (0,)
    if count:
        _keep(connection, table, directory, f"left join unchanged on {same} where unchanged.same is null")
    return int(count)


def snapshot_unchanged(
    connection: duckdb.DuckDBPyConnection, directory: Path, newest_earlier: list[str]
) -> bool:
    """Whether the parts hold exactly the rows of the newest earlier load of a snapshot table."""
    hashes = "select _row_hash, count(*) as n from read_parquet({}) group by _row_hash"
    new, old = hashes.format(_list([f"{directory}/*.parquet"])), hashes.format(_list(newest_earlier))
    (different,) = connection.execute(
        f"select count(*) from ({new}) as new full join ({old}) as old using (_row_hash, n) "
        "where new.n is null or old.n is null"
    ).fetchone() or (1,)
    return int(different) == 0
