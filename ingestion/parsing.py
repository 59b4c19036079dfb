"""Text to typed values, by the contract's types, a column at a time.

Belongs here: which spellings of numbers, days, instants and booleans are accepted, for every source alike.
Does not belong here: what becomes of rows that break the contract (`ingestion/typing_rows.py`).

Every parser takes an array and returns its values beside the reasons of those that it refuses. Nothing is
guessed: a value that cannot be read in exactly one way is refused.

Numbers. `1234`, `1.234,56`, `1,234.56`, `1'234.56`, `1234,56`, `1234.56`: where both separators occur, the
rightmost is the decimal mark; a separator that occurs more than once groups thousands; a single separator is
the decimal mark, except in the shape of `1.234` or `1,234` (one to three digits, the first no zero, then
exactly three), which is ambiguous. Ambiguous values follow the decimal mark that the source is known to use
(DSFinV-K: the comma), else the one that the other numbers of the same table in the same file show; where they
show none or both, an ambiguous value is refused. Decimals are rounded half away from zero to the four places that raw keeps.

Instants without a zone are in the company's time zone. An hour that the clock passes twice in autumn is
taken as the first of the two; a time that spring skips becomes the first instant after the gap.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.contracts import ARROW_TYPES

DecimalMark = Literal[".", ","]

FIRST_YEAR, LAST_YEAR = 1850, 2100
_EPOCH = np.datetime64("1970-01-01", "D")
_RANGE_DAYS = tuple(
    int((np.datetime64(day, "D") - _EPOCH).astype(int))
    for day in (f"{FIRST_YEAR}-01-01", f"{LAST_YEAR}-12-31")
)
_NO_SUCH_DAY = "no such day in the calendar"
_OUT_OF_RANGE = f"year outside {FIRST_YEAR} to {LAST_YEAR}"

_TRUE = pa.array(["true", "1", "ja", "j", "yes", "y", "x", "wahr", "t"])
_FALSE = pa.array(["false", "0", "nein", "n", "no", "falsch", "f"])

_COMMA_NUMBER = r"^[+-]?(?:\d+|[1-9]\d{0,2}(?:\.\d{3})+)(?:,\d+)?$"
_POINT_NUMBER = r"^[+-]?(?:\d+|[1-9]\d{0,2}(?:,\d{3})+)(?:\.\d+)?$"
_AMBIGUOUS = r"^[+-]?[1-9]\d{0,2}[.,]\d{3}$"
_COMMA_DECIMAL = r"^[+-]?(?:\d*,\d+|[1-9]\d{0,2}(?:\.\d{3})+,\d+|[1-9]\d{0,2}(?:\.\d{3}){2,})$"
_POINT_DECIMAL = r"^[+-]?(?:\d*\.\d+|[1-9]\d{0,2}(?:,\d{3})+\.\d+|[1-9]\d{0,2}(?:,\d{3}){2,})$"
_SWISS = r"^[+-]?[1-9]\d{0,2}(?:['’]\d{3})+(?:[.,]\d+)?$"
_EXPONENT = r"^[+-]?\d(?:\.\d+)?[eE][+-]?\d{1,2}$"
_CANONICAL = r"^[+-]?0*\d{0,14}(?:\.\d{0,20})?$"

_INSTANT = (
    r"^(?:(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})|(?P<gd>\d{1,2})\.(?P<gm>\d{1,2})\.(?P<gy>\d{4}))"
    r"(?:(?:[Tt]|,? +)(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r" ?(?P<z>[Zz]|UTC|[+-]\d{2}(?::?\d{2})?)?)?$"
)
_MIDNIGHT = r"[T ]00:00(?::00(?:[.,]0+)?)?(?:Z|[+-]\d{2}:?\d{2})?$"
_DAY = r"^(?:(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})|(?P<gd>\d{1,2})\.(?P<gm>\d{1,2})\.(?P<gy>\d{4}))$"


@dataclass(frozen=True)
class Parsed:
    """Values of the contract's type and, as long, the reason (text) where a value is refused, else null."""

    values: pa.Array
    reasons: pa.Array


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
        return _fine(text)
    if kind == "decimal":
        return _decimal(text, mark)
    if kind == "integer":
        return _integer(text, mark)
    if kind == "date":
        return _date(text)
    if kind == "instant":
        return _instant(text, timezone)
    if kind == "boolean":
        return _boolean(text)
    raise ValueError(f"unknown field type {kind!r}")


def trimmed(values: pa.Array) -> pa.Array:
    """Text without surrounding white space; null where nothing remains."""
    text = pc.utf8_trim_whitespace(values.cast(pa.string()))
    blank = pc.equal(text, "")
    return pc.if_else(blank, pa.scalar(None, pa.string()), text) if _any(blank) else text


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


