"""listmonk: subscribers by address, through the CSV import.

The import names `overwrite_userinfo` and forbids `overwrite_subscription_status`; the old `overwrite`, which
would subscribe again who has left, is not used. listmonk replaces a subscriber's attributes as a whole, so
what is there is read and kept. The import tells no errors of single rows: every row is read back.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import SecretStr

import exports.engine.destination as engine
from exports.destinations import common, listmonk_optouts
from exports.destinations.vendor import Vendor
from exports.engine.destination import Operation, Row, RowResult, Sent
from exports.engine.errors import JobLost, Throttled
from exports.engine.http import Client, reason_of
from stammkunde.settings import Section

DENIED = frozenset({"status", "subscription_status", "lists", "list_uuids", "preconfirm_subscriptions",
                    "overwrite", "overwrite_subscription_status", "optin"})  # fmt: skip
_JOB = "import"


class Settings(Section):
    """`api_user` with `api_token`; rights: subscribers (get, sql_query, import, manage), bounces (get)."""

    kind: Literal["listmonk"]
    base_url: str
    api_user: str
    api_token: SecretStr
    list_id: int
    new_contacts: Literal["confirmed", "unconfirmed"] = "confirmed"
    id_attribute: str = "cdp_id"
    poll_seconds: float = 1.0


def connect(settings: Settings, client: Client | None = None) -> Listmonk:
    """Opens the server."""
    token = f"token {settings.api_user}:{settings.api_token.get_secret_value()}"
    return Listmonk(settings, client or Client(
        settings.base_url, name="listmonk", connections=2, headers={"authorization": token}
    ))  # fmt: skip


class Listmonk(Vendor):
    """Subscribers of one list."""

    vendor, denied = "listmonk", DENIED

    def __init__(self, settings: Settings, client: Client) -> None:
        super().__init__(client)
        self._settings = settings
        small = set(Operation) - {Operation.UPSERT, Operation.RESTORE}
        self.capabilities = engine.Capabilities(
            batch_size=5000, keyed_by="identity", connections=1, poll_seconds=settings.poll_seconds,
            operations=frozenset(Operation), operation_batch_size=dict.fromkeys(small, 200),
        )  # fmt: skip

    def account(self) -> list[engine.Finding]:
        path = f"/api/lists/{self._settings.list_id}"
        found = self._client.request("GET", path, expect=frozenset({400, 404}))
        text = f"listmonk: the list {'exists' if found.status == 200 else 'is not there'}"
        list(listmonk_optouts.subscribers(self._client, "subscribers.id = 0"))
        return [engine.Finding(found.status == 200, text),
                engine.Finding(True, "listmonk: the token is valid and may query subscribers")]  # fmt: skip

    def _known(self, rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
        """The subscribers of the rows' addresses, by address in lower case."""
        addresses = sorted({_address(row) for row in rows if row.identity})
        known = {}
        for some in common.chunks(addresses, 100):
            condition = f"subscribers.email IN ({','.join(map(listmonk_optouts.quoted, some))})"
            known.update(
                {
                    found["email"].lower(): found
                    for found in listmonk_optouts.subscribers(self._client, condition)
                }
            )
        return known

    def send(self, operation: Operation, rows: Sequence[Row]) -> Sent:
        if operation in (Operation.UPSERT, Operation.RESTORE):
            return self._import(rows)
        known = self._known(rows)
        people = [known[address] for row in rows if (address := _address(row)) in known]
        if operation is Operation.WITHDRAW:
            return common.by_channel("listmonk", rows, ["email"], lambda some: self._withdraw(some, people))
        if operation in (Operation.DELETE, Operation.ERASE):
            # Who opted out is kept, unless erased: the opt-out would be gone with the subscriber.
            gone = [p["id"] for p in people if operation is Operation.ERASE or not self._opted_out(p)]
            if gone:
                self._client.request("DELETE", "/api/subscribers", params={"id": gone})
        else:
            self._remove(people)
        return common.all_ok(rows)

    def _remove(self, people: Sequence[dict[str, Any]]) -> None:
        """Off the list, but for those whose opt-out would be gone with their place on it."""
        ids = [p["id"] for p in people if not self._opted_out(p)]
        if ids:
            body = {"ids": ids, "action": "remove", "target_list_ids": [self._settings.list_id]}
            self._client.request("PUT", "/api/subscribers/lists", body)

    def _leave(self, rows: Sequence[Row]) -> None:
        """Takes former addresses off the list: an import cannot rename, and nobody gets mail twice."""
        former = [Row(row.key, row.previous_identity) for row in rows if row.previous_identity]
        if former:
            self._remove(list(self._known(former).values()))

    def _opted_out(self, person: dict[str, Any]) -> bool:
        left = [
            found for found in person.get("lists") or [] if found["subscription_status"] == "unsubscribed"
        ]
        return person["status"] == "blocklisted" or bool(left)

    def _withdraw(self, rows: Sequence[Row], people: Sequence[dict[str, Any]]) -> Sent:
        if people:
            self._client.request("PUT", "/api/subscribers/blocklist", {"ids": [p["id"] for p in people]})
        return common.all_ok(rows)

    def _attributes(self, row: Row) -> dict[str, Any]:
        fields = common.without(row.fields, DENIED)
        values = {name: value for name, value in fields.items() if name.lower() not in ("email", "name")}
        return {**values, self._settings.id_attribute: row.key}

    def _import(self, rows: Sequence[Row]) -> Sent:
        rows = [row for row in rows if row.identity]
        self._leave(rows)
        known = self._known(rows)
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["email", "name", "attributes"])
        for row in rows:
            address = _address(row)
            there = known.get(address, {})
            merged = {**(there.get("attribs") or {}), **self._attributes(row)}
            attributes = {name: value for name, value in merged.items() if value is not None}
            name = row.fields.get("name") or there.get("name") or ""
            writer.writerow([address, name, json.dumps(attributes, ensure_ascii=False)])
        parameters = {"mode": "subscribe", "subscription_status": self._settings.new_contacts, "delim": ",",
                      "lists": [self._settings.list_id], "overwrite_userinfo": True,
                      "overwrite_subscription_status": False}  # fmt: skip
        content, headers = listmonk_optouts.form(json.dumps(parameters), text.getvalue())
        path = "/api/import/subscribers"
        answer = self._client.request("POST", path, content=content, headers=headers, expect=frozenset({400}))
        if answer.status == 400:  # one import at a time
            raise Throttled(f"listmonk: {reason_of(answer.body)}", self._settings.poll_seconds)
        return Sent(job=_JOB, http_status=answer.status)

    def poll(self, job: str, rows: Sequence[Row]) -> Sent | None:
        status = self._client.request("GET", "/api/import/subscribers").body["data"]["status"]
        if status in ("importing", "stopping"):
            return None
        if status == "none":
            raise JobLost(f"listmonk was started anew and does not know the {job}")
        known = self._known(rows)
        return Sent([self._result(row, known, status) for row in rows])

    def _result(self, row: Row, known: dict[str, dict[str, Any]], status: str) -> RowResult:
        there = known.get(_address(row))
        if there:
            wanted = {n: v for n, v in self._attributes(row).items() if v is not None}
            if all(there["attribs"].get(name) == value for name, value in wanted.items()):
                return RowResult(row.key, remote_id=str(there["id"]))
        if status != "finished":
            return RowResult(row.key, "retry")
        reason = "not all values were taken" if there else "dropped by the import (invalid address?)"
        return RowResult(row.key, "rejected", f"listmonk: {reason}")

    def open_jobs(self) -> Sequence[str]:
        status = self._client.request("GET", "/api/import/subscribers").body["data"]["status"]
        return [_JOB] if status in ("importing", "stopping") else []

    def find(self, rows: Sequence[Row], fields: Sequence[str]) -> dict[str, engine.Found]:
        known, found = self._known(rows), {}
        for row in rows:
            there = known.get(_address(row))
            if there:
                flat = {**there["attribs"], "name": there["name"], "email": there["email"]}
                values = {name: flat[name] for name in fields if flat.get(name) not in (None, "")}
                on_list = any(entry["id"] == self._settings.list_id for entry in there.get("lists") or [])
                found[row.key] = engine.Found(row.key, str(there["id"]), values, not on_list)
        return found

    def pull_suppressions(self, cursor: str | None) -> engine.SuppressionPage:
        settings = self._settings
        return listmonk_optouts.pull(self._client, settings.list_id, settings.id_attribute, cursor)


def _address(row: Row) -> str:
    return (row.identity or "").strip().lower()
