"""What SQL can ask about syncs: the ledgers' records as Parquet files in `exports/log/<destination>/`.

`run`, `contact`, `rejected`, `waiting` are replaced; `audit` grows by one file per run. No names, no
addresses. `stammkunde sql` shows them as tables `sync_run`, `sync_audit` … Belongs here: what leaves the
ledgers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from exports.engine.ledger import Ledger, ledger_path
from exports.engine.optouts import ConsentLedger
from exports.sync import Sync
from stammkunde.files import fsync_path
from stammkunde.home import Home

_CHUNK = 100_000
_TEXT, _NUMBER = pa.string(), pa.int64()
_TABLES: dict[str, tuple[str, dict[str, pa.DataType]]] = {
    "run": (
        "select run_id, sync, published_version, config_hash, as_of_date, started_at, ended_at, outcome, "
        "selected, planned from run order by run_id",
        {"run_id": _NUMBER, "sync": _TEXT, "published_version": _TEXT, "config_hash": _TEXT,
         "as_of_date": _TEXT, "started_at": _TEXT, "ended_at": _TEXT, "outcome": _TEXT,
         "selected": _NUMBER, "planned": _NUMBER},
    ),
    "contact": (
        "select sync, key, state, is_owned, remote_id, acknowledged_at from contact order by sync, key",
        {"sync": _TEXT, "customer_id": _TEXT, "state": _TEXT, "is_owned": _NUMBER, "remote_id": _TEXT,
         "acknowledged_at": _TEXT},
    ),
    "rejected": (
        "select sync, key, operation, reason, rejected_at from rejected order by sync, key, operation",
        {"sync": _TEXT, "customer_id": _TEXT, "operation": _TEXT, "reason": _TEXT, "rejected_at": _TEXT},
    ),
    "waiting": (
        "select sync, operation, reason, state, count(*) from outbox group by 1, 2, 3, 4 order by 1, 2, 3, 4",
        {"sync": _TEXT, "operation": _TEXT, "reason": _TEXT, "state": _TEXT, "row_count": _NUMBER},
    ),
}  # fmt: skip
_AUDIT = (
    "select audit_id, run_id, sent_at, sync, key, audit.operation, outcome, row_hash, http_status, trace_id "
    "from audit inner join request using (request_id) where audit_id > ? order by audit_id"
)
_AUDIT_COLUMNS = {
    "audit_id": _NUMBER, "run_id": _NUMBER, "sent_at": _TEXT, "sync": _TEXT, "customer_id": _TEXT,
    "operation": _TEXT, "outcome": _TEXT, "row_hash": _TEXT, "http_status": _NUMBER, "trace_id": _TEXT,
}  # fmt: skip
_PUBLISHED = "audit_published"
_ERASED = "erased_published"
TABLES = (*_TABLES, "audit")


def log_directory(home: Home) -> Path:
    """The folder of the published records."""
    return home.exports / "log"


def publish_log(home: Home, destination: str, ledger: Ledger) -> None:
    """Writes what has changed since the last call. An erasure rewrites the audit without the erased id."""
    directory = log_directory(home) / destination
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = ledger.connection
    last, erased = connection.execute(
        "select coalesce(max(audit_id), 0), count(*) filter (where operation = 'erase') from audit"
    ).fetchone()
    published = int(ledger.note(_PUBLISHED) or 0)
    if str(erased) != (ledger.note(_ERASED) or "0"):
        published = 0
    if last > published or not (directory / "audit-000000000000.parquet").exists():
        if published == 0:
            _write(connection, _AUDIT, (0,), _AUDIT_COLUMNS, directory / "audit-000000000000.parquet")
            for path in directory.glob("audit-*.parquet"):
                if path.name != "audit-000000000000.parquet":
                    path.unlink()
        else:
            name = f"audit-{published:012}.parquet"
            _write(connection, _AUDIT, (published,), _AUDIT_COLUMNS, directory / name)
        _write_tables(connection, directory, _TABLES)
        ledger.note(_PUBLISHED, str(last))
        ledger.note(_ERASED, str(erased))
        return
    _write_tables(connection, directory, ("run", "waiting"))


def _write_tables(connection: sqlite3.Connection, directory: Path, names: Iterable[str]) -> None:
    for name in names:
        query, columns = _TABLES[name]
        _write(connection, query, (), columns, directory / f"{name}.parquet")


def _write(
    connection: sqlite3.Connection,
    query: str,
    values: tuple[int, ...],
    columns: dict[str, pa.DataType],
    path: Path,
) -> None:
    schema = pa.schema(list(columns.items()))
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.touch(mode=0o600)
    with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        cursor = connection.execute(query, values)
        while rows := cursor.fetchmany(_CHUNK):
            arrays = [
                pa.array(column, field.type)
                for column, field in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    fsync_path(temporary)
    temporary.replace(path)
    fsync_path(path.parent)


def register_log(connection: duckdb.DuckDBPyConnection, home: Home) -> list[str]:
    """Makes temporary views `sync_run`, `sync_audit` … in a connection; returns their names."""
    made = []
    for table in TABLES:
        pattern = f"{log_directory(home)}/*/{table}{'-*' if table == 'audit' else ''}.parquet"
        if any(log_directory(home).glob(f"*/{table}*.parquet")):
            place = pattern.replace("'", "''")
            connection.execute(
                f"create or replace temp view sync_{table} as select "
                f"split_part(filename, '/', -2) as destination, * exclude (filename) "
                f"from read_parquet('{place}', filename = true)"
            )
            made.append(f"sync_{table}")
    return made


def forget_erased(home: Home, consents: ConsentLedger) -> int:
    """Ends erasures that no destination has anything left to do for; returns how many."""
    queued = consents.erasures()
    if not queued:
        return 0
    open_ = set()
    for path in sorted(home.exports.glob("*.sqlite")):
        if path.name == "consent.sqlite":
            continue
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            for key in queued:
                found = connection.execute(
                    "select 1 from contact where key = ? union all select 1 from outbox where key = ?",
                    (key, key),
                ).fetchone()
                if found:
                    open_.add(key)
    done = [key for key in queued if key not in open_]
    consents.forget(done)
    return len(done)


def last_runs(home: Home, sync: Sync, count: int = 10) -> list[str]:
    """The last runs of a sync, newest first, a line each."""
    rows = _ask(
        home,
        sync,
        "select run_id, started_at, coalesce(outcome, 'not finished'), selected, planned, published_version "
        f"from run where sync = ? order by run_id desc limit {count}",
        (sync.name,),
    )
    return [
        f"run {run_id}, {started[:19]}Z: {outcome}, {planned:,} of {selected:,} customers to be sent "
        f"({version})"
        for run_id, started, outcome, selected, planned, version in rows
    ]


def rejected_rows(home: Home, sync: Sync) -> list[str]:
    """What the destination refuses and why, a line per customer."""
    rows = _ask(
        home, sync, "select key, operation, rejected_at, reason from rejected where sync = ? order by key",
        (sync.name,),
    )  # fmt: skip
    return [f"{key}  {operation}  {at[:19]}Z  {reason}" for key, operation, at, reason in rows]


def history_of(home: Home, sync: Sync, customer_id: str) -> list[str]:
    """What was sent of one customer, oldest first."""
    rows = _ask(
        home,
        sync,
        "select sent_at, audit.operation, outcome, http_status, trace_id from audit "
        "inner join request using (request_id) where sync = ? and key = ? order by audit_id",
        (sync.name, customer_id),
    )
    return [
        f"{at[:19]}Z  {operation}  {outcome}  {status or ''}  {trace or ''}".rstrip()
        for at, operation, outcome, status, trace in rows
    ]


def _ask(home: Home, sync: Sync, query: str, values: tuple[str, ...]) -> list[tuple[Any, ...]]:
    path = ledger_path(home, str(sync.destination))
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(query, values).fetchall()
