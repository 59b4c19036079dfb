"""Runs a sync of files: from the published database through the consent gate to its destination."""

from __future__ import annotations

import hashlib
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from exports.destinations.file import write_files
from exports.destinations.registry import DESTINATIONS, connect_delivery
from exports.engine.optouts import ConsentLedger, Gate
from exports.engine.retry import Patience, patiently
from exports.select import SEND, select_customers
from exports.state import MANIFEST, STATE, ExportDirectory, is_intact, read_manifest, remove, write_manifest
from exports.sync import SYNCS, Sync, find_sync
from stammkunde.errors import ConfigError, UserError
from stammkunde.files import sha256_of, write_atomically
from stammkunde.hashes import quoted
from stammkunde.home import Home
from stammkunde.publish import open_published


@dataclass(frozen=True)
class ExportResult:
    """What an export did. `excluded` counts customers by reason; `added` … compare with the export before.

    `written` is false when the files on disk already held the same rows. `notices` say what should be known.
    """

    sync: str
    path: Path
    rows_exported: int
    excluded: dict[str, int]
    added: int
    changed: int
    removed: int
    written: bool
    published_version: str
    notices: tuple[str, ...] = ()


def export(
    sync: Sync | str, home: Home, as_of: date, syncs: Path = SYNCS, destinations: Path = DESTINATIONS
) -> ExportResult:
    """Exports one sync, itself or its name, from the published database to `home.exports/<sync>/latest`.

    Same rows, same files: they are not written again. A failure at any moment leaves the export before in
    place. Raises ConfigError when the sync does not fit the published tables, UserError when nothing is
    published or the disk is full.
    """
    if isinstance(sync, str):
        sync = find_sync(sync, syncs)
    with open_published(home) as connection, closing(ConsentLedger(home)) as consents:
        try:
            directory = ExportDirectory.of(home, sync.name)
            result = _export(connection, sync, directory, as_of, consents.gate())
        except (OSError, duckdb.IOException) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
            raise UserError(f"export {sync.name}: cannot write ({reason}); the one before stays") from error
    if sync.file.deliver_to:
        deliver(result.path, sync.file.deliver_to, destinations)
    return result


def deliver(directory: Path, destination: str, destinations: Path) -> bool:
    """Brings a finished export to a folder, SFTP or S3; False if just this one was brought there before.

    A delivery that fails is tried again by the next export. Raises DestinationDown or what the place refuses.
    """
    marker = directory / ".delivered"
    content = f"{destination} {sha256_of(directory / MANIFEST)}".encode()
    if marker.exists() and marker.read_bytes() == content:
        return False
    delivery = connect_delivery(destination, destinations)
    files = [directory / file["name"] for file in read_manifest(directory)["files"]]
    patiently(lambda: delivery.deliver(files, directory / MANIFEST), destination, Patience(), time.sleep)
    write_atomically(marker, content)
    return True


def _export(
    connection: duckdb.DuckDBPyConnection, sync: Sync, directory: ExportDirectory, as_of: date, gate: Gate
) -> ExportResult:
    excluded = _select_rows(connection, sync, gate)
    rows, content_hash = _hash_rows(connection, sync)
    published = connection.execute("select version, as_of_date from meta.publication").fetchone()
    assert published is not None
    manifest: dict[str, Any] = {
        "sync": sync.name,
        "description": sync.description,
        "as_of": as_of.isoformat(),
        "published_version": published[0],
        "consent": sync.consent.model_dump(),
        "fields": list(sync.fields.values()),
        "rows": rows,
        "legal_bases": _legal_bases(connection),
        "excluded": excluded,
    }
    directory.clean()
    before = directory.current()
    added, changed, removed = _compare(connection, before)
    name = hashlib.sha256(f"{sync.model_dump_json()}{content_hash}".encode()).hexdigest()[:16]
    written = before is None or before.name != name or not is_intact(before)
    if written:
        path = _write(connection, sync, directory, name, manifest)
    else:
        assert before is not None
        path = before
        write_manifest(path, {**manifest, "files": read_manifest(path)["files"]})
    notices = []
    if published[1] != as_of:
        notices.append(f"the published database is of {published[1]}, not of {as_of}")
    if rows == 0:
        notices.append("no customer may be exported")
    return ExportResult(
        sync.name, path, rows, excluded, added, changed, removed, written, published[0], tuple(notices)
    )


def _select_rows(connection: duckdb.DuckDBPyConnection, sync: Sync, gate: Gate) -> dict[str, int]:
    """Fills `export_row` with the fields of the rows that may go; returns how many may not, by reason."""
    excluded = select_customers(connection, sync, gate)
    fields = ", ".join(f"model.{quoted(column)} as {quoted(field)}" for column, field in sync.fields.items())
    connection.execute(
        f"create temp table export_row as select {fields} from marts.{quoted(sync.model)} as model "
        f"inner join verdict on verdict.key = model.{quoted(sync.key)}::varchar "
        f"and verdict.customer_id = model.customer_id where verdict.verdict = '{SEND}'"
    )
    del excluded[SEND]
    return excluded


def _legal_bases(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Exported rows by what permits them, such as `consent`."""
    counted = connection.execute(
        "select decision.legal_basis, count(*) from verdict "
        "inner join decision on verdict.customer_id = decision.customer_id "
        f"where verdict.verdict = '{SEND}' group by all order by all"
    ).fetchall()
    return dict(counted)


def _hash_rows(connection: duckdb.DuckDBPyConnection, sync: Sync) -> tuple[int, str]:
    """Number of rows and a hash of them all; fills `export_state` (key, row_hash). The key must be unique."""
    key = quoted(sync.fields[sync.key])
    connection.execute(
        f"create temp table export_state as select {key}::varchar as key, "
        "md5(to_json(export_row)::varchar) as row_hash from export_row order by key"
    )
    found = connection.execute(
        "select count(*), count(distinct key), coalesce(md5(string_agg(row_hash, '' order by key)), '') "
        "from export_state"
    ).fetchone()
    assert found is not None
    rows, keys, content_hash = found
    if rows != keys:
        raise ConfigError(f"sync {sync.name}: key: {sync.key!r} is empty or repeated in {rows - keys:,} rows")
    return rows, content_hash


def _compare(connection: duckdb.DuckDBPyConnection, before: Path | None) -> tuple[int, int, int]:
    """How many rows are new, different and gone, compared with the export before."""
    if before is None or not (before / STATE).is_file():
        connection.execute("create temp view export_before as select * from export_state where false")
    else:
        place = str(before / STATE).replace("'", "''")
        connection.execute(f"create temp view export_before as select * from read_parquet('{place}')")
    found = connection.execute(
        "select count(*) filter (where old.key is null), "
        "count(*) filter (where old.row_hash <> new.row_hash), count(*) filter (where new.key is null) "
        "from export_state as new full join export_before as old on new.key = old.key"
    ).fetchone()
    assert found is not None
    return found[0], found[1], found[2]


def _write(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    directory: ExportDirectory,
    name: str,
    manifest: dict[str, Any],
) -> Path:
    unfinished = directory.begin()
    try:
        key = sync.fields[sync.key]
        paths = write_files(connection, "export_row", key, sync.file, unfinished, sync.name)
        state = str(unfinished / STATE).replace("'", "''")
        connection.execute(f"copy (from export_state order by key) to '{state}' (format parquet)")
        files = [{"name": p.name, "bytes": p.stat().st_size, "sha256": sha256_of(p)} for p in paths]
        write_manifest(unfinished, {**manifest, "files": files})
        return directory.finish(unfinished, name)
    except BaseException:
        if unfinished.exists():
            remove(unfinished)
        raise
