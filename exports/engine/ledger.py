"""One SQLite file per destination: what it acknowledged, what is on its way, what it refused, who did what.

Belongs here: the schema and every statement that writes it. `exports/<destination>.sqlite` holds names and
addresses of rows on their way; it is private to its owner and what is acknowledged leaves only hashes and
the address, which an erasure needs.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exports.engine.database import open_database, transaction
from exports.engine.destination import Operation, RowResult
from exports.engine.schema import SCHEMA, Item
from exports.engine.secret import keyed_hash
from stammkunde.errors import BusyError
from stammkunde.home import Home

PRIORITY = {
    Operation.WITHDRAW: 0,
    Operation.ERASE: 1,
    Operation.RESTORE: 2,
    Operation.UPSERT: 2,
    Operation.MERGE: 3,
    Operation.ARCHIVE: 4,
    Operation.DELETE: 4,
}
URGENT = 1
"""Opt-outs and erasures: first, and exempt from guards."""

SUBMISSION_LOST = "submission_lost"
"""Note in the ledger: a write was not answered, so a job nobody polls may be open at the destination."""

_STATE_AFTER = {
    Operation.UPSERT: "present",
    Operation.RESTORE: "present",
    Operation.WITHDRAW: "withdrawn",
    Operation.ARCHIVE: "archived",
    Operation.MERGE: "merged",
}
OUTBOX_COLUMNS = (
    "run_id, sync, key, operation, priority, reason, payload, row_hash, field_hashes, identity, "
    "previous_identity, remote_id, into_key, channel"
)


@dataclass(frozen=True)
class Answered:
    """What became of one item; `reason` is free of the row's values."""

    item: Item
    result: RowResult
    reason: str = ""


