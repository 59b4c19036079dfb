"""Mailchimp: members of one audience by the hash of their address, through batch operations (API 3.0).

A write never holds `status`, which would flip existing members; `status_if_new` touches addresses only that
the audience has never seen. The synchronous bulk endpoint is not used, since it may change a subscription.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import SecretStr

import exports.engine.destination as engine
from exports.destinations import common, mailchimp_optouts, mailchimp_results
from exports.destinations.vendor import Vendor
from exports.engine.destination import Operation, Row, RowResult, Sent
from exports.engine.errors import JobLost
from exports.engine.http import Client, Response, reason_of
from stammkunde.settings import Section

DENIED = frozenset({"status", "status_if_new", "email_type", "interests", "marketing_permissions",
                    "timestamp_opt", "timestamp_signup", "ip_opt", "ip_signup"})  # fmt: skip
_TYPES = {"text": "text", "number": "number", "integer": "number", "boolean": "text", "date": "date",
          "instant": "text", "list": "text"}  # fmt: skip
_ACCEPTS = common.accepting(
    text="text phone zip url dropdown radio", list="text", number="number text", integer="number text",
    boolean="text", date="date text", instant="text",
)  # fmt: skip
_OPTED_OUT = frozenset({"unsubscribed", "cleaned"})
_GONE = frozenset({404, 405})


class Settings(Section):
    """`new_contacts`: how addresses start that the audience has never seen; `pending` lets Mailchimp ask them
    to confirm.
    """

    kind: Literal["mailchimp"]
    api_key: SecretStr
    list_id: str
    new_contacts: Literal["subscribed", "pending", "transactional"] = "subscribed"
    id_tag: str = "CDP_ID"
    poll_seconds: float = 2.0
    base_url: str | None = None


def connect(settings: Settings, client: Client | None = None) -> Mailchimp:
    """Opens the account of the key, whose end names the data centre."""
    key = settings.api_key.get_secret_value()
    centre = key.rpartition("-")[2]
    url = settings.base_url or f"https://{centre}.api.mailchimp.com/3.0"
    return Mailchimp(settings, client or Client(
        url, name="mailchimp", connections=10, timeout_seconds=120, auth=("stammkunde", key),
        throttled=_throttled,
    ))  # fmt: skip


def _throttled(response: Response) -> bool:
    """Besides 429 a bare 403, without the problem document that a lack of rights comes with."""
    return response.status == 429 or (response.status == 403 and response.body is None)


def member_hash(address: str) -> str:
    """Mailchimp's id of a member: MD5 of the address in lower case."""
    return hashlib.md5(address.lower().encode(), usedforsecurity=False).hexdigest()


