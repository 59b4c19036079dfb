"""HubSpot: contacts by an external id of ours, in batches of 100 (CRM API v3).

Subscriptions are only ever ended (`unsubscribe-all`), never begun. A contact that exists with the address but
without our id is adopted; one that bears another customer's id is left alone and the row rejected.
`ARCHIVE` marks the contact in a property of ours, since what HubSpot calls archiving is its recycling bin.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field as Setting
from pydantic import SecretStr

import exports.engine.destination as engine
from exports.destinations import common, hubspot_optouts
from exports.destinations.vendor import Vendor
from exports.engine.destination import Operation, Row, RowResult, Sent
from exports.engine.errors import Rejected
from exports.engine.http import Client, reason_of, trace_id
from exports.engine.rate import Limit
from stammkunde.settings import Section

DENIED = frozenset({"hs_email_optout", "hs_legal_basis", "hs_marketable_status", "hs_email_quarantined",
                    "hs_email_customer_quarantined_reason", "hs_email_bad_address"})  # fmt: skip
SCOPES = frozenset({"crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.read",
                    "crm.schemas.contacts.write", "communication_preferences.write"})  # fmt: skip
_CONTACTS, _PROPERTIES = "/crm/v3/objects/contacts", "/crm/v3/properties/contacts"
_TYPES = {
    "text": ("string", "text"), "number": ("number", "number"), "integer": ("number", "number"),
    "boolean": ("bool", "booleancheckbox"), "date": ("date", "date"), "instant": ("datetime", "date"),
    "list": ("string", "textarea"),
}  # fmt: skip
_ACCEPTS = common.accepting(
    text="string enumeration phone_number", list="string enumeration", number="number", integer="number",
    boolean="bool enumeration", date="date", instant="datetime",
)  # fmt: skip
_Contacts = dict[str, engine.Found]
_rate_info = common.rate_headers(
    "x-hubspot-ratelimit-remaining", "x-hubspot-ratelimit-interval-milliseconds", 0.001
)


class Settings(Section):
    """`requests_per_10_seconds`: 190 on Professional and Enterprise, 100 on smaller plans."""

    kind: Literal["hubspot"]
    access_token: SecretStr
    id_property: str = "cdp_id"
    archived_property: str = "cdp_archived"
    requests_per_10_seconds: int = Setting(190, ge=1)
    base_url: str = "https://api.hubapi.com"


def connect(settings: Settings, client: Client | None = None) -> HubSpot:
    """Opens the portal that the token of a private app belongs to."""
    return HubSpot(settings, client or Client(
        settings.base_url, name="hubspot", connections=8, rate_info=_rate_info,
        headers={"authorization": f"Bearer {settings.access_token.get_secret_value()}"},
        limits={"default": [Limit(settings.requests_per_10_seconds, 10)], "search": [Limit(5, 1)]},
    ))  # fmt: skip


class HubSpot(Vendor):
    """Contacts of one portal."""

    vendor, denied, accepts = "hubspot", DENIED, _ACCEPTS
    capabilities = engine.Capabilities(
        batch_size=100, connections=8, operations=frozenset(Operation),
        operation_batch_size={Operation.MERGE: 1, Operation.ERASE: 1},
    )  # fmt: skip

    def __init__(self, settings: Settings, client: Client) -> None:
        super().__init__(client)
        self._settings = settings
        self.own = common.own_fields(settings.id_property, settings.archived_property)

    def account(self) -> list[engine.Finding]:
        token = self._settings.access_token.get_secret_value()
        path = "/oauth/v2/private-apps/get/access-token-info"
        scopes = self._client.request("POST", path, {"tokenKey": token}).body.get("scopes", [])
        missing = sorted(SCOPES - set(scopes))
        path = "/account-info/v3/api-usage/daily/private-apps"
        usage = self._client.request("GET", path).body["results"][0]
        used, limit = usage["currentUsage"], usage["usageLimit"]
        scopes_text = f"hubspot: scopes missing: {', '.join(missing) or 'none'}"
        used_text = f"hubspot: {used} of {limit} calls used today"
        return [engine.Finding(not missing, scopes_text), engine.Finding(used < limit, used_text)]

    def existing_fields(self) -> dict[str, str]:
        return {p["name"]: p["type"] for p in self._client.request("GET", _PROPERTIES).body["results"]}

    def create_field(self, field: engine.Field) -> None:
        type_, field_type = _TYPES[field.type]
        body: dict[str, Any] = {"name": field.name, "label": field.name, "type": type_,
                                "fieldType": field_type, "groupName": "contactinformation"}  # fmt: skip
        if field.name == self._settings.id_property:
            body["hasUniqueValue"] = True
        if field.type == "boolean":
            body["options"] = [{"label": word, "value": word} for word in ("true", "false")]
        self._client.request("POST", _PROPERTIES, body)

    def send(self, operation: Operation, rows: Sequence[Row]) -> Sent:
        if operation in (Operation.UPSERT, Operation.RESTORE):
            return self._upsert(rows, operation is Operation.RESTORE)
        if operation is Operation.WITHDRAW:
            found = self.find(rows, ["email"])
            return common.by_channel(
                "hubspot", rows, ["email"], lambda some: hubspot_optouts.withdraw(self._client, some, found)
            )
        found = self.find([*rows, *(row.into for row in rows if row.into)], ["hs_email_optout"])
        if operation in (Operation.ARCHIVE, Operation.DELETE):
            self._remove(found, [row.key for row in rows if row.key in found], operation)
        elif operation is Operation.MERGE:
            return common.merge_each(rows, found, self._merge)
        elif operation is Operation.ERASE:
            found = {**self.find(rows, [], archived=True), **found}
            for row in rows:
                if row.key in found:
                    body = {"objectId": found[row.key].remote_id}
                    self._client.request("POST", f"{_CONTACTS}/gdpr-delete", body)
        return common.all_ok(rows)

    def _remove(self, found: _Contacts, keys: list[str], operation: Operation) -> None:
        """Who opted out is marked, not deleted: the opt-out could not be pulled back any more."""
        stay = [key for key in keys if operation is Operation.ARCHIVE
                or found[key].fields.get("hs_email_optout") == "true"]  # fmt: skip
        mark = {self._settings.archived_property: "true"}
        for path, some, more in (
            ("update", stay, {"properties": mark}),
            ("archive", set(keys) - {*stay}, {}),
        ):
            inputs = [{"id": found[key].remote_id, **more} for key in sorted(some)]
            if inputs:
                self._client.request("POST", f"{_CONTACTS}/batch/{path}", {"inputs": inputs})

    def _properties_of(self, row: Row, restore: bool) -> dict[str, str]:
        values = {n: common.as_text(v) for n, v in common.without(row.fields, DENIED).items()}
        return {**values, self._settings.archived_property: "false"} if restore else values

    def _upsert(self, rows: Sequence[Row], restore: bool) -> Sent:
        inputs = [{"id": row.key, "idProperty": self._settings.id_property, "objectWriteTraceId": row.key,
                   "properties": self._properties_of(row, restore)} for row in rows]  # fmt: skip
        try:
            answer = self._client.request("POST", f"{_CONTACTS}/batch/upsert", {"inputs": inputs})
        except Rejected as error:
            if len(rows) > 1:
                raise
            return Sent([self._adopt(rows[0], error.reason, restore)], http_status=error.http_status)
        results = {}
        for item in answer.body["results"]:
            key = item.get("objectWriteTraceId") or item["properties"].get(self._settings.id_property)
            results[key] = RowResult(key, remote_id=item["id"], created=item.get("new"))
        by_key = {row.key: row for row in rows}
        for error_ in answer.body.get("errors", []):
            context = error_.get("context", {})
            for key in [*context.get("objectWriteTraceId", []), *context.get("ids", [])]:
                if key in by_key:
                    results[key] = self._adopt(by_key[key], reason_of(error_), restore)
        # An error that names no row: the rows without an answer are tried again, alone if need be.
        unanswered = [RowResult(row.key, "retry") for row in rows if row.key not in results]
        return Sent([*results.values(), *unanswered], None, answer.status, trace_id(answer.headers))

    def _adopt(self, row: Row, reason: str, restore: bool) -> RowResult:
        """Gives our id to the contact that has the address already, unless it is another customer's."""
        existing = re.search(r"Existing ID: (\d+)", reason)
        id_property = self._settings.id_property
        if not existing:
            return RowResult(row.key, "rejected", reason)
        body = {"inputs": [{"id": existing[1]}], "properties": [id_property]}
        found = self._client.request("POST", f"{_CONTACTS}/batch/read", body).body["results"]
        if not found or found[0]["properties"].get(id_property) not in (None, "", row.key):
            return RowResult(row.key, "rejected", "the address belongs to another customer's contact")
        properties = {**self._properties_of(row, restore), id_property: row.key}
        body = {"inputs": [{"id": existing[1], "properties": properties}]}
        try:
            self._client.request("POST", f"{_CONTACTS}/batch/update", body)
        except Rejected as error:
            return RowResult(row.key, "rejected", error.reason)
        return RowResult(row.key, remote_id=existing[1], created=False)

    def _merge(self, loser: str, winner: str) -> None:
        pair = {"primaryObjectId": winner, "objectIdToMerge": loser}
        self._client.request("POST", f"{_CONTACTS}/merge", pair)

    def find(self, rows: Sequence[Row], fields: Sequence[str], archived: bool = False) -> _Contacts:
        id_property, mark = self._settings.id_property, self._settings.archived_property
        found = {}
        for some in common.chunks(rows, 100):
            body = {"idProperty": id_property, "inputs": [{"id": row.key} for row in some],
                    "properties": [id_property, mark, *fields]}  # fmt: skip
            params = {"archived": "true"} if archived else None
            answer = self._client.request("POST", f"{_CONTACTS}/batch/read", body, params=params)
            for item in answer.body["results"]:
                values = {n: item["properties"][n] for n in fields if item["properties"].get(n)}
                gone = archived or item["properties"].get(mark) == "true"
                key = item["properties"][id_property]
                found[key] = engine.Found(key, item["id"], values, gone)
        return found

    def pull_suppressions(self, cursor: str | None) -> engine.SuppressionPage:
        return hubspot_optouts.pull(self._client, self._settings.id_property, cursor)
