"""Mailchimp's unsubscribed and cleaned members and abuse reports, pulled back one after the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from exports.destinations import common
from exports.engine.destination import Suppression, SuppressionPage
from exports.engine.http import Client

_PAGE = 1000
_STAGES = ("unsubscribed", "cleaned", "abuse")
_KINDS: Mapping[str, Literal["unsubscribe", "bounce"]] = {"unsubscribed": "unsubscribe", "cleaned": "bounce"}


def pull(client: Client, audience: str, id_tag: str, cursor: str | None) -> SuppressionPage:
    """One page of one stage. Members come by change, so the next run starts at the last change seen."""
    state = json.loads(cursor) if cursor else {"since": "", "stage": _STAGES[0], "offset": 0, "newest": ""}
    params = {"count": _PAGE, "offset": state["offset"]}
    if state["stage"] == "abuse":
        found = client.request("GET", f"{audience}/abuse-reports", params=params).body["abuse_reports"]
        items = [_complaint(report, id_tag) for report in found]
        newest = state["newest"]
    else:
        params |= {"status": state["stage"], "sort_field": "last_changed", "sort_dir": "ASC"}
        if state["since"]:
            params["since_last_changed"] = state["since"]
        found = client.request("GET", f"{audience}/members", params=params).body["members"]
        items = [_optout(member, id_tag) for member in found]
        newest = max([state["newest"], *(member["last_changed"] for member in found)])
    items.sort(key=lambda item: (item.occurred_at, item.event_id))
    state["newest"] = newest
    if len(found) == _PAGE:
        return SuppressionPage(items, json.dumps({**state, "offset": state["offset"] + _PAGE}), more=True)
    if state["stage"] != _STAGES[-1]:
        following = _STAGES[_STAGES.index(state["stage"]) + 1]
        return SuppressionPage(items, json.dumps({**state, "stage": following, "offset": 0}), more=True)
    start = {"since": newest, "stage": _STAGES[0], "offset": 0, "newest": newest}
    return SuppressionPage(items, json.dumps(start))


def _optout(member: Mapping[str, Any], id_tag: str) -> Suppression:
    """The event is named by the opt-in that it ends: a later change of the name is no second opt-out."""
    status, opted_in = member["status"], member.get("timestamp_opt") or ""
    key = member.get("merge_fields", {}).get(id_tag) or None
    event_id = f"mailchimp:{member['id']}:{status}:{opted_in}"
    at = common.instant(member["last_changed"])
    return Suppression(member["email_address"], key, "email", _KINDS[status], at, event_id)


def _complaint(report: Mapping[str, Any], id_tag: str) -> Suppression:
    key = report.get("merge_fields", {}).get(id_tag) or None
    at, event_id = common.instant(report["date"]), f"mailchimp:abuse:{report['id']}"
    return Suppression(report["email_address"], key, "email", "complaint", at, event_id)
