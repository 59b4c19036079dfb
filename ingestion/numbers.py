"""Numbers written as text, German, English or Swiss.

Belongs here: the one rule by which a number is read.
Does not belong here: other types (`ingestion/parsing.py`).

`1234`, `1.234,56`, `1,234.56`, `1'234.56`, `1234,56`, `1234.56`: where both separators occur, the rightmost
is the decimal mark; a separator that occurs more than once groups thousands; a single separator is the
decimal mark, except in the shape of `1.234` or `1,234` (one to three digits, the first no zero, then exactly
three), which is ambiguous.

Ambiguous values follow the decimal mark that the source is known to use (DSFinV-K: the comma), else the one
that the other numbers of the same table in the same file show; where they show none or both, an ambiguous
value is refused. Decimals are rounded half away from zero to the four places of raw.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.contracts import ARROW_TYPES
from ingestion.parsed import Parsed, any_of, fine, reasons_where, trimmed

DecimalMark = Literal[".", ","]

_COMMA_NUMBER = r"^[+-]?(?:\d+|[1-9]\d{0,2}(?:\.\d{3})+)(?:,\d+)?$"
_POINT_NUMBER = r"^[+-]?(?:\d+|[1-9]\d{0,2}(?:,\d{3})+)(?:\.\d+)?$"
_AMBIGUOUS = r"^[+-]?[1-9]\d{0,2}[.,]\d{3}$"
_COMMA_DECIMAL = r"^[+-]?(?:\d*,\d+|[1-9]\d{0,2}(?:\.\d{3})+,\d+|[1-9]\d{0,2}(?:\.\d{3}){2,})$"
_POINT_DECIMAL = r"^[+-]?(?:\d*\.\d+|[1-9]\d{0,2}(?:,\d{3})+\.\d+|[1-9]\d{0,2}(?:,\d{3}){2,})$"
_SWISS = r"^[+-]?[1-9]\d{0,2}(?:['’]\d{3})+(?:[.,]\d+)?$"
_EXPONENT = r"^[+-]?\d(?:\.\d+)?[eE][+-]?\d{1,2}$"


def decimal_evidence(values: pa.Array) -> tuple[bool, set[DecimalMark]]:
    """Whether text numbers hold ambiguous ones, and which decimal marks the others show."""
    text = trimmed(values)
    separated = text.filter(pc.fill_null(pc.match_substring_regex(text, "[.,]"), False))
    if not len(separated):
        return False, set()
    ambiguous = pc.match_substring_regex(separated, _AMBIGUOUS)
    clear = separated.filter(pc.invert(ambiguous))
    marks: set[DecimalMark] = set()
    if any_of(pc.match_substring_regex(clear, _COMMA_DECIMAL)):
        marks.add(",")
    if any_of(pc.match_substring_regex(clear, _POINT_DECIMAL)):
        marks.add(".")
    return any_of(ambiguous), marks


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


def _wide_decimal(text: pa.Array, mark: DecimalMark | None, digits: int) -> Parsed:
    """Decimals with at most `digits` before the point and 20 after it."""
    canonical, reasons = _canonical(text, mark)
    exponent = pc.fill_null(pc.match_substring_regex(canonical, "[eE]"), False)
    if any_of(exponent):
        plain = [_without_exponent(number) for number in canonical.filter(exponent).to_pylist()]
        canonical = pc.replace_with_mask(canonical, exponent, pa.array(plain, pa.string()))
    fits = pc.match_substring_regex(canonical, rf"^[+-]?0*\d{{0,{digits}}}(?:\.\d{{0,20}})?$")
    if not bool(pc.all(fits, min_count=0).as_py()):
        reasons = pc.coalesce(reasons, reasons_where(pc.invert(fits), "number with too many digits"))
        canonical = pc.if_else(fits, canonical, pa.scalar(None, pa.string()))
    return Parsed(_cast_decimal(canonical), reasons)


def _without_exponent(number: str) -> str:
    """`1.5e-07` as `0.00000015…`, rounded to 20 places; only floats of databases and JSON are written so."""
    with localcontext(prec=150):
        return format(Decimal(number).quantize(Decimal(1).scaleb(-20)), "f")


def _cast_decimal(canonical: pa.Array) -> pa.Array:
    for places in (5, 20):  # five places are the most that tills write; the narrow type is the quick one
        try:
            return canonical.cast(pa.decimal128(38, places))
        except pa.ArrowInvalid:
            if places == 20:
                raise
    raise AssertionError("unreachable")


def parse_decimal(text: pa.Array, mark: DecimalMark | None) -> Parsed:
    """Decimals of 18 digits, four of them after the point."""
    wide = _wide_decimal(text, mark, 14)
    rounded = pc.round(wide.values, 4, round_mode="half_towards_infinity")
    return Parsed(rounded.cast(ARROW_TYPES["decimal"]), wide.reasons)


def parse_integer(text: pa.Array, mark: DecimalMark | None) -> Parsed:
    """Whole numbers of 64 bits."""
    if _all_match(text, r"^[+-]?\d{1,18}$"):
        return fine(pc.replace_substring(text, "+", "").cast(pa.int64()))
    # The only whole number that 1.234 can be is 1234; only 1.000 and 1,000 stay ambiguous.
    whole = pc.match_substring_regex(text, r"^[+-]?[1-9]\d{0,2}[.,](?:[1-9]\d{2}|0[1-9]\d|00[1-9])$")
    text = pc.if_else(pc.fill_null(whole, False), pc.replace_substring_regex(text, "[.,]", ""), text)
    wide = _wide_decimal(text, mark, 18)
    floor = pc.floor(wide.values)
    fraction = pc.fill_null(pc.not_equal(floor, wide.values), False)
    reasons = pc.coalesce(wide.reasons, reasons_where(fraction, "not a whole number"))
    values = pc.if_else(fraction, pa.scalar(None, floor.type), floor)
    return Parsed(values.cast(pa.int64()), reasons)
