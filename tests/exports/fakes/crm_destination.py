"""The destination of the fake CRM: as small as a connector can be."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from exports.engine.destination import (
    Capabilities,
    Field,
    Finding,
    Found,
    Operation,
    Row,
    RowResult,
    Sent,
    Suppression,
    SuppressionPage,
)
from exports.engine.errors import JobLost
from exports.engine.http import Client


class CrmDestination:
    """`style`: upsert, create (create-only), imports (asynchronous)."""

    def __init__(self, url: str, style: str = "upsert", batch_size: int = 100, **changes) -> None:
        self.client = Client(url, name="crm", timeout_seconds=10)
        self.style = style
        self.capabilities = Capabilities(
            batch_size=batch_size,
            write="create_only" if style == "create" else "upsert",
            operations=frozenset(Operation),
            poll_seconds=0.01,
            **{"connections": 3, **changes},
        )

    def check(self, fields: Sequence[Field]) -> list[Finding]:
        return [Finding(True, "reachable")]

    prepare = check

    def send(self, operation: Operation, rows: Sequence[Row]) -> Sent:
        if operation not in (Operation.UPSERT, Operation.RESTORE):
            body = [{"key": row.key, "into": row.into.key if row.into else None} for row in rows]
            return self._sent(self.client.request("POST", f"/do/{operation}", body).body)
        body = [
            {"key": row.key, "id": row.remote_id, "email": row.identity, "fields": dict(row.fields),
             "restore": operation is Operation.RESTORE}
            for row in rows
        ]  # fmt: skip
        path = {"upsert": "/upsert", "create": "/create", "imports": "/imports"}[self.style]
        answer = self.client.request("POST", path, body)
        return Sent(job=answer.body["id"]) if self.style == "imports" else self._sent(answer.body)

    def _sent(self, body) -> Sent:
        return Sent(
            [
                RowResult(
                    one["key"],
                    "rejected" if "error" in one else "ok",
                    one.get("error", ""),
                    one.get("id"),
                    one.get("created"),
                )
                for one in body["results"]
            ],
            trace_id="t",
        )

    def poll(self, job: str, rows: Sequence[Row]) -> Sent | None:
        answer = self.client.request("GET", f"/imports/{job}", expect=frozenset({404}))
        if answer.status == 404:
            raise JobLost(job)
        return None if answer.body["results"] is None else self._sent(answer.body)

    def open_jobs(self) -> Sequence[str]:
        return self.client.request("GET", "/imports").body if self.style == "imports" else []

    def find(self, rows: Sequence[Row], fields: Sequence[str]) -> Mapping[str, Found]:
        found = self.client.request("POST", "/find", [row.key for row in rows]).body
        return {
            one["key"]: Found(one["key"], one["id"], {name: one["fields"].get(name) for name in fields})
            for one in found
        }

    def pull_suppressions(self, cursor: str | None) -> SuppressionPage:
        body = self.client.request("GET", "/suppressions", params={"cursor": cursor or "0"}).body
        items = [
            Suppression(
                one["email"], None, "email", one["kind"], datetime.fromisoformat(one["at"]), one["id"]
            )
            for one in body["items"]
        ]
        return SuppressionPage(items, str(body["next"]), body["more"])

    def close(self) -> None:
        self.client.close()
