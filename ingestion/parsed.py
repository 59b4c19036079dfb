"""What a parser of values returns, and the few steps that all parsers share."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Parsed:
    """Values of the contract's type and, as long, the reason (text) where a value is refused, else null."""

    values: pa.Array
    reasons: pa.Array


def trimmed(values: pa.Array) -> pa.Array:
    """Text without surrounding white space; null where nothing remains."""
    text = pc.utf8_trim_whitespace(values.cast(pa.string()))
    blank = pc.equal(text, "")
    return pc.if_else(blank, pa.scalar(None, pa.string()), text) if any_of(blank) else text


def any_of(mask: pa.Array) -> bool:
    """Whether any value of the mask is true; nulls are not."""
    return bool(pc.any(mask, min_count=0).as_py())


def fine(values: pa.Array) -> Parsed:
    """All values accepted."""
    return Parsed(values, pa.nulls(len(values), pa.string()))


def reasons_where(bad: pa.Array, reason: str) -> pa.Array:
    """The reason where `bad` is true, else null."""
    return pc.if_else(pc.fill_null(bad, False), reason, pa.scalar(None, pa.string()))
