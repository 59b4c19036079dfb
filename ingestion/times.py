"""Days and instants written as text or delivered as such.

Belongs here: the accepted forms, the calendar, time zones. Does not belong here: other types
(`ingestion/parsing.py`).

Instants without a zone are in the company's time zone. An hour that the clock passes twice in autumn is taken
as the first of the two; a time that spring skips becomes the first instant after the gap.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.parsed import Parsed, any_of, fine, reasons_where

FIRST_YEAR, LAST_YEAR = 1850, 2100
_EPOCH = np.datetime64("1970-01-01", "D")
_RANGE_DAYS = tuple(
    int((np.datetime64(day, "D") - _EPOCH).astype(int))
    for day in (f"{FIRST_YEAR}-01-01", f"{LAST_YEAR}-12-31")
)
_NO_SUCH_DAY = "no such day in the calendar"
_OUT_OF_RANGE = f"year outside {FIRST_YEAR} to {LAST_YEAR}"

_INSTANT = (
    r"^(?:(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})|(?P<gd>\d{1,2})\.(?P<gm>\d{1,2})\.(?P<gy>\d{4}))"
    r"(?:(?:[Tt]|,? +)(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r" ?(?P<z>[Zz]|UTC|[+-]\d{2}(?::?\d{2})?)?)?$"
)
_MIDNIGHT = r"[T ]00:00(?::00(?:[.,]0+)?)?(?:Z|[+-]\d{2}:?\d{2})?$"
_DAY = r"^(?:(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})|(?P<gd>\d{1,2})\.(?P<gm>\d{1,2})\.(?P<gy>\d{4}))$"


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


def parse_date(text: pa.Array) -> Parsed:
    """Days as `YYYY-MM-DD` or `DD.MM.YYYY`, also with a midnight behind."""
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
            reasons = pc.coalesce(reasons, reasons_where(pa.array(mask), reason))
    return reasons


def parse_instant(text: pa.Array, timezone: str) -> Parsed:
    """Instants as ISO 8601 or `DD.MM.YYYY hh:mm`; a day alone is its midnight. UTC, without zone."""
    for zone in (None, "UTC"):  # Arrow reads ISO 8601 quickly when all values agree in having a zone or not
        try:
            quick = text.cast(pa.timestamp("us", zone))
        except pa.ArrowInvalid:
            continue
        return within_range(to_utc(quick, timezone))
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
    local = to_utc(pc.if_else(pa.array(zoned), pa.scalar(None, stamps.type), stamps), timezone)
    values = pc.if_else(pa.array(zoned), stamps, local)
    reasons = _choose(
        present,
        (~found, "not a date and time; expected ISO 8601 or DD.MM.YYYY hh:mm"),
        (~exists, _NO_SUCH_DAY),
        (~in_range, _OUT_OF_RANGE),
        (~clock, "no such time of day"),
    )
    return Parsed(values, reasons)


def to_utc(stamps: pa.Array, timezone: str) -> pa.Array:
    """UTC without zone; values without a zone are of `timezone`."""
    if stamps.type.tz is None:
        stamps = pc.assume_timezone(stamps, timezone, ambiguous="earliest", nonexistent="latest")
    return stamps.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))


_UNITS_PER_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def only_in_range(values: pa.Array) -> Parsed:
    """Native dates and timestamps as timestamps in microseconds of the same zone, finer parts cut off.

    Values outside the accepted years, which may not even fit, are null with a reason.
    """
    if pa.types.is_date32(values.type):
        values, unit = values.cast(pa.timestamp("s")), "s"
    elif pa.types.is_date64(values.type):
        unit = "ms"
    else:
        unit = values.type.unit
    counts = pc.fill_null(values.view(pa.int64()), 0)
    low, high = (bound * _UNITS_PER_DAY[unit] for bound in (_RANGE_DAYS[0] - 1, _RANGE_DAYS[1] + 2))
    bad = pc.or_(pc.less(counts, low), pc.greater_equal(counts, high))
    zone = getattr(values.type, "tz", None)
    stamps = values.view(pa.timestamp(unit, zone))
    if any_of(bad):
        stamps = pc.if_else(bad, pa.scalar(None, stamps.type), stamps)
    return Parsed(stamps.cast(pa.timestamp("us", zone), safe=False), reasons_where(bad, _OUT_OF_RANGE))


def within_range(values: pa.Array) -> Parsed:
    """Refuses instants outside the accepted years."""
    days = values.cast(pa.timestamp("us")).cast(pa.int64())
    low, high = (bound * 86_400_000_000 for bound in (_RANGE_DAYS[0], _RANGE_DAYS[1] + 1))
    bad = pc.fill_null(pc.or_(pc.less(days, low), pc.greater_equal(days, high)), False)
    if not any_of(bad):
        return fine(values)
    return Parsed(pc.if_else(bad, pa.scalar(None, values.type), values), reasons_where(bad, _OUT_OF_RANGE))
