"""Brevo's opt-outs, bounces and complaints, pulled back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

from exports.destinations import common
from exports.engine.destination import Suppression, SuppressionPage
from exports.engine.http import Client

_PAGE = 1000
Kind = Literal["unsubscribe", "bounce", "complaint"]


def pull(client: Client, id_attribute: str, list_id: int, cursor: str | None) -> SuppressionPage:
    """One page of changed contacts, of which those are told that are blocked.

    Pages come in the order of creation, so the moment to go on from is stored only after the last one.
    """
    state = json.loads(cursor) if cursor else {"since": "", "offset": 0, "newest": ""}
    params = {"limit": _PAGE, "offset": state["offset"], "sort": "asc"}
    if state["since"]:
        params["modifiedSince"] = state["since"]
    contacts = client.request("GET", "/contacts", params=params).body["contacts"]
    newest = max([state["newest"], *(common.iso(common.instant(c["modifiedAt"])) for c in contacts)])
    items = [event for contact in contacts for event in _events(client, contact, id_attribute, list_id)]
    items.sort(key=lambda item: (item.occurred_at, item.event_id))
    if len(contacts) == _PAGE:
        following = {**state, "offset": state["offset"] + _PAGE, "newest": newest}
        return SuppressionPage(items, json.dumps(following), more=True)
    return SuppressionPage(items, json.dumps({"since": newest, "offset": 0, "newest": newest}))


def _events(client: Client, contact: Any, id_attribute: str, list_id: int) -> Iterator[Suppression]:
    """A blocked contact's events of the last 90 days; the block itself where Brevo tells of none."""
    address, key = contact.get("email"), contact["attributes"].get(id_attribute) or None
    modified = common.instant(contact["modifiedAt"])
    if contact.get("smsBlacklisted"):
        yield Suppression(
            address, key, "phone", "unsubscribe", modified, f"brevo:{contact['id']}:smsBlacklisted"
        )
    if list_id in (contact.get("listUnsubscribed") or []):
        event_id = f"brevo:{contact['id']}:list:{list_id}"
        yield Suppression(address, key, "email", "unsubscribe", modified, event_id)
    if not contact.get("emailBlacklisted"):
        return
    answer = client.request("GET", f"/contacts/{contact['id']}", expect=frozenset({404}))
    told = list(_told((answer.body or {}).get("statistics") or {}))
    for kind, moment in told:
        event_id = f"brevo:{contact['id']}:{kind}:{moment}"
        yield Suppression(address, key, "email", kind, common.instant(moment), event_id)
    if not told:
        # Without a moment of its own the block keeps one id: a later change of the name is no second opt-out.
        event_id = f"brevo:{contact['id']}:emailBlacklisted"
        yield Suppression(address, key, "email", "unsubscribe", modified, event_id)


def _told(statistics: Any) -> Iterator[tuple[Kind, str]]:
    unsubscriptions = statistics.get("unsubscriptions") or {}
    for name in ("userUnsubscription", "adminUnsubscription"):
        for event in unsubscriptions.get(name) or []:
            yield "unsubscribe", event["eventTime"]
    for event in statistics.get("hardBounces") or []:
        yield "bounce", event["eventTime"]
    for event in statistics.get("complaints") or []:
        yield "complaint", event["eventTime"]
