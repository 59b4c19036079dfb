"""What the tests of all vendors share: rows, and a sender that repeats as the engine does."""

import time
from dataclasses import dataclass, field, replace
from typing import Any

from exports.engine.destination import Field, Operation, Row, RowResult, Sent
from exports.engine.errors import JobLost, Rejected, Retryable


@dataclass
class World:
    """A vendor's fake, a destination connected to it, and the vendor's words for the same things."""

    fake: Any
    destination: Any
    first_name: str
    fields: list[Field]
    denied: list[str]
    """Names of fields that hold a subscription state there."""
    forbidden: list[str]
    """Regular expressions that no request (`METHOD path?query body`) may match."""
    made_field: Field | None = None
    """A field that is created; None where fields need no making."""
    invalid_email: str = "no address"
    email_field: str | None = "email"
    extra: dict[str, Any] = field(default_factory=dict)
    remote_ids: dict[str, str] = field(default_factory=dict)

    def row(self, number: int, **changes: Any) -> Row:
        email = changes.pop("email", f"person{number}@example.org")
        fields = {self.first_name: f"Name {number}", **self.extra, **changes.pop("fields", {})}
        if self.email_field:
            fields[self.email_field] = email
        return Row(changes.pop("key", f"c_{number:04}"), email, fields=fields, **changes)

    def rows(self, count: int) -> list[Row]:
        return [self.row(number) for number in range(1, count + 1)]

    def send(self, rows: list[Row], operation: Operation = Operation.UPSERT) -> dict[str, RowResult]:
        """Sends until every row is ok or rejected."""
        results: dict[str, RowResult] = {}
        limits = self.destination.capabilities
        size = limits.operation_batch_size.get(operation, limits.batch_size)
        rows = [replace(row, remote_id=row.remote_id or self.remote_ids.get(row.key)) for row in rows]
        waiting = [rows[start : start + size] for start in range(0, len(rows), size)]
        for _ in range(200):
            if not waiting:
                return results
            batch = waiting.pop(0)
            try:
                sent = self._settled(self.destination.send(operation, batch), batch)
            except Rejected as error:
                if len(batch) == 1:
                    results[batch[0].key] = RowResult(batch[0].key, "rejected", error.reason)
                else:
                    middle = len(batch) // 2
                    waiting += [batch[:middle], batch[middle:]]
                continue
            except (Retryable, JobLost):
                if limits.write == "create_only":
                    batch = self._probed(batch)
                waiting.append(batch)
                continue
            assert {result.key for result in sent.results} == {row.key for row in batch}
            results.update({result.key: result for result in sent.results})
            self.remote_ids.update({r.key: r.remote_id for r in sent.results if r.remote_id})
            again = [row for row in batch if results[row.key].status == "retry"]
            waiting += [again] if again else []
        raise AssertionError("never done")

    def _settled(self, sent: Sent, batch: list[Row]) -> Sent:
        for _ in range(500):
            if sent.job is None:
                return sent
            try:
                sent = self.destination.poll(sent.job, batch) or sent
            except Retryable:
                continue
            time.sleep(0.002)
        raise AssertionError("never done")

    def _probed(self, batch: list[Row]) -> list[Row]:
        """The batch, with the ids of what a request without an answer may have created."""
        for _ in range(100):
            try:
                found = self.destination.find(batch, [])
            except Retryable:
                continue
            return [
                replace(row, remote_id=found[row.key].remote_id) if row.key in found else row for row in batch
            ]
        raise AssertionError("never answered")

    def prepared(self) -> "World":
        findings = self.destination.prepare(self.fields)
        assert all(finding.good for finding in findings), findings
        return self

    def pull(self, cursor: str | None = None) -> tuple[list[Any], str]:
        items: list[Any] = []
        for _ in range(50):
            page = self.destination.pull_suppressions(cursor)
            items += page.items
            cursor = page.cursor
            if not page.more:
                return items, cursor
        raise AssertionError("endless pages")
