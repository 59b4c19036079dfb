"""HubSpot's opt-outs: sent (`unsubscribe-all`, which cannot subscribe) and pulled back with hard bounces.

A spam complaint is an opt-out of all mail there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from exports.destinations import common
from exports.engine.destination import Found, Row, Sent, Suppression, SuppressionPage
from exports.engine.http import Client

_CONTACTS = "/crm/v3/objects/contacts"
# Search answers from an index that lags behind; what it may have missed is asked for again.
_OVERLAP = timedelta(minutes=5)
_PAGE, _MOST = 200, 10_000
_EVENTS: tuple[tuple[str, Literal["unsubscribe", "bounce"], dict[str, str]], ...] = (
    ("hs_email_optout", "unsubscribe", {"operator": "EQ", "value": "true"}),
    ("hs_email_hard_bounce_reason_enum", "bounce", {"operator": "HAS_PROPERTY"}),
)


def withdraw(client: Client, rows: Sequence[Row], found: Mapping[str, Found]) -> Sent:
    """Opts addresses out of all mail: those we know and those that the contacts have at HubSpot."""
    ours = [row.identity for row in rows if row.identity]
    theirs = [str(found[row.key].fields.get("email") or "") for row in rows if row.key in found]
    addresses = sorted({address.strip().lower() for address in (*ours, *theirs)} - {""})
    for some in common.chunks(addresses, 100):
        path = "/communication-preferences/v4/statuses/batch/unsubscribe-all"
        client.request("POST", path, {"inputs": some}, params={"channel": "EMAIL"})
    return common.all_ok(rows)


def pull(client: Client, id_property: str, cursor: str | None) -> SuppressionPage:
    """One page of contacts that opted out or bounced, changed since the cursor; oldest change first."""
    state = json.loads(cursor) if cursor else {"since": 0, "after": 0, "newest": 0}
    changed = {"propertyName": "lastmodifieddate", "operator": "GTE", "value": str(state["since"])}
    body = {
        "filterGroups": [
            {"filters": [{"propertyName": name, **filter_}, changed]} for name, _, filter_ in _EVENTS
        ],
        "sorts": [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}],
        "properties": ["lastmodifieddate"],
        "limit": _PAGE,
        "after": state["after"],
    }
    answer = client.request("POST", f"{_CONTACTS}/search", body, bucket="search").body
    found = answer["results"]
    newest = max([state["newest"], *(_milliseconds(c["properties"]["lastmodifieddate"]) for c in found)])
    more, after = "next" in answer.get("paging", {}), state["after"] + len(found)
    if more and after + _PAGE <= _MOST:
        following = {"since": state["since"], "after": after, "newest": newest}
    elif more and newest > state["since"]:  # a search shows no more: go on from the last change seen
        following = {"since": newest, "after": 0, "newest": newest}
    else:
        start = max(0, newest - int(_OVERLAP.total_seconds() * 1000))
        following, more = {"since": start, "after": 0, "newest": newest}, False
    items = _events(client, id_property, [contact["id"] for contact in found])
    return SuppressionPage(items, json.dumps(following), more)


def _events(client: Client, id_property: str, ids: Sequence[str]) -> list[Suppression]:
    """Opt-outs and bounces of contacts, with the moment at which the property was set."""
    names, items = [name for name, _, _ in _EVENTS], []
    for some in common.chunks(ids, 50):
        body = {
            "inputs": [{"id": id_} for id_ in some],
            "properties": ["email", id_property],
            "propertiesWithHistory": names,
        }
        for contact in client.request("POST", f"{_CONTACTS}/batch/read", body).body["results"]:
            properties = contact["properties"]
            for name, kind, _ in _EVENTS:
                history = contact.get("propertiesWithHistory", {}).get(name) or [{}]
                if history[0].get("value") in (None, "", "false"):
                    continue
                moment = history[0]["timestamp"]
                event_id = f"hubspot:{contact['id']}:{name}:{moment}"
                at, key = common.instant(moment), properties.get(id_property)
                items.append(Suppression(properties.get("email"), key, "email", kind, at, event_id))
    return sorted(items, key=lambda item: (item.occurred_at, item.event_id))


def _milliseconds(text: str) -> int:
    return int(datetime.timestamp(common.instant(text)) * 1000)
