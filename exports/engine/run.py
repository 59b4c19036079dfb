"""A run of a sync: pull back, resume, opt out and erase, plan, guard, send.

Belongs here: the order of these steps. `clock` gives the time for the records; nothing else asks it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime

import duckdb

from exports.engine import guards
from exports.engine.destination import Destination, Operation
from exports.engine.jobs import await_lost_jobs
from exports.engine.ledger import URGENT, Ledger, locked
from exports.engine.log import forget_erased, publish_log
from exports.engine.optouts import ConsentLedger, instant
from exports.engine.plan import Plan, make_plan, planned_rows
from exports.engine.progress import Meter, Progress
from exports.engine.pull import pull_suppressions
from exports.engine.rate import Limit, RateLimiter
from exports.engine.retry import Patience, patiently
from exports.engine.rows import fields_of
from exports.engine.send import Sender
from exports.engine.transmit import Transmitter
from exports.engine.watch import Watch
from exports.select import check_columns
from exports.sync import Sync
from stammkunde.errors import ConfigError, UserError
from stammkunde.home import Home
from stammkunde.versions import current_name, open_published

_NEEDED = {"mirror": Operation.DELETE, "archive": Operation.ARCHIVE}


class StalePlan(UserError):
    """What the plan was made from has changed since."""


@dataclass(frozen=True)
class SyncResult:
    """What a run did. `sent` and `rejected` count rows by operation and outcome of this run and what it
    resumed.
    """

    plan: Plan
    opt_outs_pulled: int
    resumed: int
    sent: dict[str, int]
    rejected: int
    seconds: float
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """How to run. `plan_id`: only what that plan says. `accept`: in spite of the guards."""

    plan_id: str | None = None
    accept: bool = False
    retry_rejected: bool = False
    patience: Patience = field(default_factory=Patience)
    sleep: Callable[[float], None] = time.sleep
    tell: Callable[[Progress], None] = lambda progress: None


def plan_sync(sync: Sync, home: Home, destination: Destination, retry_rejected: bool = False) -> Plan:
    """What a run would do now, without asking the destination. Changes nothing."""
    with _opened(sync, home) as (ledger, consents):
        return _plan(sync, home, destination, ledger, consents, retry_rejected)


def apply_sync(
    sync: Sync,
    home: Home,
    destination: Destination,
    as_of: date,
    clock: Callable[[], datetime],
    options: Options = Options(),
) -> SyncResult:
    """Brings the destination to what the sync selects.

    Raises ConfigError when sync and destination do not fit, StalePlan, GuardTripped, TooManyRejected,
    DestinationDown; after any of them, and after a crash, the next call goes on where this one ended.
    """
    _check_mode(sync, destination)
    began = time.monotonic()
    name = str(sync.destination)
    with locked(home, name), _opened(sync, home) as (ledger, consents):
        _prepare(sync, home, destination, options)
        pulled = pull_suppressions(
            name, destination, ledger, consents, clock, options.patience, options.sleep
        )
        last_request = _last_request(ledger)
        syncs = {**_definitions(ledger), sync.name: sync}
        watch = Watch(home, ledger, consents, syncs)
        meter = Meter(name, options.tell)
        limiters = {s.name: RateLimiter([Limit(s.rate.requests, s.rate.seconds)])
                    for s in syncs.values() if s.rate}  # fmt: skip
        transmitter = Transmitter(destination, ledger, syncs, options.sleep, limiters)
        sender = Sender(transmitter, meter, clock, watch.changed, watch.enforce, options.patience)

        def queue_urgent() -> None:
            with _published(home) as connection:
                _compare(connection, sync, destination, ledger, consents, False)
                with ledger.transaction():
                    for rows in planned_rows(connection, sync.name, 0):
                        ledger.put([row for row in rows if row[4] <= URGENT])

        await_lost_jobs(name, destination, ledger, options.patience, options.sleep)
        resumed = _waiting(ledger)
        watch.enforce()
        if resumed:
            queue_urgent()
        meter.total = _waiting(ledger)
        sender.drain()
        ledger.end_runs("resumed", instant(clock()))
        watch.mark()
        with _published(home) as connection:
            plan = _compare(connection, sync, destination, ledger, consents, options.retry_rejected)
            if options.plan_id and options.plan_id != plan.plan_id:
                raise StalePlan(
                    f"sync {sync.name}: plan {options.plan_id} is stale: the data, the consents or the "
                    f"destination have changed since; 'stammkunde sync plan {sync.name}' makes a new one"
                )
            held_back = bool(plan.tripped) and not options.accept
            with ledger.transaction():
                run_id = _start(sync, ledger, plan, as_of, instant(clock()))
                for rows in planned_rows(connection, sync.name, run_id):
                    ledger.put([row for row in rows if row[4] <= URGENT] if held_back else rows)
        meter.total += _waiting(ledger)
        enforced = watch.times_enforced
        sender.drain()
        if watch.times_enforced > enforced:
            # Consents changed while rows went out: some may have gone a moment too early.
            queue_urgent()
            sender.drain()
        ledger.end_runs("stopped by a guard" if held_back else "done", instant(clock()))
        forget_erased(home, consents)
        publish_log(home, name, ledger)
        if held_back:
            guards.check(sync, plan)
        sent, rejected = _counts(ledger, last_request)
        return SyncResult(
            plan, pulled, resumed, sent, rejected, time.monotonic() - began, _notices(plan, as_of, home)
        )


@contextmanager
def _published(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published database with bounded memory: what does not fit spills into the private home."""
    with open_published(home) as connection:
        connection.execute("set memory_limit = '512MB'")
        spill = str(home.exports / "spill").replace("'", "''")
        connection.execute(f"set temp_directory = '{spill}'")
        yield connection


