"""Salesforce's ways in: tokens, queries (SOQL) and the opt-outs pulled back with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
from pydantic import SecretStr

from exports.destinations import common
from exports.destinations.token_auth import TokenAuth
from exports.engine.destination import Suppression, SuppressionPage
from exports.engine.http import Client, Response


def throttled(response: Response) -> bool:
    """429, and the 403 with which Salesforce says that the day's requests are used up."""
    errors = response.body if isinstance(response.body, list) else []
    codes = [error.get("errorCode") for error in errors if isinstance(error, dict)]
    return response.status == 429 or "REQUEST_LIMIT_EXCEEDED" in codes


class ClientCredentials(TokenAuth):
    """OAuth 2.0 client credentials."""

    def __init__(self, base_url: str, client_id: SecretStr, client_secret: SecretStr) -> None:
        super().__init__()
        self._url, self._id, self._secret = f"{base_url}/services/oauth2/token", client_id, client_secret

    def login(self) -> httpx.Request:
        """The token request."""
        secret = self._secret.get_secret_value()
        form = {"grant_type": "client_credentials", "client_id": self._id.get_secret_value()}
        return httpx.Request("POST", self._url, data={**form, "client_secret": secret})

    def token_of(self, answer: httpx.Response) -> str | None:
        """The access token."""
        return answer.json().get("access_token")


def quoted(text: str) -> str:
    """A SOQL string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def query(client: Client, api: str, soql: str) -> Iterator[dict[str, Any]]:
    """The records of a query, page by page."""
    body = client.request("GET", f"{api}/query", params={"q": soql}).body
    yield from body["records"]
    while not body["done"]:
        body = client.request("GET", body["nextRecordsUrl"]).body
        yield from body["records"]


def pull(client: Client, api: str, object_: str, id_field: str, cursor: str | None) -> SuppressionPage:
    """Opted-out and bounced contacts, in the order of their last change.

    Salesforce keeps no moment of an opt-out: it is the change in which it was first seen, and the event keeps
    one id for as long as it stands.
    """
    since = json.loads(cursor)["since"] if cursor else "1970-01-01T00:00:00.000Z"
    soql = (
        f"SELECT Id,{id_field},Email,HasOptedOutOfEmail,DoNotCall,EmailBouncedDate,SystemModstamp "
        f"FROM {object_} "
        "WHERE (HasOptedOutOfEmail = true OR DoNotCall = true OR EmailBouncedDate != null) "
        f"AND SystemModstamp >= {since} ORDER BY SystemModstamp, Id"
    )
    items, newest = [], since
    for record in query(client, api, soql):
        changed = common.instant(record["SystemModstamp"])
        newest = common.iso(changed)
        person = (record["Email"], record[id_field])
        for flag, channel in (("HasOptedOutOfEmail", "email"), ("DoNotCall", "phone")):
            if record[flag]:
                event_id = f"salesforce:{record['Id']}:{channel}"
                items.append(Suppression(*person, channel, "unsubscribe", changed, event_id))
        if record["EmailBouncedDate"]:
            at, event_id = common.instant(record["EmailBouncedDate"]), f"salesforce:{record['Id']}:bounce"
            items.append(
                Suppression(*person, "email", "bounce", at, f"{event_id}:{record['EmailBouncedDate']}")
            )
    items.sort(key=lambda item: (item.occurred_at, item.event_id))
    return SuppressionPage(items, json.dumps({"since": newest}))
