"""One batch on its way: probes that must precede it, the request, the check that every row was answered.

Runs in a worker thread; changes nothing but through the ledger's own methods.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from exports.engine.destination import Destination, Found, Operation, Row, RowResult, Sent
from exports.engine.errors import Unavailable
from exports.engine.ledger import Ledger
from exports.engine.rate import RateLimiter
from exports.engine.schema import Item
from exports.sync import Sync

_WRITES = (Operation.UPSERT, Operation.RESTORE)


@dataclass
class Batch:
    """Items of one sync and operation. `failures` counts unanswered attempts in this process."""

    items: Sequence[Item]
    failures: int = 0
    not_before: float = 0.0
    was_sent: bool = False

    @property
    def operation(self) -> Operation:
        return Operation(self.items[0].operation)


@dataclass
class Transmitter:
    """Sends batches of one destination."""

    destination: Destination
    ledger: Ledger
    syncs: dict[str, Sync]
    sleep: Callable[[float], None]
    limiters: dict[str, RateLimiter]

    def rows(self, items: Sequence[Item]) -> list[Row]:
        """Items as the destination wants them."""
        winners = {}
        wanted = sorted({item.into_key for item in items if item.into_key})
        if wanted:
            with self.ledger.lock:
                marks = ", ".join("?" * len(wanted))
                found = self.ledger.connection.execute(
                    f"select key, identity, remote_id from contact where sync = ? and key in ({marks})",
                    (items[0].sync, *wanted),
                ).fetchall()
            winners = {key: Row(key, identity, remote_id=remote_id) for key, identity, remote_id in found}
        return [
            Row(
                item.key,
                item.identity,
                item.previous_identity,
                item.remote_id,
                json.loads(item.payload) if item.payload else {},
                item.channel,
                winners.get(item.into_key) or Row(item.into_key) if item.into_key else None,
            )
            for item in items
        ]

    def transmit(self, batch: Batch) -> tuple[list[RowResult], Sent | None]:
        """Sends a batch. Returns results that a look at the destination gave already, and the answer to the
        rest: results of every other item, or a job that has them; None if nothing was left to send.

        Raises what the destination raises; Unavailable when the answer leaves rows out.
        """
        limiter = self.limiters.get(batch.items[0].sync)
        if limiter:
            limiter.acquire()
        rows = self.rows(batch.items)
        if batch.operation not in _WRITES:
            return [], _complete(self.destination.send(batch.operation, rows), rows)
        rows, early = self._probe(batch, rows)
        if not rows:
            return early, None
        batch.was_sent = True
        return early, _complete(self.destination.send(batch.operation, rows), rows)

    def _probe(self, batch: Batch, rows: list[Row]) -> tuple[list[Row], list[RowResult]]:
        """Rows to send after looking at what the destination has, and rows that are answered by that."""
        sync = self.syncs[batch.items[0].sync]
        capabilities = self.destination.capabilities
        create_only = capabilities.write == "create_only"
        tracks = sync.mode in ("mirror", "archive")
        again = {item.key for item in batch.items if item.attempts > 0 or batch.was_sent}
        unknown = {item.key for item in batch.items if item.remote_id is None}
        first = (
            {i.key for i in batch.items if i.reason == "new" and i.was_absent is None} if tracks else set()
        )
        asked = set(first)
        if create_only:
            asked |= again & unknown
        if sync.mode == "update":
            asked |= unknown
        if sync.fill_empty:
            asked |= {row.key for row in rows}
        if not asked or not capabilities.can_find:
            return rows, []
        if create_only and batch.was_sent and capabilities.settle_seconds:
            self.sleep(capabilities.settle_seconds)
        found = self.destination.find([row for row in rows if row.key in asked], sync.fill_empty)
        absent = {i.key: i.was_absent for i in batch.items}
        if first:
            absent.update({key: int(key not in found) for key in first})
            self.ledger.note_absent(
                [(absent[i.key] or 0, i.outbox_id) for i in batch.items if i.key in first]
            )
        kept, early = [], []
        for row in rows:
            contact = found.get(row.key)
            if tracks and sync.foreign == "skip" and absent[row.key] == 0:
                early.append(RowResult(row.key, "rejected", "exists and was not created by this sync"))
            elif sync.mode == "update" and row.key in asked and contact is None:
                early.append(RowResult(row.key, "rejected", "does not exist at the destination"))
            else:
                kept.append(_merged_with(row, contact, sync.fill_empty) if contact else row)
        batch.items = [
            item._replace(was_absent=absent[item.key]) if item.key in first else item for item in batch.items
        ]
        return kept, early


def _merged_with(row: Row, contact: Found, fill_empty: Sequence[str]) -> Row:
    fields = {
        name: value
        for name, value in row.fields.items()
        if name not in fill_empty or contact.fields.get(name) in (None, "", [])
    }
    return replace(row, remote_id=row.remote_id or contact.remote_id, fields=fields)


def _complete(sent: Sent, rows: Sequence[Row]) -> Sent:
    if sent.job:
        return sent
    check_complete(sent.results, [row.key for row in rows])
    return sent


def check_complete(results: Sequence[RowResult], keys: Sequence[str]) -> None:
    """An answer tells of every row once; Unavailable if not, for then nobody knows."""
    answered = [result.key for result in results]
    if sorted(answered) != sorted(keys):
        missing = len(set(keys) - set(answered))
        raise Unavailable(f"an answer to {len(keys)} rows leaves out {missing} or tells of others")
