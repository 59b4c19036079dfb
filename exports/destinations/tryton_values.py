"""Tryton's values: parties with their contact mechanisms, typed JSON; and the ended subscriptions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from exports.destinations import common
from exports.engine.destination import Row, Sent, Suppression, SuppressionPage, Value

DENIED = frozenset({"active", "replaced_by", "code", "contact_mechanisms"})
MECHANISMS = ("email", "phone", "mobile", "website")
_CLOCK = ("year", "month", "day", "hour", "minute", "second", "microsecond")
_EMAIL = "model.marketing.email"
Call = Callable[..., Any]


def party(row: Row, types: Mapping[str, str], mechanisms: Mapping[str, int]) -> dict[str, Any]:
    """What is written of a row; `mechanisms` are those that the party has, id by type."""
    fields = common.without(row.fields, DENIED)
    values = {n: _value(v, types.get(n, "char")) for n, v in fields.items() if n not in MECHANISMS}
    changes: list[Any] = []
    for name in MECHANISMS:
        if name not in fields:
            continue
        if fields[name] and name in mechanisms:
            changes.append(["write", [mechanisms[name]], {"value": fields[name]}])
        elif fields[name]:
            changes.append(["create", [{"type": name, "value": fields[name]}]])
        elif name in mechanisms:
            changes.append(["delete", [mechanisms[name]]])
    return {**values, "contact_mechanisms": changes} if changes else values


def _value(value: Value, type_: str) -> Any:
    """Tryton's JSON names the class of days, instants and decimals."""
    if value is None or value == "":
        return None
    if type_ == "date":
        day = date.fromisoformat(str(value))
        return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}
    if type_ in ("datetime", "timestamp"):
        return _moment(str(value))
    if type_ == "numeric":
        return {"__class__": "Decimal", "decimal": str(value)}
    return common.as_text(value) if isinstance(value, list) else value


def _moment(text: str) -> dict[str, Any]:
    moment = common.instant(text)
    return {"__class__": "datetime", **{part: getattr(moment, part) for part in _CLOCK}}


def withdraw(call: Call, rows: Sequence[Row]) -> Sent:
    """Ends every subscription of the addresses."""
    addresses = sorted({row.identity.strip().lower() for row in rows if row.identity})
    ids = call(f"{_EMAIL}.search", [["email", "in", addresses]], 0, None, None) if addresses else []
    if ids:
        call(f"{_EMAIL}.write", ids, {"active": False})
    return common.all_ok(rows)


def pull(call: Call, cursor: str | None) -> SuppressionPage:
    """Ended subscriptions, by the moment of their last change."""
    since = json.loads(cursor)["since"] if cursor else "1970-01-01T00:00:00.000Z"
    condition = [["active", "=", False], ["write_date", ">=", _moment(since)]]
    fields = ["email", "write_date"]
    items = []
    for entry in call(f"{_EMAIL}.search_read", condition, 0, None, [["id", "ASC"]], fields):
        parts = "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{microsecond:06}"
        at = common.instant(parts.format(**entry["write_date"]))
        since = max(since, common.iso(at))
        event_id = f"tryton:{entry['id']}:{common.iso(at)}"
        items.append(Suppression(entry["email"], None, "email", "unsubscribe", at, event_id))
    items.sort(key=lambda item: (item.occurred_at, item.event_id))
    return SuppressionPage(items, json.dumps({"since": since}))
