"""What the vendors' modules share: the check and making of fields, values as text, instants.

Belongs here: what two vendors or more need. Does not belong here: anything about one vendor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar, TypeVar

import httpx

from exports.engine.destination import Field, Finding, Row, RowResult, Sent, Value
from exports.engine.errors import JobLost, Refused, Rejected
from exports.engine.http import Client, RateInfo

Item = TypeVar("Item")


class Vendor:
    """What a vendor's class inherits: check and preparation from its fields, no asynchronous jobs.

    `denied` are the names, in lower case, of fields that hold a subscription state. `accepts` tells which
    vendor's types take one of ours; it is empty where fields need no making. `own` are the fields that the
    connector itself fills.
    """

    vendor: ClassVar[str]
    denied: ClassVar[frozenset[str]] = frozenset()
    accepts: ClassVar[Mapping[str, frozenset[str]]] = {}
    creates_fields: ClassVar[bool] = True
    own: Sequence[Field] = ()

    def __init__(self, client: Client) -> None:
        self._client = client

    def account(self) -> list[Finding]:
        """Credentials, scopes and limits. Raises Refused for wrong credentials."""
        raise NotImplementedError

    def existing_fields(self) -> Mapping[str, str]:
        """Type of each field at the vendor, by name."""
        raise NotImplementedError

    def create_field(self, field: Field) -> None:
        """Makes a field. Raises Rejected or Refused."""
        raise NotImplementedError

    def unfit(self, fields: Sequence[Field]) -> list[Finding]:
        """Findings on fields that the vendor cannot take, whatever is created."""
        del fields
        return []

    def check(self, fields: Sequence[Field]) -> list[Finding]:
        try:
            findings = [
                *self.account(),
                *self.unfit(fields),
                *denied_findings(self.vendor, fields, self.denied),
            ]
            if not self.accepts:
                return findings
            wanted = [*self.own, *fields]
            missing = None if self.creates_fields else Finding(False, "is missing and cannot be created")
            existing = self.existing_fields()
            return [*findings, *check_fields(self.vendor, wanted, existing, self.accepts, missing)]
        except (Refused, Rejected) as error:
            return [Finding(False, str(error))]

    def prepare(self, fields: Sequence[Field]) -> list[Finding]:
        """Creates the fields that are missing and reads all of them back."""
        wrong = [*self.unfit(fields), *denied_findings(self.vendor, fields, self.denied)]
        if wrong or not self.accepts:
            return wrong
        wanted, existing, refused = [*self.own, *fields], self.existing_fields(), []
        missing = [field for field in wanted if field.name not in existing]
        for field in missing:
            try:
                self.create_field(field)
            except (Rejected, Refused) as error:
                refused.append(Finding(False, f"{self.vendor}: {field.name}: cannot be created: {error}"))
        unseen = Finding(False, "was created, but cannot be read back (no right to see it?)")
        existing = self.existing_fields() if missing else existing
        return refused or check_fields(self.vendor, wanted, existing, self.accepts, unseen)

    def poll(self, job: str, rows: Sequence[Row]) -> Sent | None:
        raise JobLost(f"{self.vendor} answers at once: it has no job {job} of {len(rows)} rows")

    def open_jobs(self) -> Sequence[str]:
        return ()

    def close(self) -> None:
        self._client.close()


def rate_headers(remaining: str, reset: str, seconds: float = 1.0) -> Callable[[httpx.Headers], RateInfo]:
    """Reads a vendor's headers: requests left and when the window ends, in units of `seconds`."""

    def read(headers: httpx.Headers) -> RateInfo:
        left, end = headers.get(remaining), headers.get(reset)
        return RateInfo(int(left) if left else None, float(end) * seconds if end else None)

    return read


def accepting(**types: str) -> dict[str, frozenset[str]]:
    """`accepts` of a vendor: for each of our types the vendor's ones that take it, separated by blanks."""
    return {ours: frozenset(theirs.split()) for ours, theirs in types.items()}


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items in pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def without(fields: Mapping[str, Value], denied: frozenset[str]) -> dict[str, Value]:
    """The fields but those whose name, in lower case, is denied: subscription states are never written."""
    return {name: value for name, value in fields.items() if name.lower() not in denied}


def as_text(value: Value) -> str:
    """A value as vendors write it in text: nothing as "", lists joined by `;`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ";".join(value) if isinstance(value, list) else str(value)


def instant(text: str) -> datetime:
    """An ISO 8601 instant, in UTC when it names no zone."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def iso(moment: datetime) -> str:
    """`2026-11-20T08:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def all_ok(rows: Sequence[Row], status: int = 200, trace: str | None = None) -> Sent:
    """Every row is committed."""
    return Sent([RowResult(row.key) for row in rows], http_status=status, trace_id=trace)


def each(rows: Sequence[Row], act: Callable[[Row], RowResult | None]) -> Sent:
    """One request per row, for operations without a batch endpoint. What is refused is rejected alone."""
    results = []
    for row in rows:
        try:
            results.append(act(row) or RowResult(row.key))
        except Rejected as error:
            results.append(RowResult(row.key, "rejected", error.reason))
    return Sent(results)


def by_channel(
    vendor: str, rows: Sequence[Row], channels: Sequence[str], withdraw: Callable[[Sequence[Row]], Sent]
) -> Sent:
    """Withdraws the rows of the channels that the vendor has an opt-out for; the others are rejected."""
    served = [row for row in rows if row.channel in channels]
    sent = withdraw(served) if served else Sent()
    others = [
        RowResult(row.key, "rejected", f"{vendor} has no opt-out for the channel {row.channel}")
        for row in rows
        if row.channel not in channels
    ]
    return Sent([*sent.results, *others], sent.job, sent.http_status, sent.trace_id)


def denied_findings(vendor: str, fields: Sequence[Field], denied: frozenset[str]) -> list[Finding]:
    """A finding for every mapped field that is a subscription state."""
    return [
        Finding(False, f"{vendor}: the field {field.name!r} is a subscription state, which is never written")
        for field in fields
        if field.name.lower() in denied
    ]


def check_fields(
    vendor: str,
    fields: Sequence[Field],
    existing: Mapping[str, str],
    accepts: Mapping[str, frozenset[str]],
    missing: Finding | None = None,
) -> list[Finding]:
    """Whether the vendor has the fields with a type that takes ours. `missing` speaks of those it lacks."""
    findings = []
    for field in fields:
        if field.name not in existing:
            text = missing.text if missing else "is missing; the first run creates it"
            findings.append(Finding(missing.good if missing else True, f"{vendor}: {field.name}: {text}"))
        elif existing[field.name] not in accepts[field.type]:
            findings.append(
                Finding(
                    False,
                    f"{vendor}: {field.name}: is of the type {existing[field.name]!r}, which takes no "
                    f"{field.type}; accepted: {', '.join(sorted(accepts[field.type]))}",
                )
            )
    found = len(fields) - len(findings)
    return [*findings, Finding(True, f"{vendor}: {found} of {len(fields)} fields exist with the right type")]
