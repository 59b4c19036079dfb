"""Vendors repeat a row's values in their messages; what is kept or told must not."""

from __future__ import annotations

import json
import re

from exports.engine.destination import Row, Value

_ADDRESS = re.compile(r"[\w.+%-]+@[\w.-]+")
_LONG_NUMBER = re.compile(r"\+?\d[\d /-]{5,}\d")


def masked(reason: str, row: Row) -> str:
    """The vendor's reason with the row's values, addresses and long numbers replaced by what they are."""
    values: list[tuple[str, str]] = []
    named: dict[str, Value] = dict(row.fields)
    named |= {"identity": row.identity, "identity ": row.previous_identity}
    for name, value in named.items():
        several: list[Value] = [*value] if isinstance(value, list) else [value]
        for one in several:
            if isinstance(one, str) and len(one) >= 3:
                values.append((one, name.strip()))
                values.append((json.dumps(one)[1:-1], name.strip()))
            elif isinstance(one, int | float) and not isinstance(one, bool) and abs(one) >= 100:
                values.append((str(one), name.strip()))
    # Longest first, so that no part of a value is left over.
    for value, name in sorted(values, key=lambda pair: (-len(pair[0]), pair)):
        reason = re.sub(re.escape(value), f"<{name}>", reason, flags=re.IGNORECASE)
    reason = _LONG_NUMBER.sub("<number>", _ADDRESS.sub("<address>", reason))
    return reason[:500]
