"""What a destination must offer to the engine.

Belongs here: the protocol and the values that cross it. Does not belong here: HTTP
(`exports/engine/http.py`), retries, rate limits, consent, bookkeeping (the engine's), or any vendor
(`exports/destinations/`).

A destination module `exports/destinations/<kind>.py` holds

    class Settings(Section): kind: Literal["<kind>"] …      credentials as SecretStr; read from
    config/destinations.yml
    def connect(settings: Settings, client: Client | None = None) -> Destination

and is named in `exports/destinations/registry.py`. It is stateless: everything worth remembering is in the
engine's ledger. Methods are called from several threads at once. They raise what is in
`exports/engine/errors.py` and retry nothing themselves: the engine repeats a call until it is answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol

Value = str | int | float | bool | list[str] | None
"""A JSON value. Days are `YYYY-MM-DD`, instants ISO 8601 in UTC; None empties the field."""


class Operation(StrEnum):
    """What is done to a contact. None of them can subscribe anybody: no such operation exists."""

    UPSERT = "upsert"
    """Create or update by `Row.key`; on a create-only destination: create if `remote_id` is None, else
    update. Fields that are not in `Row.fields` stay untouched; subscription states always do."""
    WITHDRAW = "withdraw"
    """Opt the contact out of `Row.channel`. Idempotent; an unknown contact is `ok` and is not created, unless
    the vendor can block an address without a contact."""
    ARCHIVE = "archive"
    """Out of use, history kept. Idempotent; an unknown contact is `ok`."""
    DELETE = "delete"
    """Removed, may come back later. Idempotent; an unknown contact is `ok`."""
    ERASE = "erase"
    """Removed for good with its history (GDPR Art. 17). Idempotent; an unknown contact is `ok`."""
    MERGE = "merge"
    """`Row` is the loser, `Row.into` the winner, which exists at the destination already. Idempotent."""
    RESTORE = "restore"
    """Undo ARCHIVE or MERGE where the vendor can, then as UPSERT. Subscription states as they were."""


@dataclass(frozen=True)
class Capabilities:
    """What the vendor can do. `batch_size` in rows and `batch_bytes` in bytes of JSON bound one `send`."""

    batch_size: int
    batch_bytes: int = 4_000_000
    write: Literal["upsert", "create_only"] = "upsert"
    """`create_only`: sending a row twice makes two contacts; the engine calls `find` before it repeats
    one.
    """
    keyed_by: Literal["key", "identity"] = "key"
    """`identity`: the vendor holds one contact per address (Mailchimp), so of two customers with one address
    the engine sends one. `key`: it holds our customer_id.
    """
    operations: frozenset[Operation] = frozenset({Operation.UPSERT, Operation.WITHDRAW})
    operation_batch_size: Mapping[Operation, int] = field(default_factory=dict)
    """Smaller batches of some operations, for example 1 where the vendor erases one contact a request."""
    connections: int = 4
    """Most requests in flight at once."""
    request_timeout_seconds: float = 60.0
    settle_seconds: float = 0.0
    """How long an unanswered request may still take effect; the engine waits so long before it probes."""
    poll_seconds: float = 1.0
    """How long to wait between two looks at an asynchronous job; grows while the job is not done."""
    can_find: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """One contact. `key` is the customer_id, stored at the vendor as the external id where it has one.

    `identity` is the value of the sync's identity field, usually the e-mail address, now; `previous_identity`
    that which was acknowledged last, if another: a vendor keyed by address renames instead of adding.
    """

    key: str
    identity: str | None = None
    previous_identity: str | None = None
    remote_id: str | None = None
    fields: Mapping[str, Value] = field(default_factory=dict)
    channel: str = "email"
    into: Row | None = None


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one row.

    `ok`: committed at the vendor. `rejected`: the vendor will refuse it again, `reason` in the vendor's words
    (the engine masks the row's values in it). `retry`: not committed, send it again. `created` tells whether
    the contact is new, None if the vendor does not say.
    """

    key: str
    status: Literal["ok", "rejected", "retry"] = "ok"
    reason: str = ""
    remote_id: str | None = None
    created: bool | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The answer to a batch: results of every row, in any order, or the id of a job that will tell them.

    `http_status` and `trace_id` (the vendor's id of the request) go into the audit.
    """

    results: Sequence[RowResult] = ()
    job: str | None = None
    http_status: int = 200
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A contact as it is at the vendor; `fields` holds those that were asked for and are filled."""

    key: str
    remote_id: str | None = None
    fields: Mapping[str, Value] = field(default_factory=dict)
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Suppression:
    """An opt-out that the vendor knows. `identity` is the address; `key` the customer_id if the vendor has
    it.

    `event_id` is the same whenever the same event is pulled again.
    """

    identity: str | None
    key: str | None
    channel: str
    kind: Literal["unsubscribe", "bounce", "complaint"]
    occurred_at: datetime
    event_id: str


@dataclass(frozen=True, slots=True)
class SuppressionPage:
    """Some suppressions and where to go on: `cursor` is stored and passed to the next call, also of later
    runs.

    A later call with the last page's cursor gives what came since, and may repeat the newest ones.
    """

    items: Sequence[Suppression]
    cursor: str
    more: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A field that a sync fills; `type` as in the sync's mapping."""

    name: str
    type: Literal["text", "number", "integer", "boolean", "date", "instant", "list"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a check: credentials, scope, field, limit. Names no secret and nobody's data."""

    good: bool
    text: str


class Destination(Protocol):
    """A place that keeps contacts and is written to row by row, in batches."""

    @property
    def capabilities(self) -> Capabilities: ...

    def check(self, fields: Sequence[Field]) -> list[Finding]:
        """Credentials, scopes, limits and whether the fields exist with the right type. Changes nothing."""
        ...

    def prepare(self, fields: Sequence[Field]) -> list[Finding]:
        """Creates missing custom fields and reads them back. A finding that is not good stops the run."""
        ...

    def send(self, operation: Operation, rows: Sequence[Row]) -> Sent:
        """One batch of one operation: at most the capabilities' size, no key twice.

        Raises Rejected when the vendor refuses the whole batch for one row's sake: the engine halves it.
        """
        ...

    def poll(self, job: str, rows: Sequence[Row]) -> Sent | None:
        """Results of the rows of a job, None while it is not done. JobLost if the vendor does not know it."""
        ...

    def open_jobs(self) -> Sequence[str]:
        """Jobs at the vendor that are not done. Asked before newer rows go out after a submission got
        lost.
        """
        ...

    def find(self, rows: Sequence[Row], fields: Sequence[str]) -> Mapping[str, Found]:
        """Contacts that exist at the vendor, by key; archived ones too where the vendor tells them.

        Serves the probe before a create is repeated, `fill_empty` and the ownership of mirrored contacts.
        """
        ...

    def pull_suppressions(self, cursor: str | None) -> SuppressionPage:
        """Opt-outs, bounces and complaints since the cursor; everything for None. Oldest first within a
        page.
        """
        ...

    def close(self) -> None:
        """Ends connections."""
        ...


class Delivery(Protocol):
    """A place that takes whole files: a folder, SFTP, S3. Consent needs no withdrawal: who may not go is
    absent.
    """

    def check(self) -> list[Finding]:
        """Credentials, the folder, whether it can be written. Leaves nothing behind."""
        ...

    def deliver(self, files: Sequence[Path], manifest: Path) -> None:
        """Puts the files, and the manifest last, in place so that a reader sees the old ones or the new.

        Files of the export before that are not part of this one are removed. Idempotent.
        """
        ...
