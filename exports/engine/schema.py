"""The tables of a destination's ledger (`exports/<destination>.sqlite`).

`contact`: what the destination acknowledged, per sync. `outbox`: what has to be sent; a row leaves it in the
transaction that acknowledges it. `job`: asynchronous jobs that are not done. `rejected`: rows the destination
refused, until they change. `run`, `request`, `audit`: who sent what when; never personal data, append-only.
"""

from __future__ import annotations

from typing import NamedTuple

SCHEMA = """
create table if not exists contact (
    sync text not null,
    key text not null,
    state text not null,
    row_hash text,
    field_hashes text,
    identity text,
    remote_id text,
    is_owned integer not null default 0,
    acknowledged_at text not null,
    primary key (sync, key)
) without rowid;
create index if not exists contact_key on contact (key);
create index if not exists contact_identity on contact (identity collate nocase);
create table if not exists outbox (
    outbox_id integer primary key,
    run_id integer not null,
    sync text not null,
    key text not null,
    operation text not null,
    priority integer not null,
    reason text not null,
    payload text,
    row_hash text,
    field_hashes text,
    identity text,
    previous_identity text,
    remote_id text,
    into_key text,
    channel text not null,
    state text not null default 'pending',
    job_id integer,
    attempts integer not null default 0,
    was_absent integer
);
create unique index if not exists outbox_key on outbox (sync, key, operation);
create index if not exists outbox_next on outbox (priority, sync, operation, outbox_id);
create table if not exists job (
    job_id integer primary key,
    vendor_id text not null,
    sync text not null,
    operation text not null,
    submitted_at text not null
);
create table if not exists rejected (
    sync text not null,
    key text not null,
    operation text not null,
    row_hash text not null,
    reason text not null,
    rejected_at text not null,
    primary key (sync, key, operation)
);
create table if not exists run (
    run_id integer primary key,
    sync text not null,
    definition text not null,
    published_version text not null,
    config_hash text not null,
    as_of_date text not null,
    started_at text not null,
    ended_at text,
    outcome text,
    selected integer not null default 0,
    planned integer not null default 0
);
create table if not exists request (
    request_id integer primary key,
    run_id integer not null,
    operation text not null,
    sent_at text not null,
    http_status integer,
    trace_id text,
    row_count integer not null
);
create table if not exists audit (
    audit_id integer primary key,
    request_id integer not null,
    sync text not null,
    key text not null,
    operation text not null,
    outcome text not null,
    row_hash text
);
create trigger if not exists audit_is_kept before delete on audit
begin select raise(abort, 'the audit is append-only'); end;
create trigger if not exists audit_is_true before update on audit
when new.key not like 'erased:%' or new.outcome <> old.outcome or new.operation <> old.operation
begin select raise(abort, 'the audit is append-only'); end;
create index if not exists audit_key on audit (key);
create table if not exists note (name text primary key, value text not null) without rowid
"""


class Item(NamedTuple):
    """A row of the outbox."""

    outbox_id: int
    run_id: int
    sync: str
    key: str
    operation: str
    priority: int
    reason: str
    payload: str | None
    row_hash: str | None
    field_hashes: str | None
    identity: str | None
    previous_identity: str | None
    remote_id: str | None
    into_key: str | None
    channel: str
    state: str
    job_id: int | None
    attempts: int
    was_absent: int | None
