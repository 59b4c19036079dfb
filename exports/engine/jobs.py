"""Asynchronous jobs whose number got lost: submitted, perhaps accepted, and never answered."""

from __future__ import annotations

from collections.abc import Callable

from exports.engine.destination import Destination
from exports.engine.ledger import SUBMISSION_LOST, Ledger
from exports.engine.retry import DestinationDown, Patience, patiently


def await_lost_jobs(
    name: str, destination: Destination, ledger: Ledger, patience: Patience, sleep: Callable[[float], None]
) -> None:
    """Before newer rows go out: a job whose number got lost could still write older ones over them."""
    on_their_way = ledger.connection.execute(
        "select count(*) from outbox where state = 'inflight' and job_id is null"
    ).fetchone()[0]
    if ledger.note(SUBMISSION_LOST) != "1" and not on_their_way:
        return
    own = {row[0] for row in ledger.connection.execute("select vendor_id from job").fetchall()}
    wait = destination.capabilities.poll_seconds
    waited = 0.0
    while set(patiently(destination.open_jobs, name, patience, sleep)) - own:
        if waited > 3600:
            raise DestinationDown(f"{name}: a job has been open for an hour; run it again later")
        sleep(wait)
        waited += wait
        wait = min(wait * 1.5, 30.0)
    ledger.note(SUBMISSION_LOST, "0")
