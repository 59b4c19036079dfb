"""Any HTTP API that takes JSON, described in `config/destinations.yml`.

    upsert:
      path: /contacts/batch
      batch_size: 100
      body: {contacts: "{rows}"}
      row: {external_id: "{key}", email: "{identity}", attributes: "{fields}"}
      results: {items: results, key: external_id, error: error}

A text that is one placeholder becomes the value itself; within longer text it is inserted, in a path quoted.
`{fields}` holds no subscription states, and a template that names one is refused. `withdraw` alone may.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field as Setting
from pydantic import SecretStr, field_validator

import exports.engine.destination as engine
from exports.destinations import common, template
from exports.destinations.vendor import Vendor
from exports.engine.destination import Operation, Row, RowResult, Sent, Suppression
from exports.engine.errors import Rejected
from exports.engine.http import Client, trace_id
from exports.engine.rate import Limit
from stammkunde.settings import Section

DENIED = frozenset({
    "status", "status_if_new", "subscribed", "subscription_status", "subscriptions", "subscribe", "opt_in",
    "optin", "opted_in", "opt_out", "opted_out", "consent", "consents", "email_consent", "unsubscribed",
    "marketing_consent", "accepts_marketing", "emailblacklisted", "smsblacklisted", "is_subscribed",
})  # fmt: skip


class Results(Section):
    """Where the answer tells of single rows: `items` is the path to the list, `.` between names."""

    items: str
    key: str
    error: str = "error"


class Call(Section):
    """One kind of request. `batch_size` rows go into `{rows}`, each made from `row`."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: str
    body: Any = None
    row: Any = None
    batch_size: int = Setting(1, ge=1)
    results: Results | None = None


class Pull(Section):
    """Where opt-outs are told: a list of objects, and the cursor for what comes after them."""

    path: str
    items: str
    cursor_parameter: str = "cursor"
    next_cursor: str = "next_cursor"
    identity: str = "email"
    occurred_at: str = "occurred_at"
    id: str = "id"
    key: str | None = None
    kind: str | None = None


class Settings(Section):
    """`token` is sent as `<scheme> <token>` in the header `header`."""

    kind: Literal["rest"]
    base_url: str
    token: SecretStr
    header: str = "authorization"
    scheme: str = "Bearer"
    check_path: str
    upsert: Call
    withdraw: Call
    withdraw_channels: tuple[Literal["email", "phone", "post"], ...] = ("email",)
    archive: Call | None = None
    delete: Call | None = None
    erase: Call | None = None
    pull: Pull | None = None
    requests: int = Setting(5, ge=1)
    per_seconds: float = Setting(1.0, gt=0)

    @field_validator("upsert", "archive", "delete", "erase")
    @classmethod
    def _subscribes_nobody(cls, call: Call | None) -> Call | None:
        found = sorted(template.names([call.body, call.row]) & DENIED) if call else []
        if found:
            raise ValueError(f"{found[0]!r} is a subscription state, which is never written")
        return call


def connect(settings: Settings, client: Client | None = None) -> Rest:
    """Opens the API."""
    token = f"{settings.scheme} {settings.token.get_secret_value()}".strip()
    limits = {"default": [Limit(settings.requests, settings.per_seconds)]}
    return Rest(settings, client or Client(
        settings.base_url, name="rest", headers={settings.header: token}, limits=limits
    ))  # fmt: skip


class Rest(Vendor):
    """An API that holds one contact per key of ours, so that a repeated request does no harm."""

    vendor, denied = "rest", DENIED

    def __init__(self, settings: Settings, client: Client) -> None:
        super().__init__(client)
        self._settings = settings
        names = [Operation.UPSERT, Operation.WITHDRAW, Operation.ARCHIVE, Operation.DELETE, Operation.ERASE]
        self._calls: dict[Operation, Call] = {o: c for o in names if (c := getattr(settings, o.value))}
        self.capabilities = engine.Capabilities(
            batch_size=settings.upsert.batch_size, operations=frozenset(self._calls), can_find=False,
            operation_batch_size={operation: call.batch_size for operation, call in self._calls.items()},
        )  # fmt: skip

    def account(self) -> list[engine.Finding]:
        self._client.request("GET", self._settings.check_path)
        return [
            engine.Finding(True, "rest: the token is valid; what fields there are, the API does not tell")
        ]

    def send(self, operation: Operation, rows: Sequence[Row]) -> Sent:
        if operation is Operation.WITHDRAW:
            served = self._settings.withdraw_channels
            return common.by_channel("rest", rows, served, lambda some: self._send(operation, some))
        return self._send(operation, rows)

    def _send(self, operation: Operation, rows: Sequence[Row]) -> Sent:
        call = self._calls[operation]
        made = [template.filled(call.row, values_of(row)) for row in rows]
        values = {**values_of(rows[0]), "rows": made} if len(rows) == 1 else {"rows": made}
        absent = frozenset() if operation is Operation.UPSERT else frozenset({404, 410})
        path = template.path(call.path, values)
        body = None if call.body is None else template.filled(call.body, values)
        answer = self._client.request(call.method, path, body, expect=absent)
        if not call.results or answer.status >= 400:
            return common.all_ok(rows, answer.status, trace_id(answer.headers))
        told = {
            str(item.get(call.results.key)): item
            for item in template.at(answer.body, call.results.items) or []
        }
        results = []
        for row in rows:
            item = told.get(row.key)
            error = item.get(call.results.error) if item else None
            reason = error if isinstance(error, str) else json.dumps(error)
            status: Literal["ok", "rejected", "retry"] = "rejected" if error else "ok" if item else "retry"
            results.append(RowResult(row.key, status, reason if error else ""))
        return Sent(results, None, answer.status, trace_id(answer.headers))

    def find(self, rows: Sequence[Row], fields: Sequence[str]) -> dict[str, engine.Found]:
        raise Rejected(f"the API was not told how to find {len(rows)} rows with {len(fields)} fields")

    def pull_suppressions(self, cursor: str | None) -> engine.SuppressionPage:
        pull = self._settings.pull
        if not pull:
            return engine.SuppressionPage([], cursor or "")
        params = {pull.cursor_parameter: cursor} if cursor else {}
        body = self._client.request("GET", pull.path, params=params).body
        items = []
        for found in template.at(body, pull.items) or []:
            kind = found.get(pull.kind) if pull.kind else None
            items.append(Suppression(
                found[pull.identity], found.get(pull.key) if pull.key else None, "email",
                kind if kind in ("bounce", "complaint") else "unsubscribe",
                common.instant(found[pull.occurred_at]), f"rest:{found[pull.id]}",
            ))  # fmt: skip
        items.sort(key=lambda item: (item.occurred_at, item.event_id))
        following = template.at(body, pull.next_cursor)
        return engine.SuppressionPage(items, str(following or cursor or ""), bool(items and following))


def values_of(row: Row) -> dict[str, Any]:
    """What the placeholders of a row stand for; subscription states are not among its fields."""
    fields = common.without(row.fields, DENIED)
    return {"key": row.key, "identity": row.identity, "remote_id": row.remote_id, "fields": fields}