def decimal_evidence(values: pa.Array) -> tuple[bool, set[DecimalMark]]:
    """Whether text numbers hold ambiguous ones, and which decimal marks the others show."""
    text = trimmed(values)
    separated = text.filter(pc.fill_null(pc.match_substring_regex(text, "[.,]"), False))
    if not len(separated):
        return False, set()
    ambiguous = pc.match_substring_regex(separated, _AMBIGUOUS)
    clear = separated.filter(pc.invert(ambiguous))
    marks: set[DecimalMark] = set()
    if _any(pc.match_substring_regex(clear, _COMMA_DECIMAL)):
        marks.add(",")
    if _any(pc.match_substring_regex(clear, _POINT_DECIMAL)):
        marks.add(".")
    return _any(ambiguous), marks


def is_textual(kind: pa.DataType) -> bool:
    """Whether values of this Arrow type are text (plain or dictionary encoded)."""
    return _is_text(kind.value_type) if pa.types.is_dictionary(kind) else _is_text(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _any(mask: pa.Array) -> bool:
    return bool(pc.any(mask, min_count=0).as_py())


def _fine(values: pa.Array) -> Parsed:
    return Parsed(values, pa.nulls(len(values), pa.string()))


def _reasons(bad: pa.Array, reason: str) -> pa.Array:
    return pc.if_else(pc.fill_null(bad, False), reason, pa.scalar(None, pa.string()))


# -- numbers -----------------------------------------------------------------------------------------------


def _canonical(text: pa.Array, mark: DecimalMark | None) -> tuple[pa.Array, pa.Array]:
    """Numbers with a point and without grouping, null where refused; and the reasons."""
    if mark == "," and _all_match(text, _COMMA_NUMBER):
        return _with_point(text, ".", ","), pa.nulls(len(text), pa.string())
    ambiguous = pc.match_substring_regex(text, _AMBIGUOUS)
    comma = pc.match_substring_regex(text, _COMMA_NUMBER)
    point = pc.match_substring_regex(text, _POINT_NUMBER)
    comma = pc.or_(comma, pc.match_substring_regex(text, r"^[+-]?,\d+$"))
    point = pc.or_(point, pc.match_substring_regex(text, r"^[+-]?\.\d+$"))
    exponent = pc.match_substring_regex(text, _EXPONENT)
    swiss = pc.match_substring_regex(text, _SWISS)
    none = pa.nulls(len(text), pa.string())
    as_comma = _with_point(text, ".", ",")
    as_point = _with_point(text, ",", ".")
    resolved = {",": as_comma, ".": as_point, None: none}[mark]
    plain = pc.replace_substring(pc.replace_substring_regex(text, "['’]", ""), ",", ".")
    canonical = pc.case_when(
        pc.make_struct(ambiguous, comma, point, swiss, exponent),
        resolved,
        as_comma,
        as_point,
        plain,
        text,
        none,
    )
    ok = pc.is_valid(canonical)
    reasons = pc.case_when(
        pc.make_struct(pc.is_null(text), ok, pc.fill_null(ambiguous, False)),
        none,
        none,
        _constant("ambiguous number: the separator may group thousands or mark decimals", len(text)),
        _constant("not a number", len(text)),
    )
    return canonical, reasons


def _constant(text: str, length: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), length)


def _with_point(text: pa.Array, grouping: str, mark: str) -> pa.Array:
    bare = pc.replace_substring(text, grouping, "")
    return bare if mark == "." else pc.replace_substring(bare, mark, ".")


def _all_match(text: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(text, pattern), min_count=0).as_py())


def _wide_decimal(text: pa.Array, mark: DecimalMark | None) -> Parsed:
    """Decimals of 38 digits, 20 of them after the point."""
    canonical, reasons = _canonical(text, mark)
    exponent = pc.fill_null(pc.match_substring_regex(canonical, "[eE]"), False)
    fits = pc.or_kleene(pc.match_substring_regex(canonical, _CANONICAL), exponent)
    if not bool(pc.all(fits, min_count=0).as_py()):
        reasons = pc.coalesce(reasons, _reasons(pc.invert(fits), "number with too many digits"))
        canonical = pc.if_else(fits, canonical, pa.scalar(None, pa.string()))
    if _any(exponent):
        small = pc.match_substring_regex(canonical, r"[eE](?:\+?0?\d|-?0?\d|\+?1[0-2])$")
        refused = pc.and_(exponent, pc.invert(pc.fill_null(small, True)))
        reasons = pc.coalesce(reasons, _reasons(refused, "number with too many digits"))
        canonical = pc.if_else(refused, pa.scalar(None, pa.string()), canonical)
    return Parsed(_cast_decimal(canonical), reasons)


