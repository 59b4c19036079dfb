"""A batch of source rows becomes typed rows and, where the contract is broken, faults.

Belongs here: applying one table's contract (types, required, allowed, minimum) to Arrow rows.
Does not belong here: the spellings of values (`ingestion/parsing.py`) and how faults are stored
(`ingestion/quarantine.py`).

Text is dictionary encoded first, so each distinct value is parsed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.contracts import ARROW_TYPES, Field, Table
from ingestion.parsing import DecimalMark, decimal_evidence, is_textual, parse


@dataclass(frozen=True)
class Typed:
    """Result of typing a batch.

    `rows` has the contract's columns (text may stay dictionary encoded) for every row of the batch; `bad`
    marks the rows that break the contract, or is None when none does. `faults` holds per broken field the
    reason of each row, null where the row's value is fine.
    """

    rows: pa.Table
    bad: pa.Array | None
    faults: tuple[tuple[Field, pa.Array], ...]


@dataclass(frozen=True)
class _Column:
    """Distinct values, and which of them each row has (None: `values` are the rows themselves)."""

    values: pa.Array
    indices: pa.Array | None
    length: int

    def spread(self, array: pa.Array) -> pa.Array:
        return array if self.indices is None else array.take(self.indices)


def type_rows(table: Table, data: pa.Table, timezone: str, mark: DecimalMark | None = None) -> Typed:
    """Types the rows by the contract; `mark` is the decimal mark if the source is known to use one."""
    columns = {
        field.name: _column(data.column(field.name), field)
        for field in table.fields
        if field.name in data.column_names
    }
    if mark is None:
        mark = _common_mark(table, columns)
    arrays, faults = [], []
    for field in table.fields:
        column = columns.get(field.name)
        if column is None:
            array = pa.nulls(data.num_rows, ARROW_TYPES[field.type])
            reasons = _missing(array) if field.required and data.num_rows else None
        else:
            array, reasons = _typed_column(field, column, timezone, mark)
        arrays.append(array)
        if reasons is not None and reasons.null_count < len(reasons):
            faults.append((field, reasons))
    rows = pa.table(arrays, names=list(table.field_names))
    bad = None
    for _, reasons in faults:
        broken = pc.is_valid(reasons)
        bad = broken if bad is None else pc.or_(bad, broken)
    return Typed(rows, bad, tuple(faults))


def _column(data: pa.ChunkedArray, field: Field) -> _Column:
    textual = is_textual(data.type)
    if pa.types.is_dictionary(data.type) and not textual:
        data = data.cast(data.type.value_type)
    if not textual or (field.type == "text" and not pa.types.is_dictionary(data.type)):
        return _Column(_combined(data), None, len(data))
    if not pa.types.is_dictionary(data.type):
        data = data.dictionary_encode()
    encoded = _combined(data.unify_dictionaries())
    return _Column(encoded.dictionary, encoded.indices, len(encoded))


def _combined(data: pa.ChunkedArray) -> pa.Array:
    if data.num_chunks == 1:
        return data.chunk(0)
    combined = data.combine_chunks()
    return combined.combine_chunks() if isinstance(combined, pa.ChunkedArray) else combined


def _common_mark(table: Table, columns: dict[str, _Column]) -> DecimalMark | None:
    """The decimal mark that the unambiguous numbers of this batch agree on, if it is needed at all."""
    marks: set[DecimalMark] = set()
    needed = False
    for field in table.fields:
        column = columns.get(field.name)
        if column is None or field.type not in ("decimal", "integer") or not is_textual(column.values.type):
            continue
        ambiguous, shown = decimal_evidence(column.values)
        needed = needed or ambiguous
        marks |= shown
    return next(iter(marks)) if needed and len(marks) == 1 else None


def _typed_column(
    field: Field, column: _Column, timezone: str, mark: DecimalMark | None
) -> tuple[pa.Array, pa.Array | None]:
    parsed = parse(field.type, column.values, timezone, mark)
    values = parsed.values
    checked = pc.coalesce(parsed.reasons, _rule_faults(field, values))
    reasons = column.spread(checked) if checked.null_count < len(checked) else None
    if column.indices is None:
        array = values
    elif field.type == "text" and 2 * len(values) <= column.length:
        array = pa.DictionaryArray.from_arrays(_without_null_values(column.indices, values), values)
    else:
        array = values.take(column.indices)
    if field.required:
        absent = _missing(array)
        if absent is not None:
            reasons = absent if reasons is None else pc.coalesce(reasons, absent)
    return array, reasons


def _without_null_values(indices: pa.Array, values: pa.Array) -> pa.Array:
    """Indices that are null where the dictionary's value is: readers expect nulls there only."""
    if not values.null_count:
        return indices
    return pc.if_else(pc.is_valid(values).take(indices), indices, pa.scalar(None, indices.type))


def _rule_faults(field: Field, values: pa.Array) -> pa.Array:
    none = pa.scalar(None, pa.string())
    bad = None
    reason = ""
    if field.allowed is not None:
        bad = pc.and_(pc.is_valid(values), pc.invert(pc.is_in(values, pa.array(field.allowed))))
        reason = f"not one of {', '.join(field.allowed)}"
    elif field.minimum is not None:
        smallest = pa.scalar(
            field.minimum if field.type == "integer" else Decimal(field.minimum), values.type
        )
        bad = pc.fill_null(pc.less(values, smallest), False)
        reason = f"below the smallest accepted value {field.minimum}"
    if bad is None:
        return pa.nulls(len(values), pa.string())
    return pc.if_else(bad, reason, none)


def _missing(array: pa.Array) -> pa.Array | None:
    if not array.null_count:
        return None
    mask = pa.array(np.asarray(pc.is_null(array)))
    return pc.if_else(mask, "required, but empty", pa.scalar(None, pa.string()))
