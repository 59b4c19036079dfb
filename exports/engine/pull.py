"""Pull-back: opt-outs, bounces and complaints that happened at the destination, before anything is pushed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from exports.engine.destination import Destination
from exports.engine.ledger import Ledger
from exports.engine.optouts import ConsentLedger
from exports.engine.retry import Patience, patiently

_CURSOR = "suppression_cursor"


def pull_suppressions(
    name: str,
    destination: Destination,
    ledger: Ledger,
    consents: ConsentLedger,
    clock: Callable[[], datetime],
    patience: Patience,
    sleep: Callable[[float], None],
) -> int:
    """Takes over what the destination knows since the last pull; returns how many opt-outs are new.

    The cursor is stored after its page, so a crash reads a page twice and loses none.
    """
    new = 0
    while True:
        cursor = ledger.note(_CURSOR)
        page = patiently(lambda at=cursor: destination.pull_suppressions(at), name, patience, sleep)  # type: ignore[misc]
        found = []
        for item in page.items:
            row = None
            if item.key is None and item.identity:
                row = ledger.connection.execute(
                    "select key from contact where identity = ? collate nocase order by key limit 1",
                    (item.identity.strip(),),
                ).fetchone()
            found.append((item, row[0] if row else item.key))
        if found:
            new += consents.add(name, found, clock())
        if page.cursor != cursor:
            ledger.note(_CURSOR, page.cursor)
        if not page.more:
            return new
