"""Text to typed values, by the contract's types, a column at a time.

Belongs here: which parser reads which type, and the simple ones: text, booleans, lists, native values.
Does not belong here: numbers (`ingestion/numbers.py`), days and instants (`ingestion/times.py`), and what
becomes of rows that break the contract (`ingestion/typing_rows.py`).

Every parser takes an array and returns its values beside the reasons of those that it refuses. Nothing is
guessed: a value that cannot be read in exactly one way is refused.
"""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.contracts import ARROW_TYPES
from ingestion.numbers import DecimalMark, decimal_evidence, parse_decimal, parse_integer
from ingestion.parsed import Parsed, fine, reasons_where, trimmed
from ingestion.times import only_in_range, parse_date, parse_instant, to_utc, within_range

__all__ = ["DecimalMark", "Parsed", "as_text", "decimal_evidence", "is_textual", "parse", "trimmed"]

_TRUE = pa.array(["true", "1", "ja", "j", "yes", "y", "x", "wahr", "t"])
_FALSE = pa.array(["false", "0", "nein", "n", "no", "falsch", "f"])


def parse(kind: str, values: pa.Array, timezone: str, mark: DecimalMark | None = None) -> Parsed:
    """Reads an array, text or native, as the contract's type `kind`. Blank text is null."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if kind == "text_list":
        return _text_list(values)
    if not _is_text(values.type):
        native = _native(kind, values, timezone)
        if native is not None:
            return native
        values = as_text(values)
    text = trimmed(values)
    if kind == "text":
        return fine(text)
    if kind == "decimal":
        return parse_decimal(text, mark)
    if kind == "integer":
        return parse_integer(text, mark)
    if kind == "date":
        return parse_date(text)
    if kind == "instant":
        return parse_instant(text, timezone)
    if kind == "boolean":
        return _boolean(text)
    raise ValueError(f"unknown field type {kind!r}")


def as_text(values: pa.Array) -> pa.Array:
    """Native values as text; whole floats without `.0`, other types as Arrow writes them."""
    if pa.types.is_floating(values.type):
        whole = pc.equal(pc.floor(values), values)
        small = pc.less(pc.abs(values), 1e15)
        integral = pc.and_(pc.fill_null(whole, False), pc.fill_null(small, False))
        zeroed = pc.if_else(integral, values, 0.0).cast(pa.int64())
        return pc.if_else(integral, zeroed.cast(pa.string()), values.cast(pa.string()))
    if pa.types.is_binary(values.type) or pa.types.is_nested(values.type):
        return pa.array([None if v is None else str(v) for v in values.to_pylist()], pa.string())
    return values.cast(pa.string())


def is_textual(kind: pa.DataType) -> bool:
    """Whether values of this Arrow type are text (plain or dictionary encoded)."""
    return _is_text(kind.value_type) if pa.types.is_dictionary(kind) else _is_text(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _boolean(text: pa.Array) -> Parsed:
    lower = pc.utf8_lower(text)
    true, false = pc.is_in(lower, _TRUE), pc.is_in(lower, _FALSE)
    known = pc.or_(true, false)
    values = pc.if_else(known, true, pa.scalar(None, pa.bool_()))
    bad = pc.and_(pc.is_valid(text), pc.invert(known))
    return Parsed(values, reasons_where(bad, "not a yes or no; expected true/false, ja/nein or 1/0"))


def _text_list(values: pa.Array) -> Parsed:
    """Lists as they are; text as a JSON array or separated by `|`, `;` or `,`."""
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        return fine(values.cast(ARROW_TYPES["text_list"]))
    text = trimmed(values if _is_text(values.type) else as_text(values))
    lists: list[list[str] | None] = []
    reasons: list[str | None] = []
    for value in text.to_pylist():
        parts, reason = _list_of(value)
        lists.append(parts)
        reasons.append(reason)
    return Parsed(pa.array(lists, ARROW_TYPES["text_list"]), pa.array(reasons, pa.string()))


def _list_of(value: str | None) -> tuple[list[str] | None, str | None]:
    if value is None:
        return None, None
    parts = re.split("[|;,]", value)
    if value.startswith("["):
        try:
            parts = [str(part) for part in json.loads(value)]
        except (ValueError, RecursionError):
            return None, "not a JSON array"
    return [part.strip() for part in parts if part.strip()] or None, None


def _native(kind: str, values: pa.Array, timezone: str) -> Parsed | None:
    """Values that already have a fitting type; None where they have to go through text."""
    source = values.type
    if pa.types.is_null(source):
        return fine(values.cast(ARROW_TYPES[kind]))
    if kind == "boolean" and pa.types.is_boolean(source):
        return fine(values)
    if kind == "integer" and pa.types.is_integer(source) and not pa.types.is_uint64(source):
        return fine(values.cast(pa.int64()))
    if kind == "decimal" and pa.types.is_integer(source):
        return parse_decimal(values.cast(pa.string()), ".")
    if kind in ("decimal", "integer") and (pa.types.is_floating(source) or pa.types.is_decimal(source)):
        return (parse_decimal if kind == "decimal" else parse_integer)(as_text(values), ".")
    if kind in ("instant", "date") and (pa.types.is_timestamp(source) or pa.types.is_date(source)):
        inside = only_in_range(values)
        stamps = inside.values
        if kind == "date":
            parsed = parse_date(pc.strftime(stamps, "%Y-%m-%dT%H:%M:%S"))
        else:
            parsed = within_range(to_utc(stamps, timezone))
        return Parsed(parsed.values, pc.coalesce(inside.reasons, parsed.reasons))
    return None