def _cast_decimal(canonical: pa.Array) -> pa.Array:
    for places in (5, 20):  # five places are the most that tills write; the narrow type is the quick one
        try:
            return canonical.cast(pa.decimal128(38, places))
        except pa.ArrowInvalid:
            if places == 20:
                raise
    raise AssertionError("unreachable")


def _decimal(text: pa.Array, mark: DecimalMark | None) -> Parsed:
    wide = _wide_decimal(text, mark)
    rounded = pc.round(wide.values, 4, round_mode="half_towards_infinity")
    return Parsed(rounded.cast(ARROW_TYPES["decimal"]), wide.reasons)


def _integer(text: pa.Array, mark: DecimalMark | None) -> Parsed:
    if _all_match(text, r"^[+-]?\d{1,18}$"):
        return _fine(pc.replace_substring(text, "+", "").cast(pa.int64()))
    # The only whole number that 1.234 can be is 1234; only 1.000 and 1,000 stay ambiguous.
    whole = pc.match_substring_regex(text, r"^[+-]?[1-9]\d{0,2}[.,](?:[1-9]\d{2}|0[1-9]\d|00[1-9])$")
    text = pc.if_else(pc.fill_null(whole, False), pc.replace_substring_regex(text, "[.,]", ""), text)
    wide = _wide_decimal(text, mark)
    floor = pc.floor(wide.values)
    fraction = pc.fill_null(pc.not_equal(floor, wide.values), False)
    reasons = pc.coalesce(wide.reasons, _reasons(fraction, "not a whole number"))
    values = pc.if_else(fraction, pa.scalar(None, floor.type), floor)
    return Parsed(values.cast(pa.int64()), reasons)


# -- days and instants -------------------------------------------------------------------------------------


def _parts(text: pa.Array, pattern: str) -> tuple[dict[str, pa.Array], np.ndarray]:
    matched = pc.extract_regex(text, pattern)
    names = [matched.type.field(i).name for i in range(matched.type.num_fields)]
    found = np.asarray(pc.is_valid(matched))
    return {name: pc.struct_field(matched, name) for name in names}, found


def _number(text: pa.Array) -> np.ndarray:
    """Digits as int64, 0 where there are none."""
    filled = pc.fill_null(text, "0")
    return np.asarray(pc.if_else(pc.equal(filled, ""), "0", filled).cast(pa.int64()))


