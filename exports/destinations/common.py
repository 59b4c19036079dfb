"""What the vendors' modules share: values as text, instants, results of batches.

Belongs here: what two vendors or more need. Does not belong here: anything about one vendor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import httpx

from exports.engine.destination import Field, Found, Row, RowResult, Sent, Value
from exports.engine.errors import Rejected
from exports.engine.http import RateInfo

Item = TypeVar("Item")


def own_fields(key: str, archived: str) -> list[Field]:
    """The fields for our id and for the mark of archived contacts."""
    return [Field(key, "text"), Field(archived, "boolean")]


def rate_headers(remaining: str, reset: str, seconds: float = 1.0) -> Callable[[httpx.Headers], RateInfo]:
    """Reads a vendor's headers: requests left and when the window ends, in units of `seconds`."""

    def read(headers: httpx.Headers) -> RateInfo:
        left, end = headers.get(remaining), headers.get(reset)
        return RateInfo(int(left) if left else None, float(end) * seconds if end else None)

    return read


def accepting(**types: str) -> dict[str, frozenset[str]]:
    """`accepts` of a vendor: for each of our types the vendor's ones that take it, separated by blanks."""
    return {ours: frozenset(theirs.split()) for ours, theirs in types.items()}


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items in pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def without(fields: Mapping[str, Value], denied: frozenset[str]) -> dict[str, Value]:
    """The fields but those whose name, in lower case, is denied: subscription states are never written."""
    return {name: value for name, value in fields.items() if name.lower() not in denied}


def as_text(value: Value) -> str:
    """A value as vendors write it in text: nothing as "", lists joined by `;`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ";".join(value) if isinstance(value, list) else str(value)


def instant(text: str) -> datetime:
    """An ISO 8601 instant, in UTC when it names no zone."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def iso(moment: datetime) -> str:
    """`2026-11-20T08:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def all_ok(rows: Sequence[Row], status: int = 200, trace: str | None = None) -> Sent:
    """Every row is committed."""
    return Sent([RowResult(row.key) for row in rows], http_status=status, trace_id=trace)


def each(rows: Sequence[Row], act: Callable[[Row], RowResult | None]) -> Sent:
    """One request per row, for operations without a batch endpoint. What is refused is rejected alone."""
    results = []
    for row in rows:
        try:
            results.append(act(row) or RowResult(row.key))
        except Rejected as error:
            results.append(RowResult(row.key, "rejected", error.reason))
    return Sent(results)


def merge_each(rows: Sequence[Row], found: Mapping[str, Found], merge: Callable[[str, str], None]) -> Sent:
    """Merges losers into winners by their ids at the vendor; a loser that is not there is done already."""

    def one(row: Row) -> RowResult | None:
        loser, winner = found.get(row.key), found.get(row.into.key) if row.into else None
        if loser and not winner:
            return RowResult(row.key, "rejected", "the contact to merge into is not there")
        if loser and winner and loser.remote_id and winner.remote_id:
            merge(loser.remote_id, winner.remote_id)
        return None

    return each(rows, one)


def by_channel(
    vendor: str, rows: Sequence[Row], channels: Sequence[str], withdraw: Callable[[Sequence[Row]], Sent]
) -> Sent:
    """Withdraws the rows of the channels that the vendor has an opt-out for; the others are rejected."""
    served = [row for row in rows if row.channel in channels]
    sent = withdraw(served) if served else Sent()
    others = [
        RowResult(row.key, "rejected", f"{vendor} has no opt-out for the channel {row.channel}")
        for row in rows
        if row.channel not in channels
    ]
    return Sent([*sent.results, *others], sent.job, sent.http_status, sent.trace_id)
