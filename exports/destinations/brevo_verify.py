"""What became of the rows of a Brevo import, which tells no errors of single rows: they are read back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from exports.destinations import common
from exports.engine.destination import Row, RowResult
from exports.engine.http import Client

_PAGE = 1000
# The clock that dates answers need not be the one that dates contacts.
_MARGIN = timedelta(minutes=5)


def contact_path(identifier: str) -> str:
    """Path of a contact, by address or id."""
    return f"/contacts/{quote(identifier, safe='')}"


def changed(client: Client, since: str) -> dict[str, Any]:
    """Contacts changed since an HTTP date, by address in lower case."""
    found: dict[str, Any] = {}
    params: dict[str, Any] = {"limit": _PAGE, "sort": "asc"}
    if since:
        params["modifiedSince"] = common.iso(parsedate_to_datetime(since) - _MARGIN)
    while True:
        page = client.request("GET", "/contacts", params={**params, "offset": len(found)}).body["contacts"]
        before = len(found)
        found.update({(contact.get("email") or str(contact["id"])).lower(): contact for contact in page})
        if len(page) < _PAGE or len(found) == before:
            return found


def result(client: Client, row: Row, attributes: Mapping[str, Any], seen: Mapping[str, Any]) -> RowResult:
    """Whether the contact holds the values. Asked for alone if it is not among those seen as changed."""
    if not row.identity:
        return RowResult(row.key, "rejected", "Brevo takes no contact without an address")
    contact = seen.get(row.identity.lower())
    if not contact or not _agrees(attributes, contact):
        answer = client.request("GET", contact_path(row.identity), expect=frozenset({400, 404}))
        contact = answer.body if answer.status == 200 else None
    if not contact:
        return RowResult(row.key, "rejected", "Brevo dropped the row (invalid address?)")
    if not _agrees(attributes, contact):
        return RowResult(row.key, "rejected", "Brevo took the row, but not all of its values")
    return RowResult(row.key, remote_id=str(contact["id"]))


def _agrees(attributes: Mapping[str, Any], contact: Mapping[str, Any]) -> bool:
    """Empty text and absence are the same."""
    return all(_same(value, contact["attributes"].get(name)) for name, value in attributes.items())


def _same(ours: Any, theirs: Any) -> bool:
    if ours == theirs or common.as_text(ours) == common.as_text(theirs):
        return True
    try:
        return abs(float(ours) - float(theirs)) < 1e-9
    except (TypeError, ValueError):
        return False