class Ledger:
    """The file of one destination. One process writes at a time (`locked`)."""

    def __init__(self, home: Home, destination: str, key: str) -> None:
        self.path = ledger_path(home, destination)
        self.connection: sqlite3.Connection = open_database(self.path, SCHEMA, 1)
        self._key = key
        self.lock = threading.RLock()

    def close(self) -> None:
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, alone among this process's threads; within another one, a part of it."""
        with self.lock:
            if self.connection.in_transaction:
                yield
            else:
                with transaction(self.connection):
                    yield

    def start_run(self, values: Sequence[Any]) -> int:
        """A row of `run`; within a transaction of the caller."""
        cursor = self.connection.execute(
            "insert into run (sync, definition, published_version, config_hash, as_of_date, started_at, "
            "selected, planned) values (?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def end_runs(self, outcome: str, at: str) -> None:
        """Ends runs that have nothing left in the outbox."""
        self.connection.execute(
            "update run set ended_at = ?, outcome = ? where ended_at is null "
            "and not exists (select 1 from outbox where outbox.run_id = run.run_id)",
            (at, outcome),
        )

    def put(self, rows: Sequence[Sequence[Any]]) -> None:
        """Adds to the outbox (OUTBOX_COLUMNS); an operation of the same key that waits already is
        replaced.
        """
        marks = ", ".join("?" * 14)
        self.connection.executemany(
            f"insert into outbox ({OUTBOX_COLUMNS}) values ({marks}) on conflict (sync, key, operation) do "
            "update set payload = excluded.payload, row_hash = excluded.row_hash, reason = excluded.reason, "
            "field_hashes = excluded.field_hashes, identity = excluded.identity, run_id = excluded.run_id",
            rows,
        )

    def waiting(self, highest_priority: int = 9) -> list[tuple[str, str, int]]:
        """(sync, operation, rows) of the outbox in the order of sending, jobs not counted."""
        return self.connection.execute(
            "select sync, operation, count(*) from outbox where job_id is null and priority <= ? "
            "group by priority, sync, operation order by priority, sync, operation",
            (highest_priority,),
        ).fetchall()

    def claim(self, sync: str, operation: str, after: int, limit: int) -> list[Item]:
        """The next rows; from now on they count as on their way. One transaction."""
        with self.transaction():
            rows = self.connection.execute(
                "select * from outbox where sync = ? and operation = ? and priority = ? and outbox_id > ? "
                "and job_id is null order by outbox_id limit ?",
                (sync, operation, PRIORITY[Operation(operation)], after, limit),
            ).fetchall()
            if rows:
                self.connection.execute(
                    "update outbox set state = 'inflight', attempts = attempts + 1 where sync = ? "
                    "and operation = ? and priority = ? and outbox_id between ? and ? and job_id is null",
                    (sync, operation, PRIORITY[Operation(operation)], rows[0][0], rows[-1][0]),
                )
        return [Item(*row) for row in rows]

    def note_absent(self, outbox_ids: Sequence[tuple[int, int]]) -> None:
        """Records, before the first send, whether the destination had the contact: (was_absent,
        outbox_id).
        """
        with self.transaction():
            self.connection.executemany("update outbox set was_absent = ? where outbox_id = ?", outbox_ids)

    def submitted(self, items: Sequence[Item], vendor_id: str, at: str) -> int:
        """An asynchronous job has taken the items."""
        with self.transaction():
            cursor = self.connection.execute(
                "insert into job (vendor_id, sync, operation, submitted_at) values (?, ?, ?, ?)",
                (vendor_id, items[0].sync, items[0].operation, at),
            )
            job_id = cursor.lastrowid
            assert job_id is not None
            self.connection.executemany(
                "update outbox set job_id = ?, state = 'submitted' where outbox_id = ?",
                [(job_id, item.outbox_id) for item in items],
            )
        return job_id

    def lose_job(self, job_id: int) -> None:
        """The vendor does not know the job: its rows wait again."""
        with self.transaction():
            self.connection.execute(
                "update outbox set job_id = null, state = 'inflight' where job_id = ?", (job_id,)
            )
            self.connection.execute("delete from job where job_id = ?", (job_id,))

    def acknowledge(
        self,
        answered: Sequence[Answered],
        at: str,
        http_status: int | None,
        trace_id: str | None,
        job_id: int | None = None,
    ) -> None:
        """Ledger, quarantine, outbox and audit of one answer, in one transaction."""
        if not answered:
            return
        with self.transaction():
            run = answered[0].item
            request_id = self.connection.execute(
                "insert into request (run_id, operation, sent_at, http_status, trace_id, row_count) "
                "values (?, ?, ?, ?, ?, ?)",
                (run.run_id, run.operation, at, http_status, trace_id, len(answered)),
            ).lastrowid
            done = [a for a in answered if a.result.status != "retry"]
            self._record_ok([a for a in done if a.result.status == "ok"], at)
            self.connection.executemany(
                "insert or replace into rejected values (?, ?, ?, ?, ?, ?)",
                [
                    (a.item.sync, a.item.key, a.item.operation, a.item.row_hash or "", a.reason, at)
                    for a in done
                    if a.result.status == "rejected"
                ],
            )
            self.connection.executemany(
                "delete from outbox where outbox_id = ?", [(a.item.outbox_id,) for a in done]
            )
            self.connection.executemany(
                "insert into audit (request_id, sync, key, operation, outcome, row_hash) "
                "values (?, ?, ?, ?, ?, ?)",
                [
                    (request_id, a.item.sync, self._audit_key(a), a.item.operation, a.result.status,
                     a.item.row_hash)
                    for a in answered
                ],
            )  # fmt: skip
            if job_id is not None:
                self.connection.execute("update outbox set job_id = null where job_id = ?", (job_id,))
                self.connection.execute("delete from job where job_id = ?", (job_id,))

    def _record_ok(self, answered: Sequence[Answered], at: str) -> None:
        if not answered:
            return
        operation = Operation(answered[0].item.operation)
        keys = [(a.item.sync, a.item.key) for a in answered]
        if operation is Operation.ERASE:
            for one in {a.item.key for a in answered}:
                self._forget(one)
            return
        self.connection.executemany("delete from rejected where sync = ? and key = ?", keys)
        if operation is Operation.DELETE:
            self.connection.executemany("delete from contact where sync = ? and key = ?", keys)
            return
        state = _STATE_AFTER[operation]
        if operation in (Operation.UPSERT, Operation.RESTORE):
            self.connection.executemany(
                "insert into contact values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (sync, key) do update "
                "set state = excluded.state, row_hash = excluded.row_hash, "
                "field_hashes = excluded.field_hashes, "
                "identity = excluded.identity, remote_id = coalesce(excluded.remote_id, remote_id), "
                "is_owned = max(is_owned, excluded.is_owned), acknowledged_at = excluded.acknowledged_at",
                [
                    (a.item.sync, a.item.key, state, a.item.row_hash, a.item.field_hashes, a.item.identity,
                     a.result.remote_id or a.item.remote_id, int(_is_ours(a)), at)
                    for a in answered
                ],
            )  # fmt: skip
            return
        self.connection.executemany(
            "insert into contact (sync, key, state, identity, remote_id, acknowledged_at) "
            "values (?, ?, ?, ?, ?, ?) on conflict (sync, key) do update set state = excluded.state, "
            "row_hash = null, acknowledged_at = excluded.acknowledged_at",
            [(a.item.sync, a.item.key, state, a.item.identity, a.item.remote_id, at) for a in answered],
        )

    def _forget(self, key: str) -> None:
        """Erased: no table keeps the id, the audit a keyed hash of it."""
        for table in ("contact", "outbox", "rejected"):
            self.connection.execute(f"delete from {table} where key = ?", (key,))
        self.connection.execute(
            "update audit set key = ? where key = ?", (f"erased:{keyed_hash(self._key, key)}", key)
        )

    def _audit_key(self, answered: Answered) -> str:
        item = answered.item
        if item.operation == Operation.ERASE and answered.result.status == "ok":
            return f"erased:{keyed_hash(self._key, item.key)}"
        return item.key

    def note(self, name: str, value: str | None = None) -> str | None:
        """Reads a small remembered value, or sets it and returns it."""
        if value is not None:
            self.connection.execute("insert or replace into note values (?, ?)", (name, value))
            return value
        row = self.connection.execute("select value from note where name = ?", (name,)).fetchone()
        return str(row[0]) if row else None


def _is_ours(answered: Answered) -> bool:
    """Whether this sync created the contact: known before the first send, else what the vendor says now."""
    if answered.item.was_absent is not None:
        return bool(answered.item.was_absent)
    return bool(answered.result.created)


def ledger_path(home: Home, destination: str) -> Path:
    """The ledger's file."""
    return home.exports / f"{destination}.sqlite"


@contextmanager
def locked(home: Home, destination: str) -> Iterator[None]:
    """Holds a destination for one run; the lock goes with the process. BusyError if another run has it."""
    home.exports.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(home.exports / f"{destination}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"another run is sending to {destination}; wait until it has ended") from None
        yield
    finally:
        os.close(descriptor)
