"""Takes persons out of every kept version of the published database.

A version is written anew under the name of its new content and takes the old one's place and number; readers
who have the old file open keep it until they close it.
"""

from __future__ import annotations

import shutil
from datetime import datetime

import duckdb

from privacy.database import HISTORY_REASON, Erased, scrub
from stammkunde.hashes import combined_hash, schema_hashes
from stammkunde.home import Home
from stammkunde.publish import write_version
from stammkunde.versions import (
    NAME_PREFIX,
    UNFINISHED,
    Version,
    is_complete,
    read_manifest,
    remove_unfinished,
    switch,
    versions,
    write_manifest,
)


def rewrite_published(home: Home, erased: Erased, at: datetime) -> dict[str, int]:
    """Rows removed or changed, by version that held the persons."""
    touched: dict[str, int] = {}
    if not home.published.is_dir():
        return touched
    remove_unfinished(home)
    for version in versions(home):
        copy = home.published / f"{UNFINISHED}erasing.duckdb"
        shutil.copyfile(version.path, copy)
        copy.chmod(0o600)
        try:
            with duckdb.connect(str(copy)) as connection:
                rows = sum(scrub(connection, erased).values())
                if rows:
                    _write_events(connection, erased, at)
            if rows:
                touched[version.name] = rows
                _replace(home, version, copy)
        finally:
            copy.unlink()
    return touched


def _replace(home: Home, version: Version, copy: object) -> None:
    before = read_manifest(home, version.name)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{str(copy).replace(chr(39), chr(39) * 2)}' as warehouse (read_only)")
        hashes = schema_hashes(connection, "warehouse")
        name = f"{NAME_PREFIX}{before['as_of']}-{combined_hash(hashes)[:12]}"
        meta = {"version": name, "as_of": before["as_of"], "created_from": before["created_from"]}
        if not is_complete(home, name):
            write_version(connection, home.published / f"{name}.duckdb", hashes, meta)
            write_manifest(home, version.number, hashes, meta)
    if version.current:
        switch(home, name)
    if name != version.name:
        # The manifest goes first: without it the file is no version any more.
        version.path.with_suffix(".json").unlink()
        version.path.unlink()


def _write_events(connection: duckdb.DuckDBPyConnection, erased: Erased, at: datetime) -> None:
    """The contract's history tells that the id ended."""
    exists = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = 'marts' "
        "and table_name = 'customer_id_history' and database_name = current_database()"
    ).fetchone()
    if exists and exists[0]:
        connection.execute(
            "insert into marts.customer_id_history by name "
            "select 'erased' as event, unnest($ids::varchar[]) as customer_id, "
            "$at::timestamp as happened_at, $reason as reason",
            {"ids": list(erased.customer_ids), "at": at.replace(tzinfo=None), "reason": HISTORY_REASON},
        )
