"""Runs a sync of rows with its destination opened; for the command line and the assets alike."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime
from typing import TYPE_CHECKING

from stammkunde.home import Home

if TYPE_CHECKING:
    from exports.engine.progress import Progress
    from exports.engine.run import SyncResult
    from exports.sync import Sync


def apply_rows(
    sync: Sync,
    home: Home,
    as_of: date,
    clock: Callable[[], datetime],
    tell: Callable[[Progress], None],
    plan_id: str | None = None,
    accept: bool = False,
    retry_rejected: bool = False,
) -> SyncResult:
    """`exports.engine.run.apply_sync` to the destination that `config/destinations.yml` names."""
    from exports.destinations.registry import connect
    from exports.engine.run import Options, apply_sync

    with closing(connect(str(sync.destination))) as destination:
        options = Options(plan_id=plan_id, accept=accept, retry_rejected=retry_rejected, tell=tell)
        return apply_sync(sync, home, destination, as_of, clock, options)