@contextmanager
def _opened(sync: Sync, home: Home) -> Iterator[tuple[Ledger, ConsentLedger]]:
    with (
        closing(ConsentLedger(home)) as consents,
        closing(Ledger(home, str(sync.destination), consents.key)) as ledger,
    ):
        yield ledger, consents


def _plan(
    sync: Sync,
    home: Home,
    destination: Destination,
    ledger: Ledger,
    consents: ConsentLedger,
    retry_rejected: bool,
) -> Plan:
    _check_mode(sync, destination)
    with _published(home) as connection:
        return _compare(connection, sync, destination, ledger, consents, retry_rejected)


def _compare(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    destination: Destination,
    ledger: Ledger,
    consents: ConsentLedger,
    retry_rejected: bool,
) -> Plan:
    row = connection.execute("select version from meta.publication").fetchone()
    assert row is not None
    plan = make_plan(
        connection,
        sync,
        ledger,
        consents.gate(),
        destination.capabilities,
        row[0],
        consents.key,
        retry_rejected,
    )
    before = ledger.connection.execute(
        "select selected from run where sync = ? and outcome = 'done' order by run_id desc limit 1",
        (sync.name,),
    ).fetchone()
    plan.tripped.extend(guards.tripped(sync, plan, before[0] if before else None))
    return plan


def _check_mode(sync: Sync, destination: Destination) -> None:
    needed = _NEEDED.get(sync.mode)
    if needed and needed not in destination.capabilities.operations:
        raise ConfigError(
            f"sync {sync.name}: mode: {sync.destination} cannot {needed}; choose upsert or update"
        )
    looks_first = sync.mode in ("update", *_NEEDED) or bool(sync.fill_empty)
    if looks_first and not destination.capabilities.can_find:
        raise ConfigError(
            f"sync {sync.name}: {sync.destination} cannot be asked what it has, "
            "so only mode upsert with overwrite works"
        )


def _prepare(sync: Sync, home: Home, destination: Destination, options: Options) -> None:
    with _published(home) as connection:
        fields = fields_of(sync, check_columns(connection, sync))
    findings = patiently(
        lambda: destination.prepare(fields), str(sync.destination), options.patience, options.sleep
    )
    wrong = [finding.text for finding in findings if not finding.good]
    if wrong:
        raise ConfigError(f"sync {sync.name}: {sync.destination} is not ready:\n  " + "\n  ".join(wrong))


def _definitions(ledger: Ledger) -> dict[str, Sync]:
    """Syncs with rows still in the outbox, as they were when the rows were planned."""
    found = {}
    for (text,) in ledger.connection.execute(
        "select definition from run where ended_at is null or sync in (select sync from outbox) "
        "order by run_id"
    ).fetchall():
        sync = Sync.model_validate_json(text)
        found[sync.name] = sync
    return found


def _start(sync: Sync, ledger: Ledger, plan: Plan, as_of: date, at: str) -> int:
    definition = sync.model_dump_json()
    config_hash = hashlib.sha256(definition.encode()).hexdigest()[:12]
    version = plan.basis["published_version"]
    return ledger.start_run(
        (sync.name, definition, version, config_hash, as_of.isoformat(), at, plan.selected, plan.planned)
    )


def _waiting(ledger: Ledger) -> int:
    return int(ledger.connection.execute("select count(*) from outbox").fetchone()[0])


def _last_request(ledger: Ledger) -> int:
    row = ledger.connection.execute("select coalesce(max(request_id), 0) from request").fetchone()
    return int(row[0])


def _counts(ledger: Ledger, after_request: int) -> tuple[dict[str, int], int]:
    rows = ledger.connection.execute(
        "select operation, outcome, count(*) from audit where request_id > ? group by 1, 2 order by 1, 2",
        (after_request,),
    ).fetchall()
    sent = {operation: count for operation, outcome, count in rows if outcome == "ok"}
    return sent, sum(count for _, outcome, count in rows if outcome == "rejected")


def _notices(plan: Plan, as_of: date, home: Home) -> tuple[str, ...]:
    notices = []
    version = current_name(home) or ""
    if as_of.isoformat() not in version:
        notices.append(f"the published database {version} is not of {as_of}")
    if plan.selected == 0:
        notices.append("no customer may be exported")
    return tuple(notices)