def _days(parts: dict[str, pa.Array]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Days since 1970, whether the day exists, whether its year is accepted."""
    year = _number(parts["y"]) + _number(parts["gy"])
    month = _number(parts["m"]) + _number(parts["gm"])
    day = _number(parts["d"]) + _number(parts["gd"])
    months = (np.clip(year, 1, 9999) - 1970) * 12 + np.clip(month, 1, 12) - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]")
    length = ((months + 1).astype("datetime64[M]").astype("datetime64[D]") - first).astype(np.int64)
    exists = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= length)
    days = (first - _EPOCH).astype(np.int64) + np.clip(day, 1, 31) - 1
    return days, exists, (year >= FIRST_YEAR) & (year <= LAST_YEAR)


def _date(text: pa.Array) -> Parsed:
    present = np.asarray(pc.is_valid(text))
    parts, found = _parts(pc.replace_substring_regex(text, _MIDNIGHT, ""), _DAY)
    days, exists, in_range = _days(parts)
    reasons = _choose(
        present,
        (~found, "not a date; expected YYYY-MM-DD or DD.MM.YYYY"),
        (~exists, _NO_SUCH_DAY),
        (~in_range, _OUT_OF_RANGE),
    )
    good = present & found & exists & in_range
    return Parsed(pa.array(days.astype(np.int32), mask=~good).cast(pa.date32()), reasons)


def _choose(present: np.ndarray, *cases: tuple[np.ndarray, str]) -> pa.Array:
    """The reason of the first case that holds, for values that are present."""
    reasons = pa.nulls(len(present), pa.string())
    for bad, reason in cases:
        mask = present & bad
        if mask.any():
            reasons = pc.coalesce(reasons, _reasons(pa.array(mask), reason))
    return reasons


def _instant(text: pa.Array, timezone: str) -> Parsed:
    for zone in (None, "UTC"):  # Arrow reads ISO 8601 quickly when all values agree in having a zone or not
        try:
            quick = text.cast(pa.timestamp("us", zone))
        except pa.ArrowInvalid:
            continue
        return _in_range(_to_utc(quick, timezone))
    present = np.asarray(pc.is_valid(text))
    parts, found = _parts(text, _INSTANT)
    days, exists, in_range = _days(parts)
    hour, minute, second = (_number(parts[name]) for name in ("h", "mi", "s"))
    micros = _number(pc.utf8_slice_codeunits(pc.utf8_rpad(parts["f"], 6, "0"), 0, 6))
    clock = (hour <= 23) & (minute <= 59) & (second <= 59)
    zone_text = pc.replace_substring_regex(pc.fill_null(parts["z"], ""), "(?i)^(z|utc)$", "+00:00")
    zone_parts, zoned = _parts(zone_text, r"^(?P<sign>[+-])(?P<h>\d{2}):?(?P<mi>\d{2})?$")
    sign = np.where(np.asarray(pc.fill_null(pc.equal(zone_parts["sign"], "-"), False)), -1, 1)
    offset_hour, offset_minute = _number(zone_parts["h"]), _number(zone_parts["mi"])
    clock &= (offset_hour <= 18) & (offset_minute <= 59)
    good = present & found & exists & in_range & clock
    wall = ((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + micros
    wall -= np.where(zoned, sign * (offset_hour * 60 + offset_minute) * 60_000_000, 0)
    stamps = pa.array(wall, mask=~good).cast(pa.timestamp("us"))
    local = _to_utc(pc.if_else(pa.array(zoned), pa.scalar(None, stamps.type), stamps), timezone)
    values = pc.if_else(pa.array(zoned), stamps, local)
    reasons = _choose(
        present,
        (~found, "not a date and time; expected ISO 8601 or DD.MM.YYYY hh:mm"),
        (~exists, _NO_SUCH_DAY),
        (~in_range, _OUT_OF_RANGE),
        (~clock, "no such time of day"),
    )
    return Parsed(values, reasons)


def _to_utc(stamps: pa.Array, timezone: str) -> pa.Array:
    """UTC without zone; values without a zone are of `timezone`."""
    if stamps.type.tz is None:
        stamps = pc.assume_timezone(stamps, timezone, ambiguous="earliest", nonexistent="latest")
    return stamps.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))


def _in_range(values: pa.Array) -> Parsed:
    days = values.cast(pa.timestamp("us")).cast(pa.int64())
    low, high = (bound * 86_400_000_000 for bound in (_RANGE_DAYS[0], _RANGE_DAYS[1] + 1))
    bad = pc.fill_null(pc.or_(pc.less(days, low), pc.greater_equal(days, high)), False)
    if not _any(bad):
        return _fine(values)
    return Parsed(pc.if_else(bad, pa.scalar(None, values.type), values), _reasons(bad, _OUT_OF_RANGE))


# -- booleans, lists, native values ------------------------------------------------------------------------


def _boolean(text: pa.Array) -> Parsed:
    lower = pc.utf8_lower(text)
    true, false = pc.is_in(lower, _TRUE), pc.is_in(lower, _FALSE)
    known = pc.or_(true, false)
    values = pc.if_else(known, true, pa.scalar(None, pa.bool_()))
    bad = pc.and_(pc.is_valid(text), pc.invert(known))
    return Parsed(values, _reasons(bad, "not a yes or no; expected true/false, ja/nein or 1/0"))


def _text_list(values: pa.Array) -> Parsed:
    """Lists as they are; text as a JSON array or separated by `|`, `;` or `,`."""
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        return _fine(values.cast(ARROW_TYPES["text_list"]))
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
        except ValueError:
            return None, "not a JSON array"
    return [part.strip() for part in parts if part.strip()] or None, None


def _native(kind: str, values: pa.Array, timezone: str) -> Parsed | None:
    """Values that already have a fitting type; None where they have to go through text."""
    source = values.type
    if pa.types.is_null(source):
        return _fine(values.cast(ARROW_TYPES[kind]))
    if kind == "boolean" and pa.types.is_boolean(source):
        return _fine(values)
    if kind == "integer" and pa.types.is_integer(source):
        return _fine(values.cast(pa.int64()))
    if kind == "decimal" and pa.types.is_integer(source):
        return _decimal(values.cast(pa.string()), ".")
    if kind in ("decimal", "integer") and (pa.types.is_floating(source) or pa.types.is_decimal(source)):
        return (_decimal if kind == "decimal" else _integer)(as_text(values), ".")
    if kind == "instant" and (pa.types.is_timestamp(source) or pa.types.is_date(source)):
        stamps = values if pa.types.is_timestamp(source) else values.cast(pa.timestamp("us"))
        return _in_range(_to_utc(stamps.cast(pa.timestamp("us", stamps.type.tz)), timezone))
    if kind == "date" and pa.types.is_date(source):
        return _date(values.cast(pa.date32()).cast(pa.string()))
    if kind == "date" and pa.types.is_timestamp(source):
        return _date(pc.strftime(values, "%Y-%m-%dT%H:%M:%S"))
    return None
