"""Publication: the schema `marts` of the warehouse becomes a database that analysts can read at any time.

Every version is a read-only file of its own; `published/stammkunde.duckdb` is a symbolic link to the current
one. Replacing the link is the publication: who has a version open keeps it, who opens the link next gets the
new one.

Belongs here: making, keeping and switching versions. Does not belong here: what the tables hold (dbt) and who
may export them (`exports/`).

The caller holds the home (`stammkunde.warehouse.single_run`) and has closed the warehouse.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from stammkunde.errors import BlockedError, BusyError, UserError
from stammkunde.files import fsync_path
from stammkunde.hashes import TableHash, combined_hash, quoted, schema_hashes, table_hashes, tables_of
from stammkunde.home import Home
from stammkunde.versions import (
    NAME_PREFIX,
    UNFINISHED,
    Version,
    clear_errors,
    current_name,
    is_complete,
    open_published,
    read_manifest,
    remove_old,
    remove_unfinished,
    switch,
    versions,
    write_manifest,
)
from stammkunde.warehouse import is_taken

__all__ = ["Publication", "Version", "open_published", "publish", "rollback", "table_hashes", "versions"]


@dataclass(frozen=True)
class Publication:
    """What is published now. `changed` is false when the current version already held the same content."""

    version: str
    path: Path
    rows: dict[str, int]
    changed: bool
    removed: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.version


def publish(
    warehouse: Path,
    home: Home,
    as_of: date,
    keep: int = 5,
    fingerprint: str = "",
    blocking_failures: Sequence[object] = (),
) -> Publication:
    """Copies `marts` to a new version, switches to it and removes all but the newest `keep` versions.

    The same content of the same `as_of` is never published twice. `fingerprint` says what made the tables
    (code, configuration) and is kept with the version.

    Raises BlockedError when `blocking_failures` are given, BusyError when the warehouse is in use, UserError
    when it has no marts or the disk is full; the version published before stays in place then.
    """
    if blocking_failures:
        listed = "\n".join(f"  - {failure}" for failure in blocking_failures)
        raise BlockedError(
            f"Nothing was published, {len(blocking_failures)} blocking checks failed:\n{listed}"
        )
    with clear_errors(home):
        home.published.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_unfinished(home)
        with _attached(warehouse, spill=home.published / f"{UNFINISHED}spill") as connection:
            hashes = schema_hashes(connection, "warehouse")
            if not hashes:
                raise UserError(
                    f"{warehouse}: the schema 'marts' has no tables yet; run the transformation first."
                )
            version = f"{NAME_PREFIX}{as_of.isoformat()}-{combined_hash(hashes)[:12]}"
            path = home.published / f"{version}.duckdb"
            current = current_name(home)
            if not is_complete(home, version):
                meta = {"version": version, "as_of": as_of.isoformat(), "created_from": fingerprint}
                write_version(connection, path, hashes, meta)
                number = max((v.number for v in versions(home)), default=0) + 1
                write_manifest(home, number, hashes, meta)
        if current != version:
            switch(home, version)
        removed = remove_old(home, keep)
    rows = {table: found.rows for table, found in hashes.items()}
    return Publication(version, path, rows, changed=current != version, removed=removed)


def rollback(home: Home, version: str | None = None) -> Publication:
    """Switches to the version of that name, or to the one before the current.

    Raises UserError if there is none.
    """
    with clear_errors(home):
        kept = versions(home)
        current = next((v for v in kept if v.current), None)
        if version is None:
            earlier = [v for v in kept if current is not None and v.number < current.number]
            if not earlier:
                raise UserError(f"{home.published}: there is no version before the current one.")
            target = earlier[-1]
        else:
            named = [v for v in kept if v.name == version]
            if not named:
                known = ", ".join(v.name for v in kept) or "none"
                raise UserError(f"{home.published}: there is no version {version!r}; kept are: {known}.")
            target = named[0]
        if not target.current:
            switch(home, target.name)
        manifest = read_manifest(home, target.name)
    rows = {table: entry["rows"] for table, entry in manifest["tables"].items()}
    return Publication(target.name, target.path, rows, changed=not target.current)


@contextmanager
def _attached(warehouse: Path, spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the warehouse attached, for reading only; what exceeds the memory goes to `spill`."""
    if not warehouse.is_file():
        raise UserError(f"{warehouse}: there is no warehouse yet; run `stammkunde run` first.")
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"set temp_directory = {_literal(spill)}")
        try:
            connection.execute(f"attach {_literal(warehouse)} as warehouse (read_only)")
        except duckdb.IOException as error:
            if is_taken(error):
                raise BusyError(
                    f"{warehouse} is in use by another process; close it and run again."
                ) from error
            raise
        yield connection


def write_version(
    connection: duckdb.DuckDBPyConnection, path: Path, hashes: dict[str, TableHash], meta: dict[str, str]
) -> None:
    """Writes the version beside its place and renames it; after that it is complete."""
    unfinished = path.with_name(f"{UNFINISHED}{path.name}")
    try:
        connection.execute(f"attach {_literal(unfinished)} as target")
        unfinished.chmod(0o600)
        connection.execute("create schema target.marts")
        for table in tables_of(connection, "warehouse", "marts"):
            name = f"marts.{quoted(table)}"
            # All columns decide the order, so that the same content is always read in the same order.
            connection.execute(
                f"create table target.{name} as select * from warehouse.{name} order by all nulls last"
            )
        _copy_comments(connection)
        _write_meta(connection, hashes, meta)
        connection.execute("checkpoint target")
        connection.execute("detach target")
        unfinished.chmod(0o400)
        fsync_path(unfinished)
        os.replace(unfinished, path)
        fsync_path(path.parent)
    except BaseException:
        # The rename is the last step: whatever is there now is a part.
        connection.close()
        for leftover in (unfinished, unfinished.with_name(f"{unfinished.name}.wal")):
            leftover.unlink(missing_ok=True)
        raise


def _copy_comments(connection: duckdb.DuckDBPyConnection) -> None:
    """Table and column descriptions of dbt (persist_docs) travel with the tables."""
    comments = connection.execute(
        """
        select 'table', table_name, null, comment from duckdb_tables()
        where database_name = 'warehouse' and schema_name = 'marts' and comment is not null
        union all
        select 'table', view_name, null, comment from duckdb_views()
        where database_name = 'warehouse' and schema_name = 'marts' and comment is not null
        union all
        select 'column', table_name, column_name, comment from duckdb_columns()
        where database_name = 'warehouse' and schema_name = 'marts' and comment is not null
        order by all
        """
    ).fetchall()
    for kind, table, column, comment in comments:
        place = f"target.marts.{quoted(table)}" + (f".{quoted(column)}" if column else "")
        connection.execute(f"comment on {kind} {place} is {_literal(comment)}")


def _write_meta(
    connection: duckdb.DuckDBPyConnection, hashes: dict[str, TableHash], meta: dict[str, str]
) -> None:
    connection.execute("create schema target.meta")
    connection.execute(
        "create table target.meta.publication as "
        "select $version as version, $as_of::date as as_of_date, $created_from as created_from",
        meta,
    )
    connection.execute(
        "create table target.meta.published_table "
        "(table_name varchar, row_count bigint, content_hash varchar)"
    )
    connection.executemany(
        "insert into target.meta.published_table values (?, ?, ?)",
        [(table, found.rows, found.hash) for table, found in sorted(hashes.items())],
    )


def _literal(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
