"""What the classes of all vendors inherit: the check of an account and the making of its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from exports.engine.destination import Field, Finding, Row, Sent
from exports.engine.errors import JobLost, Refused, Rejected
from exports.engine.http import Client


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