class Mailchimp(Vendor):
    """Members of one audience."""

    vendor, denied, accepts = "mailchimp", DENIED, _ACCEPTS

    def __init__(self, settings: Settings, client: Client) -> None:
        super().__init__(client)
        self._settings, self._list = settings, f"/lists/{settings.list_id}"
        self.own = [engine.Field(settings.id_tag, "text")]
        small = {Operation.WITHDRAW, Operation.ARCHIVE, Operation.DELETE, Operation.ERASE, Operation.MERGE}
        self.capabilities = engine.Capabilities(
            batch_size=1000, keyed_by="identity", connections=10, request_timeout_seconds=120,
            poll_seconds=settings.poll_seconds, operations=frozenset({Operation.UPSERT, *small}),
            operation_batch_size=dict.fromkeys(small, 20),
        )  # fmt: skip

    def account(self) -> list[engine.Finding]:
        self._client.request("GET", "/ping")
        found = self._client.request("GET", self._list, params={"fields": "id"}, expect=_GONE)
        good = found.status == 200
        text = f"mailchimp: the audience {'exists' if good else 'is not there'}"
        return [engine.Finding(True, "mailchimp: the key is valid"), engine.Finding(good, text)]

    def unfit(self, fields: Sequence[engine.Field]) -> list[engine.Finding]:
        return [engine.Finding(False, f"mailchimp: {field.name}: a merge tag has at most 10 characters")
                for field in fields if len(field.name) > 10]  # fmt: skip

    def existing_fields(self) -> dict[str, str]:
        answer = self._client.request("GET", f"{self._list}/merge-fields", params={"count": 1000})
        return {"EMAIL": "text", **{f["tag"]: f["type"] for f in answer.body["merge_fields"]}}

    def create_field(self, field: engine.Field) -> None:
        body = {"tag": field.name, "name": field.name, "type": _TYPES[field.type]}
        self._client.request("POST", f"{self._list}/merge-fields", body)

    def _member(self, row: Row) -> str:
        return f"{self._list}/members/{member_hash(row.identity or '')}"

    def send(self, operation: Operation, rows: Sequence[Row]) -> Sent:
        if operation is Operation.UPSERT:
            return self._upsert(rows)
        if operation is Operation.WITHDRAW:
            return common.by_channel("mailchimp", rows, ["email"], lambda s: common.each(s, self._withdraw))
        return common.each(rows, self._erase if operation is Operation.ERASE else self._archive)

    def _upsert(self, rows: Sequence[Row]) -> Sent:
        operations = []
        for row in rows:
            if not row.identity:
                continue
            if row.previous_identity and row.previous_identity.lower() != row.identity.lower():
                self._rename(row.previous_identity, row.identity)
            fields = {n: v for n, v in common.without(row.fields, DENIED).items() if n.lower() != "email"}
            values = {n: v if isinstance(v, int | float) and not isinstance(v, bool) else common.as_text(v)
                      for n, v in {**fields, self._settings.id_tag: row.key}.items()}  # fmt: skip
            body = {"email_address": row.identity, "status_if_new": self._settings.new_contacts,
                    "merge_fields": values}  # fmt: skip
            operations.append({
                "method": "PUT", "path": self._member(row), "operation_id": row.key, "body": json.dumps(body),
                "params": {"skip_merge_validation": "true"},
            })  # fmt: skip
        if not operations:
            return Sent([self._no_address(row) for row in rows])
        answer = self._client.request("POST", "/batches", {"operations": operations})
        return Sent(job=answer.body["id"], http_status=answer.status)

    def _no_address(self, row: Row) -> RowResult:
        return RowResult(row.key, "rejected", "Mailchimp takes no contact without an address")

    def _rename(self, old: str, new: str) -> None:
        """Keeps the member when its address changes; refused where the new address is a member already."""
        path = f"{self._list}/members/{member_hash(old)}"
        self._client.request("PATCH", path, {"email_address": new}, expect=frozenset({400, 404, 405}))

    def _withdraw(self, row: Row) -> None:
        if row.identity:
            self._client.request("PATCH", self._member(row), {"status": "unsubscribed"}, expect=_GONE)

    def _archive(self, row: Row) -> None:
        """Members who opted out stay: archived and added again they would be new to the audience."""
        if not row.identity:
            return
        found = self._client.request("GET", self._member(row), params={"fields": "status"}, expect=_GONE)
        if found.status == 200 and found.body["status"] not in _OPTED_OUT | {"archived"}:
            self._client.request("DELETE", self._member(row), expect=_GONE)

    def _erase(self, row: Row) -> None:
        if row.identity:
            self._client.request("POST", f"{self._member(row)}/actions/delete-permanent", expect=_GONE)

    def poll(self, job: str, rows: Sequence[Row]) -> Sent | None:
        batch = self._client.request("GET", f"/batches/{job}", expect=frozenset({404}))
        if batch.status == 404:
            raise JobLost(f"mailchimp does not know the batch {job}")
        if batch.body["status"] != "finished":
            return None
        answers = dict(mailchimp_results.answers(batch.body["response_body_url"]))
        return Sent([self._result(row, answers) for row in rows])

    def _result(self, row: Row, answers: Mapping[str, Mapping[str, Any]]) -> RowResult:
        if not row.identity:
            return self._no_address(row)
        answer = answers.get(row.key)
        if not answer or answer["status_code"] == 429 or answer["status_code"] >= 500:
            return RowResult(row.key, "retry")
        body = json.loads(answer["response"] or "{}")
        if answer["status_code"] >= 400:
            return RowResult(row.key, "rejected", f"{body.get('title', '')}: {reason_of(body)}")
        return RowResult(row.key, remote_id=body.get("id"))

    def open_jobs(self) -> Sequence[str]:
        params = {"count": 1000, "fields": "batches.id,batches.status"}
        found = self._client.request("GET", "/batches", params=params).body["batches"]
        return [batch["id"] for batch in found if batch["status"] != "finished"]

    def find(self, rows: Sequence[Row], fields: Sequence[str]) -> dict[str, engine.Found]:
        found = {}
        for row in rows:
            answer = self._client.request("GET", self._member(row), expect=_GONE) if row.identity else None
            if answer and answer.status == 200:
                values = {n: v for n, v in answer.body["merge_fields"].items() if n in fields and v != ""}
                gone = answer.body["status"] == "archived"
                found[row.key] = engine.Found(row.key, answer.body["id"], values, gone)
        return found

    def pull_suppressions(self, cursor: str | None) -> engine.SuppressionPage:
        return mailchimp_optouts.pull(self._client, self._list, self._settings.id_tag, cursor)
