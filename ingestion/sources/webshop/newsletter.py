"""Newsletter consent of a Shopware shop: recipients are an entity of their own, tied by e-mail address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingestion.sources.webshop.shopware_client import Forbidden, ShopwareClient

Json = dict[str, Any]

_ENTITY = "newsletter-recipient"
_CHUNK = 200
_LIMIT = 500
_GRANTED, _WITHDRAWN = ("optIn", "direct"), ("optOut",)


class Newsletter:
    """Looks up consents. An integration without the right to read recipients is fine: no consent is known."""

    def __init__(self, client: ShopwareClient) -> None:
        self._client = client
        self.is_forbidden = False

    def consents(self, customers: list[Json]) -> dict[str, bool]:
        """E-mail address in lower case → consent. Unconfirmed is unknown; the most restrictive entry wins."""
        emails = sorted({str(c["email"]) for c in customers if c.get("email") and "|" not in str(c["email"])})
        found: dict[str, bool] = {}
        for start in range(0, len(emails), _CHUNK):
            value = "|".join(emails[start : start + _CHUNK])
            for recipient in self._recipients({"type": "equalsAny", "field": "email", "value": value}):
                email = str(recipient.get("email")).lower()
                if recipient.get("status") in _WITHDRAWN:
                    found[email] = False
                elif recipient.get("status") in _GRANTED:
                    found.setdefault(email, True)
        return found

    def changed_emails(self, changed: Json) -> Iterator[list[str]]:
        """Addresses, in portions, of the recipients that match the filter."""
        emails = sorted({str(r["email"]) for r in self._recipients(changed) if r.get("email")})
        usable = [e for e in emails if "|" not in e]
        for start in range(0, len(usable), _CHUNK):
            yield usable[start : start + _CHUNK]

    def _recipients(self, wanted: Json) -> Iterator[Json]:
        page = 1
        while not self.is_forbidden:
            criteria = {
                "page": page,
                "limit": _LIMIT,
                "filter": [wanted],
                "sort": [{"field": "id", "order": "ASC"}],
                "includes": {"newsletter_recipient": ["email", "status"]},
            }
            try:
                data = self._client.search(_ENTITY, criteria).data
            except Forbidden:
                self.is_forbidden = True
                return
            yield from data
            if len(data) < _LIMIT:
                return
            page += 1
