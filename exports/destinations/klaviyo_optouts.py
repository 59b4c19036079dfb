"""Klaviyo's pages and import errors; opt-outs, sent as unsubscription jobs, pulled back as suppressions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import httpx

from exports.destinations import common
from exports.engine.destination import Row, Sent, Suppression, SuppressionPage
from exports.engine.http import Client

_KINDS: Mapping[str, Literal["unsubscribe", "bounce", "complaint"]] = {
    "UNSUBSCRIBE": "unsubscribe", "USER_SUPPRESSED": "unsubscribe", "SPAM_COMPLAINT": "complaint",
    "HARD_BOUNCE": "bounce", "INVALID_EMAIL": "bounce",
}  # fmt: skip


def pages(client: Client, path: str, params: Mapping[str, Any], bucket: str) -> Iterator[Any]:
    """The items of all pages."""
    while True:
        body = client.request("GET", path, params=params, bucket=bucket).body
        yield from body["data"]
        following = _next_page(body)
        if not following:
            return
        params = {**params, "page[cursor]": following}


def failed_row(error: Mapping[str, Any], rows: Sequence[Row]) -> str | None:
    """Key of the row that an import error speaks of, None if it names none."""
    payload = error.get("original_payload") or {}
    payload = payload.get("attributes", payload)
    if payload.get("external_id"):
        return str(payload["external_id"])
    place = re.search(r"/profiles/data/(\d+)", (error.get("source") or {}).get("pointer") or "")
    return rows[int(place[1])].key if place and int(place[1]) < len(rows) else None


def withdraw(client: Client, rows: Sequence[Row]) -> Sent:
    """Unsubscribes addresses from all e-mail marketing."""
    ends = {"email": {"marketing": {"consent": "UNSUBSCRIBED"}}}
    profiles = [
        {"type": "profile", "attributes": {"email": row.identity, "subscriptions": ends}}
        for row in rows
        if row.identity
    ]
    if profiles:
        attributes = {"profiles": {"data": profiles}}
        data = {"type": "profile-subscription-bulk-delete-job", "attributes": attributes}
        path = "/api/profile-subscription-bulk-delete-jobs"
        client.request("POST", path, {"data": data}, bucket="profiles")
    return common.all_ok(rows)


def pull(client: Client, cursor: str | None) -> SuppressionPage:
    """One page of suppressed profiles, in the order of their suppression."""
    start = "1970-01-01T00:00:00Z"
    state = json.loads(cursor) if cursor else {"since": start, "page": "", "newest": start}
    moment = "subscriptions.email.marketing.suppression.timestamp"
    params = {
        "filter": f"greater-or-equal({moment},{state['since']})",
        "sort": moment,
        "additional-fields[profile]": "subscriptions",
        "page[size]": 100,
    }
    if state["page"]:
        params["page[cursor]"] = state["page"]
    body = client.request("GET", "/api/profiles", params=params, bucket="profiles").body
    items = [event for profile in body["data"] for event in _events(profile)]
    items.sort(key=lambda item: (item.occurred_at, item.event_id))
    newest = max([state["newest"], *(common.iso(item.occurred_at) for item in items)])
    following = _next_page(body)
    if following:
        return SuppressionPage(items, json.dumps({**state, "page": following, "newest": newest}), more=True)
    return SuppressionPage(items, json.dumps({"since": newest, "page": "", "newest": newest}))


def _next_page(body: Mapping[str, Any]) -> str | None:
    following = (body.get("links") or {}).get("next")
    return httpx.URL(following).params["page[cursor]"] if following else None


def _events(profile: Mapping[str, Any]) -> Iterator[Suppression]:
    attributes = profile["attributes"]
    marketing = ((attributes.get("subscriptions") or {}).get("email") or {}).get("marketing") or {}
    for found in marketing.get("suppression") or []:
        event_id = f"klaviyo:{profile['id']}:{found['reason']}:{found['timestamp']}"
        yield Suppression(
            attributes.get("email"), attributes.get("external_id"), "email",
            _KINDS.get(found["reason"], "unsubscribe"), common.instant(found["timestamp"]), event_id,
        )  # fmt: skip
