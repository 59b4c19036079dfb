"""Brevo: contacts by address, through the asynchronous import (API v3).

An import tells no errors of single rows: when it has ended, every row is read back, those that the list of
changed contacts does not show one by one. Imports that empty fields would also empty those they do not name,
so rows of one import always fill the same attributes.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field as Setting
from pydantic import SecretStr

import exports.engine.destination as engine
from exports.destinations import brevo_optouts, brevo_verify, common
from exports.destinations.vendor import Vendor
from exports.engine.destination import Operation, Row, Sent
from exports.engine.errors import JobLost
from exports.engine.http import Client
from exports.engine.rate import Limit
from stammkunde.settings import Section

DENIED = frozenset({"emailblacklisted", "smsblacklisted", "email_blacklisted", "blacklisted", "doubleopt-in",
                    "double_opt-in", "opt_in", "optin"})  # fmt: skip
_TYPES = {"text": "text", "number": "float", "integer": "float", "boolean": "boolean", "date": "date",
          "instant": "text", "list": "text"}  # fmt: skip
_ACCEPTS = common.accepting(
    text="text category multiple-choice", list="text multiple-choice", number="float text",
    integer="float text", boolean="boolean", date="date text", instant="text",
)  # fmt: skip
_OK_TOO = frozenset({404})

_rate_info = common.rate_headers("x-sib-ratelimit-remaining", "x-sib-ratelimit-reset")


class Settings(Section):
    """`list_id`: the list that contacts join. Looks at imports are few, so `poll_seconds` is long."""

    kind: Literal["brevo"]
    api_key: SecretStr
    list_id: int
    id_attribute: str = "CDP_ID"
    requests_per_second: int = Setting(10, ge=1)
    other_requests_per_hour: int = Setting(100, ge=1)
    poll_seconds: float = Setting(30.0, gt=0)
    base_url: str = "https://api.brevo.com/v3"


def connect(settings: Settings, client: Client | None = None) -> Brevo:
    """Opens the account of the key."""
    limits = {"default": [Limit(settings.requests_per_second, 1)],
              "other": [Limit(settings.other_requests_per_hour, 3600)]}  # fmt: skip
    return Brevo(settings, client or Client(
        settings.base_url, name="brevo", connections=4, rate_info=_rate_info, limits=limits,
        headers={"api-key": settings.api_key.get_secret_value()},
    ))  # fmt: skip


class Brevo(Vendor):
    """Contacts of one account."""

    vendor, denied, accepts = "brevo", DENIED, _ACCEPTS

    def __init__(self, settings: Settings, client: Client) -> None:
        super().__init__(client)
        self._settings = settings
        self.own = [engine.Field(settings.id_attribute, "text")]
        self.capabilities = engine.Capabilities(
            batch_size=10_000, batch_bytes=6_000_000, keyed_by="identity", connections=4,
            operations=frozenset(Operation), poll_seconds=settings.poll_seconds,
            operation_batch_size=dict.fromkeys(set(Operation) - {Operation.UPSERT, Operation.RESTORE}, 100),
        )  # fmt: skip

    def account(self) -> list[engine.Finding]:
        plans = self._client.request("GET", "/account", bucket="other").body.get("plan", [])
        types = ", ".join(str(plan.get("type")) for plan in plans)
        number = self._settings.list_id
        found = self._client.request("GET", f"/contacts/lists/{number}", expect=_OK_TOO)
        good = found.status == 200
        text = f"brevo: the list {number} {'exists' if good else 'is not there'}"
        return [engine.Finding(True, f"brevo: key valid, plans: {types}"), engine.Finding(good, text)]

    def existing_fields(self) -> dict[str, str]:
        body = self._client.request("GET", "/contacts/attributes").body
        return {a["name"]: a.get("type", a["category"]) for a in body["attributes"]
                if a["category"] in ("normal", "category")}  # fmt: skip

    def create_field(self, field: engine.Field) -> None:
        path = f"/contacts/attributes/normal/{quote(field.name, safe='')}"
        self._client.request("POST", path, {"type": _TYPES[field.type]})

    def send(self, operation: Operation, rows: Sequence[Row]) -> Sent:
        if operation in (Operation.UPSERT, Operation.RESTORE):
            return self._import(rows)
        if operation is Operation.WITHDRAW:
            served = ["email", "phone"]
            return common.by_channel("brevo", rows, served, lambda s: common.each(s, self._withdraw))
        if operation in (Operation.ARCHIVE, Operation.MERGE):
            return common.each(rows, self._unlink)
        return common.each(rows, self._erase if operation is Operation.ERASE else self._delete)

    def attributes(self, row: Row) -> dict[str, Any]:
        """What is written of a row; None and lists in Brevo's form."""
        values = {n: v for n, v in common.without(row.fields, DENIED).items() if n.lower() != "email"}
        values[self._settings.id_attribute] = row.key
        return {n: common.as_text(v) if v is None or isinstance(v, list) else v for n, v in values.items()}

    def _import(self, rows: Sequence[Row]) -> Sent:
        groups: dict[frozenset[str], list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            if row.previous_identity and row.identity and row.previous_identity != row.identity:
                self._rename(row.previous_identity, row.identity)
            if row.identity:
                attributes = self.attributes(row)
                groups[frozenset(attributes)].append({"email": row.identity, "attributes": attributes})
        jobs, since = [], ""
        for contacts in groups.values():
            body = {"jsonBody": contacts, "listIds": [self._settings.list_id], "updateExistingContacts": True,
                    "emptyContactsAttributes": True, "disableNotification": True}  # fmt: skip
            answer = self._client.request("POST", "/contacts/import", body)
            jobs.append(answer.body["processId"])
            since = since or answer.headers.get("date", "")
        return Sent(job=json.dumps({"processes": jobs, "since": since}), http_status=202)

    def _rename(self, old: str, new: str) -> None:
        """Keeps history when an address changes. If both exist, the import fills the new one."""
        renamed = frozenset({400, 404, 409})
        body = {"attributes": {"EMAIL": new}}
        if self._client.request("PUT", brevo_verify.contact_path(old), body, expect=renamed).status == 400:
            unlinked = {"unlinkListIds": [self._settings.list_id]}
            self._client.request("PUT", brevo_verify.contact_path(old), unlinked, expect=renamed)

    def _withdraw(self, row: Row) -> None:
        body = {"smsBlacklisted" if row.channel == "phone" else "emailBlacklisted": True}
        if row.identity:
            self._client.request("PUT", brevo_verify.contact_path(row.identity), body, expect=_OK_TOO)

    def _unlink(self, row: Row) -> None:
        body = {"unlinkListIds": [self._settings.list_id]}
        if row.identity:
            self._client.request("PUT", brevo_verify.contact_path(row.identity), body, expect=_OK_TOO)

    def _delete(self, row: Row) -> None:
        """Who opted out is taken off the list only: the opt-out would be gone with the contact."""
        path = brevo_verify.contact_path(row.identity or "")
        found = self._client.request("GET", path, expect=_OK_TOO) if row.identity else None
        if not found or found.status == 404:
            return
        if found.body["emailBlacklisted"] or found.body["smsBlacklisted"]:
            return self._unlink(row)
        self._client.request("DELETE", path, expect=_OK_TOO)

    def _erase(self, row: Row) -> None:
        if row.identity:
            self._client.request("DELETE", brevo_verify.contact_path(row.identity), expect=_OK_TOO)

    def poll(self, job: str, rows: Sequence[Row]) -> Sent | None:
        state = json.loads(job)
        for process in state["processes"]:
            answer = self._client.request("GET", f"/processes/{process}", bucket="other", expect=_OK_TOO)
            if answer.status == 404:
                raise JobLost(f"brevo does not know the import {process}")
            if answer.body["status"] != "completed":
                return None
        seen = brevo_verify.changed(self._client, state["since"]) if len(rows) > 1 else {}
        return Sent([brevo_verify.result(self._client, row, self.attributes(row), seen) for row in rows])

    def open_jobs(self) -> Sequence[str]:
        body = self._client.request("GET", "/processes", params={"limit": 50}, bucket="other").body
        return [json.dumps({"processes": [found["id"]], "since": ""}) for found in body.get("processes", [])
                if found["status"] != "completed" and "IMPORT" in found["name"].upper()]  # fmt: skip

    def find(self, rows: Sequence[Row], fields: Sequence[str]) -> dict[str, engine.Found]:
        found = {}
        for row in rows:
            if not row.identity:
                continue
            answer = self._client.request(
                "GET", brevo_verify.contact_path(row.identity), expect=frozenset({400, 404})
            )
            if answer.status == 200:
                values = {n: v for n, v in answer.body["attributes"].items() if n in fields and v != ""}
                gone = self._settings.list_id not in answer.body["listIds"]
                found[row.key] = engine.Found(row.key, str(answer.body["id"]), values, gone)
        return found

    def pull_suppressions(self, cursor: str | None) -> engine.SuppressionPage:
        return brevo_optouts.pull(self._client, self._settings.id_attribute, self._settings.list_id, cursor)
