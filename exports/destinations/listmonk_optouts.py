"""listmonk's way of asking and uploading; blocklisted and unsubscribed ones and bounces, pulled back."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from exports.destinations import common
from exports.engine.destination import Suppression, SuppressionPage
from exports.engine.http import Client

_PAGE = 500
_BOUNCES: Mapping[str, Literal["bounce", "complaint"]] = {"hard": "bounce", "complaint": "complaint"}


def quoted(text: str) -> str:
    """An SQL string."""
    return "'" + text.replace("'", "''") + "'"


def form(parameters: str, table: str) -> tuple[bytes, dict[str, str]]:
    """A multipart form with the parameters and the file."""
    boundary = secrets.token_hex(16)
    parts = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="params"\r\n\r\n{parameters}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="contacts.csv"\r\n'
        f"Content-Type: text/csv\r\n\r\n{table}\r\n--{boundary}--\r\n"
    )
    return parts.encode(), {"content-type": f"multipart/form-data; boundary={boundary}"}


def subscribers(client: Client, condition: str) -> Iterator[dict[str, Any]]:
    """Subscribers that fulfil an SQL condition."""
    page = 1
    while True:
        params = {"query": condition, "per_page": _PAGE, "page": page, "order_by": "id", "order": "ASC"}
        found = client.request("GET", "/api/subscribers", params=params).body["data"]
        yield from found["results"]
        if page * _PAGE >= found["total"]:
            return
        page += 1


def pull(client: Client, list_id: int, id_attribute: str, cursor: str | None) -> SuppressionPage:
    """Everything that changed since the cursor, in one page."""
    state = json.loads(cursor) if cursor else {"since": "1970-01-01T00:00:00.000Z", "bounce": 0}
    since, newest, items = quoted(state["since"]), state["since"], []
    left = (
        "subscribers.id IN (SELECT subscriber_id FROM subscriber_lists WHERE status = 'unsubscribed' "
        f"AND list_id = {list_id} AND updated_at >= {since})"
    )
    blocked = f"(subscribers.status = 'blocklisted' AND subscribers.updated_at >= {since})"
    for person in subscribers(client, f"{blocked} OR {left}"):
        lists = [e for e in person.get("lists") or [] if e["id"] == list_id]
        gone = [e for e in lists if e["subscription_status"] == "unsubscribed"]
        key = person["attribs"].get(id_attribute)
        at = gone[0].get("subscription_updated_at") if gone else None
        # A subscription's own moment names the event; a block has none, so it keeps one id while it stands.
        event_id = f"listmonk:{person['id']}:{at or 'blocklisted'}"
        occurred = common.instant(at or person["updated_at"])
        newest = max(newest, common.iso(occurred), common.iso(common.instant(person["updated_at"])))
        items.append(Suppression(person["email"], key, "email", "unsubscribe", occurred, event_id))
    last, page = state["bounce"], 1
    while True:
        params = {"per_page": _PAGE, "page": page, "order_by": "created_at", "order": "desc"}
        found = client.request("GET", "/api/bounces", params=params).body["data"]["results"]
        for bounce in found:
            last = max(last, bounce["id"])
            if bounce["id"] > state["bounce"] and bounce["type"] in _BOUNCES:
                at, event_id = common.instant(bounce["created_at"]), f"listmonk:bounce:{bounce['id']}"
                items.append(
                    Suppression(bounce["email"], None, "email", _BOUNCES[bounce["type"]], at, event_id)
                )
        if len(found) < _PAGE or found[-1]["id"] <= state["bounce"]:
            break
        page += 1
    items.sort(key=lambda item: (item.occurred_at, item.event_id))
    return SuppressionPage(items, json.dumps({"since": newest, "bounce": last}))
