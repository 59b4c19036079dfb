"""Klaviyo: profiles by our id as `external_id`, through bulk import jobs (revision 2026-07-15).

Only unsubscribing is known here. Fields that Klaviyo names go into attributes, `location_…` into the place,
all others into free properties, which need no making.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import SecretStr

import exports.engine.destination as engine
from exports.destinations import common, klaviyo_optouts
from exports.destinations.vendor import Vendor
from exports.engine.destination import Operation, Row, RowResult, Sent
from exports.engine.errors import JobLost
from exports.engine.http import Client
from exports.engine.rate import Limit
from stammkunde.settings import Section

DENIED = frozenset({"subscriptions", "suppressions", "consent", "$consent", "$consent_method", "_kx",
                    "$consent_timestamp", "$double_optin", "external_id", "id"})  # fmt: skip
REVISION = "2026-07-15"
_ATTRIBUTES = frozenset({"email", "phone_number", "first_name", "last_name", "organization", "locale",
                         "image"})  # fmt: skip
_IMPORTS = "/api/profile-bulk-import-jobs"

_rate_info = common.rate_headers("ratelimit-remaining", "ratelimit-reset")


class Settings(Section):
    """`list_id`: the list that profiles join, which subscribes nobody; without it none."""

    kind: Literal["klaviyo"]
    api_key: SecretStr
    list_id: str | None = None
    poll_seconds: float = 2.0
    base_url: str = "https://a.klaviyo.com"


def connect(settings: Settings, client: Client | None = None) -> Klaviyo:
    """Opens the account of the private key."""
    media = "application/vnd.api+json"
    key = f"Klaviyo-API-Key {settings.api_key.get_secret_value()}"
    headers = {"authorization": key, "revision": REVISION, "accept": media, "content-type": media}
    jobs = [Limit(10, 1), Limit(150, 60)]
    limits = {"default": jobs, "polls": jobs, "errors": jobs, "privacy": [Limit(3, 1), Limit(60, 60)],
              "profiles": [Limit(75, 1), Limit(750, 60)]}  # fmt: skip
    return Klaviyo(settings, client or Client(
        settings.base_url, name="klaviyo", headers=headers, rate_info=_rate_info, limits=limits
    ))  # fmt: skip


class Klaviyo(Vendor):
    """Profiles of one account."""

    vendor, denied = "klaviyo", DENIED

    def __init__(self, settings: Settings, client: Client) -> None:
        super().__init__(client)
        self._settings = settings
        archive = {Operation.ARCHIVE} if settings.list_id else set()
        self.capabilities = engine.Capabilities(
            batch_size=10_000, batch_bytes=3_500_000, poll_seconds=settings.poll_seconds,
            operations=frozenset(set(Operation) - {Operation.DELETE, Operation.ARCHIVE} | archive),
            operation_batch_size={Operation.WITHDRAW: 100, Operation.ARCHIVE: 100, Operation.ERASE: 1,
                                  Operation.MERGE: 1},
        )  # fmt: skip

    def account(self) -> list[engine.Finding]:
        self._client.request("GET", "/api/profiles", params={"page[size]": 1}, bucket="profiles")
        findings = [engine.Finding(True, "klaviyo: the key is valid (its write scopes cannot be asked for)")]
        if self._settings.list_id:
            path = f"/api/lists/{self._settings.list_id}"
            good = self._client.request("GET", path, expect=frozenset({404})).status == 200
            text = f"klaviyo: the list {'exists' if good else 'is not there'}"
            findings.append(engine.Finding(good, text))
        return findings

    def send(self, operation: Operation, rows: Sequence[Row]) -> Sent:
        if operation in (Operation.UPSERT, Operation.RESTORE):
            return self._import(rows)
        if operation is Operation.WITHDRAW:
            return common.by_channel(
                "klaviyo", rows, ["email"], lambda some: klaviyo_optouts.withdraw(self._client, some)
            )
        if operation is Operation.ERASE:
            return common.each(rows, self._erase)
        found = self.find([*rows, *(row.into for row in rows if row.into)], [])
        if operation is Operation.MERGE:
            return common.merge_each(rows, found, self._merge)
        data = [{"type": "profile", "id": found[row.key].remote_id} for row in rows if row.key in found]
        if data:
            path = f"/api/lists/{self._settings.list_id}/relationships/profiles"
            self._client.request("DELETE", path, {"data": data})
        return common.all_ok(rows)

    def _imported(self, row: Row) -> dict[str, Any]:
        attributes: dict[str, Any] = {"external_id": row.key}
        location, properties, unset = {}, {}, []
        for name, value in common.without(row.fields, DENIED).items():
            if name in _ATTRIBUTES:
                attributes[name] = common.as_text(value) if isinstance(value, list) else value
            elif name.startswith("location_"):
                location[name.removeprefix("location_")] = value
            elif value is None:
                unset.append(name)
            else:
                properties[name] = value
        if row.identity and "@" in row.identity:
            attributes["email"] = row.identity
        if location:
            attributes["location"] = location
        if properties:
            attributes["properties"] = properties
        meta = {"meta": {"patch_properties": {"unset": unset}}} if unset else {}
        return {"type": "profile", "attributes": attributes, **meta}

    def _import(self, rows: Sequence[Row]) -> Sent:
        profiles = {"profiles": {"data": [self._imported(row) for row in rows]}}
        data: dict[str, Any] = {"type": "profile-bulk-import-job", "attributes": profiles}
        if self._settings.list_id:
            lists = {"data": [{"type": "list", "id": self._settings.list_id}]}
            data["relationships"] = {"lists": lists}
        answer = self._client.request("POST", _IMPORTS, {"data": data})
        return Sent(job=answer.body["data"]["id"], http_status=answer.status)

    def _erase(self, row: Row) -> None:
        found = self.find([row], [])
        if row.key not in found and not row.identity:
            return
        profile: dict[str, Any] = {"type": "profile", "attributes": {"email": row.identity}}
        if row.key in found:
            profile = {"type": "profile", "id": found[row.key].remote_id, "attributes": {}}
        data = {"type": "data-privacy-deletion-job", "attributes": {"profile": {"data": profile}}}
        path = "/api/data-privacy-deletion-jobs"
        self._client.request("POST", path, {"data": data}, bucket="privacy", expect=frozenset({404}))

    def _merge(self, loser: str, winner: str) -> None:
        losers = {"profiles": {"data": [{"type": "profile", "id": loser}]}}
        data = {"type": "profile-merge", "id": winner, "relationships": losers}
        self._client.request("POST", "/api/profile-merge", {"data": data})

    def poll(self, job: str, rows: Sequence[Row]) -> Sent | None:
        answer = self._client.request("GET", f"{_IMPORTS}/{job}", bucket="polls", expect=frozenset({404}))
        if answer.status == 404:
            raise JobLost(f"klaviyo does not know the import {job}")
        state = answer.body["data"]["attributes"]
        if state["status"] in ("queued", "processing"):
            return None
        if state["status"] == "cancelled":
            return Sent([RowResult(row.key, "retry") for row in rows])
        errors: dict[str, str] = {}
        unplaced = []
        if state.get("failed_count"):
            for error in klaviyo_optouts.pages(
                self._client, f"{_IMPORTS}/{job}/import-errors", {"page[size]": 100}, "errors"
            ):
                key, reason = (
                    klaviyo_optouts.failed_row(error["attributes"], rows),
                    error["attributes"]["detail"],
                )
                errors.setdefault(key, reason) if key else unplaced.append(reason)
        if unplaced:  # an error that names no row: what is really there tells the rows that failed
            there = self.find([row for row in rows if row.key not in errors], [])
            errors |= {row.key: unplaced[0] for row in rows if row.key not in there}
        return Sent([RowResult(row.key, "rejected", errors[row.key]) if row.key in errors
                     else RowResult(row.key) for row in rows])  # fmt: skip

    def open_jobs(self) -> Sequence[str]:
        jobs = klaviyo_optouts.pages(
            self._client, _IMPORTS, {"filter": 'any(status,["queued","processing"])'}, "polls"
        )
        return [job["id"] for job in jobs]

    def find(self, rows: Sequence[Row], fields: Sequence[str]) -> dict[str, engine.Found]:
        found = {}
        for some in common.chunks(rows, 100):
            keys = json.dumps([row.key for row in some])
            params = {"filter": f"any(external_id,{keys})", "page[size]": 100}
            for profile in klaviyo_optouts.pages(self._client, "/api/profiles", params, "profiles"):
                there = profile["attributes"]
                place = {f"location_{n}": v for n, v in (there.get("location") or {}).items()}
                flat = {**there, **place, **(there.get("properties") or {})}
                values = {name: flat[name] for name in fields if flat.get(name) is not None}
                found[there["external_id"]] = engine.Found(there["external_id"], profile["id"], values)
        return found

    def pull_suppressions(self, cursor: str | None) -> engine.SuppressionPage:
        return klaviyo_optouts.pull(self._client, cursor)
