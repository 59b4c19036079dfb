"""Consent at the moment of sending: what was planned an hour or a crash ago may not go any more.

Belongs here: opt-outs and erasures of rows that wait in the outbox. Does not belong here: new plans.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from exports.engine.ledger import PRIORITY, Ledger
from exports.engine.optouts import ConsentLedger
from exports.select import select_customers
from exports.sync import Sync
from stammkunde.home import Home
from stammkunde.versions import current_name, open_published

_FORBIDDEN = ("no_record", "withdrawn", "conflicting", "unknown", "opted_out", "erased")
_SENDS = ("upsert", "restore")


class Watch:
    """Looks whether consents have changed, and takes out of the outbox what they forbid now."""

    def __init__(self, home: Home, ledger: Ledger, consents: ConsentLedger, syncs: dict[str, Sync]) -> None:
        self._home, self._ledger, self._consents, self._syncs = home, ledger, consents, syncs
        self._seen: tuple[Any, ...] | None = None
        self.times_enforced = 0

    def changed(self) -> bool:
        """Whether the published database or the consent ledger is another since `enforce`."""
        return self._seen != self._state()

    def mark(self) -> None:
        """What is planned from now on is planned from what holds now."""
        self._seen = self._state()

    def enforce(self) -> int:
        """Queues erasures, drops rows that may not go and opts them out; returns how many were dropped."""
        state = self._state()
        self.times_enforced += 1
        self.queue_erasures()
        dropped = 0
        with open_published(self._home) as connection:
            gate = self._consents.gate()
            for name, sync in sorted(self._syncs.items()):
                waiting = self._waiting(name)
                if waiting.num_rows == 0:
                    continue
                select_customers(connection, sync, gate)
                connection.register("waiting", waiting)
                verdicts = ", ".join(f"'{verdict}'" for verdict in _FORBIDDEN)
                forbidden = connection.execute(
                    f"""
                    with verdicts as (select key, any_value(verdict) as verdict from verdict group by key)

                    select
                        waiting.outbox_id,
                        waiting.key,
                        waiting.attempts > 0 or waiting.is_present as may_be_there,
                        waiting.identity,
                        waiting.remote_id
                    from waiting
                    left join verdicts on waiting.key = verdicts.key
                    where
                        verdicts.verdict in ({verdicts})
                        or verdicts.verdict is null
                        or {gate.opted_out("waiting.key", "waiting.identity")}
                    order by waiting.outbox_id
                    """
                ).fetchall()
                connection.unregister("waiting")
                self._replace(sync, forbidden)
                dropped += len(forbidden)
        self._seen = state
        return dropped

    def queue_erasures(self) -> None:
        """An ERASE for everybody in the erasure queue of whom this destination may know."""
        for key in self._consents.erasures():
            with self._ledger.lock:
                row = self._ledger.connection.execute(
                    "select run_id, sync, identity, remote_id, channel, 1 from outbox where key = :key "
                    "and operation = 'erase' union all "
                    "select 0, sync, identity, remote_id, 'email', 0 from contact where key = :key union all "
                    "select run_id, sync, identity, remote_id, channel, 0 from outbox "
                    "where key = :key and attempts > 0 limit 1",
                    {"key": key},
                ).fetchone()
                if row is None:
                    self._ledger.connection.execute(
                        "delete from outbox where key = ? and job_id is null", (key,)
                    )
                elif not row[5]:
                    self._erase(key, *row[:5])

    def _erase(
        self, key: str, run_id: int, sync: str, identity: str | None, remote_id: str | None, channel: str
    ) -> None:
        with self._ledger.transaction():
            self._ledger.connection.execute("delete from outbox where key = ? and job_id is null", (key,))
            self._ledger.put(
                [(run_id, sync, key, "erase", PRIORITY_OF["erase"], "erased", None, None, None, identity,
                  None, remote_id, None, channel)]
            )  # fmt: skip

    def _replace(self, sync: Sync, forbidden: list[tuple[int, str, bool, str | None, str | None]]) -> None:
        """Out of the outbox; who may be known to the destination already is opted out there."""
        with self._ledger.transaction():
            self._ledger.connection.executemany(
                "delete from outbox where outbox_id = ?", [(row[0],) for row in forbidden]
            )
            self._ledger.put(
                [
                    (0, sync.name, key, "withdraw", PRIORITY_OF["withdraw"], "may not be sent any more", None,
                     None, None, identity, None, remote_id, None, sync.consent.channel)
                    for _, key, may_be_there, identity, remote_id in forbidden
                    if may_be_there
                ]
            )  # fmt: skip

    def _waiting(self, sync: str) -> pa.Table:
        with self._ledger.lock:
            rows = self._ledger.connection.execute(
                "select outbox.outbox_id, outbox.key, outbox.attempts, outbox.identity, "
                "coalesce(outbox.remote_id, contact.remote_id), coalesce(contact.state = 'present', 0) "
                "from outbox left join contact on outbox.sync = contact.sync and outbox.key = contact.key "
                f"where outbox.sync = ? and outbox.job_id is null "
                f"and outbox.operation in ({', '.join('?' * len(_SENDS))})",
                (sync, *_SENDS),
            ).fetchall()
        names = ("outbox_id", "key", "attempts", "identity", "remote_id", "is_present")
        types = (pa.int64(), pa.string(), pa.int64(), pa.string(), pa.string(), pa.int64())
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        table = pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})
        return table.set_column(5, "is_present", table["is_present"].cast(pa.bool_()))

    def _state(self) -> tuple[Any, ...]:
        return (current_name(self._home), *self._consents.version())


PRIORITY_OF = {str(operation): value for operation, value in PRIORITY.items()}
