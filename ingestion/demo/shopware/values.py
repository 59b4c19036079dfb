"""Values that the shop's JSON is made of: ids, instants, prices."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

Json = dict[str, Any]


def identifier(*parts: object) -> str:
    """A stable Shopware id, 32 hexadecimal digits, for things that the files have no id for."""
    return hashlib.md5("/".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


CURRENCY_EUR = "b7d2554b0ce847cd82f3ac9bd1c0dfca"
LANGUAGE = "2fbb5fe2e29a4d70aa5854ce7ce3e20b"
SALES_CHANNEL = identifier("sales-channel")
ROUNDING = {"decimals": 2, "interval": 0.01, "roundForNet": True}


def instant(value: datetime | None) -> str | None:
    """`2024-05-01T10:00:00.000+00:00`."""
    return value.isoformat("T", "milliseconds") + "+00:00" if value else None


def price(net: float, gross: float) -> Json:
    """Shopware's Price: net and gross in the shop's currency."""
    return {"currencyId": CURRENCY_EUR, "net": net, "gross": gross, "linked": True}


def purchase_price(unit_cost: Any) -> str | None:
    """The cost of one unit as a line item's payload holds it: a price as JSON text."""
    if unit_cost is None:
        return None
    cost = float(unit_cost)
    return json.dumps(price(cost, round(cost * 1.19, 2)))
