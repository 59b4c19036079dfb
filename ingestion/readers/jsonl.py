"""Files with one JSON object a line, as rows of a contract's table.

Belongs here: lines, keys and JSON types. Does not belong here: types of the values (landing).

Regular blocks are read by Arrow. A block that Arrow refuses, or in which a key needs tolerance, is read line
by line, which is slower and names the line and the field. Both ways give the same rows.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as arrow_json

from ingestion.contracts import Table
from ingestion.extract import Context, Message, Notice, RejectedRow, Rows
from ingestion.readers.files import Refused, read_whole_file
from ingestion.readers.header import listed, names_of, normalise
from ingestion.readers.json_rows import BadLine, LineReader, objects_of
from ingestion.readers.text import KEPT_BYTES, MAX_FIELD_BYTES, Text, inspect

_BLANKS = b" \t\r\n"
_BRACKETS_A_LINE = 256
"""A line that opens more may be nested so deeply that Arrow's parser, which recurses, ends the process."""


def read_jsonl(content: Path | bytes, table: Table, context: Context, *, name: str) -> Iterator[Message]:
    """Reads a file of JSON lines (also gzipped) as rows of `table`.

    Values become text, lists stay lists; an object `consent: {email: …}` gives the column `consent_email`.
    A line that is no JSON object, repeats a key or has a list or object where a text is expected is rejected.
    A file that ends in the middle of a line is refused.
    """
    yield from read_whole_file(
        content,
        table,
        context,
        name,
        lambda: _JsonLinesFile(inspect(content), table, context, name).messages(),
    )


class _JsonLinesFile:
    """State of reading one file."""

    def __init__(self, text: Text, table: Table, context: Context, name: str, careful: bool = False) -> None:
        self._text, self._table, self._context, self._name = text, table, context, name
        self._always_careful = careful or text.mixed
        self._names = names_of(table)
        self._objects = objects_of(table)
        self._schema = _arrow_schema(table, self._objects)
        self._line_reader = LineReader(text, table, context.timezone)
        self._line, self._rows = 1, 0

    def messages(self) -> Iterator[Message]:
        for block in self._text.blocks():
            if self._line == 1 and block.lstrip(_BLANKS).startswith(b"["):
                raise Refused("the file is one JSON array; expected one JSON object a line", 1)
            rows = None if self._always_careful else self._arrow_rows(block)
            if rows is None:
                yield from self._careful_rows(block)
            else:
                yield rows
                self._rows += rows.data.num_rows
            self._line += block.count(b"\n")
            self._context.progress(f"{self._name}: {self._rows:,} rows")
        if self._line_reader.unknown:
            yield Notice(
                f"{self._name}: keys that {self._table.raw_name} does not know are ignored: "
                f"{listed(tuple(self._line_reader.unknown))}"
            )

    def _arrow_rows(self, block: bytes) -> Rows | None:
        """The rows of the block, or None if it needs the careful way."""
        if b"\0" in block or b"\\u0000" in block or block.startswith(BOM_UTF8):
            return None
        if _deep(block):
            return None
        if self._text.encoding == "cp1252":
            block = block.decode("cp1252").encode()
        offsets = _object_lines(block)
        if offsets is None:
            return None
        try:
            data = arrow_json.read_json(
                pa.BufferReader(block),
                read_options=arrow_json.ReadOptions(block_size=4 * MAX_FIELD_BYTES),
                parse_options=arrow_json.ParseOptions(explicit_schema=self._schema),
            )
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError):
            return None
        if data.num_rows != len(offsets):
            return None
        flat = self._flatten(data)
        if flat is None:
            return None
        return Rows(self._table.name, flat, self._name, pa.array(offsets + self._line))

    def _flatten(self, data: pa.Table) -> pa.Table | None:
        """Columns of the contract from what Arrow read, None if a key is written in another way."""
        columns: dict[str, Any] = {}
        unknown: list[str] = []
        for key in data.column_names:
            column = data[key]
            if key in self._objects:
                struct = column.combine_chunks()
                for position, child in enumerate(struct.type):
                    field = self._objects[key].get(child.name)
                    values = pc.struct_field(struct, [position])
                    if field is None:
                        if normalise(child.name) in {normalise(known) for known in self._objects[key]}:
                            return None
                        unknown.append(f"{key}.{child.name}")
                    elif field not in columns or columns[field].null_count == len(values):
                        columns[field] = values
                    elif values.null_count < len(values):
                        return None  # the flat key is there as well
            elif key in self._table.field_names:
                if pa.types.is_list(column.type) and pc.list_flatten(column).null_count:
                    return None
                columns[key] = column
            elif normalise(key) in self._names or normalise(key) in self._objects:
                return None
            else:
                unknown.append(key)
        self._line_reader.unknown |= dict.fromkeys(unknown)
        as_text = {f: c.cast(pa.string()) if pa.types.is_boolean(c.type) else c for f, c in columns.items()}
        return pa.table({f: as_text[f] for f in self._table.field_names})

    def _careful_rows(self, block: bytes) -> Iterator[Message]:
        values: dict[str, list[Any]] = {field: [] for field in self._table.field_names}
        numbers: list[int] = []
        lines = block.split(b"\n")
        for number, line in enumerate(lines, self._line):
            if not line.strip(_BLANKS):
                continue
            try:
                row = self._line_reader.row(line)
            except BadLine as problem:
                if number == self._line + len(lines) - 1 and problem.unfinished:
                    raise Refused(f"the last line is cut off: {problem.reason}", number) from None
                raw = line[:KEPT_BYTES].decode(self._text.encoding, errors="replace")
                yield RejectedRow(
                    self._table.name, self._name, number, problem.field, None, problem.reason, raw
                )
                continue
            for field, column in values.items():
                column.append(row.get(field))
            numbers.append(number)
        if numbers:
            data = pa.table({field: pa.array(column, self._type(field)) for field, column in values.items()})
            yield Rows(self._table.name, data, self._name, pa.array(numbers, pa.int64()))
            self._rows += len(numbers)

    def _type(self, field: str) -> pa.DataType:
        return pa.list_(pa.string()) if self._table.field(field).type == "text_list" else pa.string()


def _deep(block: bytes) -> bool:
    """Whether a line of the block opens more brackets than `_BRACKETS_A_LINE`."""
    content = np.frombuffer(block, np.uint8)
    # "[" and "{" differ in one bit.
    opened = np.flatnonzero((content & 0xDF) == ord("["))
    if len(opened) <= _BRACKETS_A_LINE:
        return False
    lines = np.searchsorted(np.flatnonzero(content == ord("\n")), opened)
    return bool((lines[_BRACKETS_A_LINE:] == lines[:-_BRACKETS_A_LINE]).any())


def _object_lines(block: bytes) -> Any:
    """Lines before each line with content, if all of these begin with `{` and end with `}`; else None."""
    data = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(data == 10)
    if not block.endswith(b"\n"):
        ends = np.append(ends, len(block))
    starts = np.concatenate(([0], ends[:-1] + 1))
    ends = np.where((ends > starts) & (data[np.maximum(ends - 1, 0)] == 13), ends - 1, ends)
    filled = np.flatnonzero(ends > starts)
    first, last = starts[filled], ends[filled] - 1
    if not len(filled) or int((last - first).max()) >= MAX_FIELD_BYTES:
        return None
    if not ((data[first] == ord("{")) & (data[last] == ord("}"))).all():
        return None
    return filled


def _arrow_schema(table: Table, objects: dict[str, dict[str, str]]) -> pa.Schema:
    types = {"boolean": pa.bool_(), "text_list": pa.list_(pa.string())}
    fields = {f.name: types.get(f.type, pa.string()) for f in table.fields}
    nested = [
        pa.field(key, pa.struct([(inner, fields[column]) for inner, column in inside.items()]))
        for key, inside in objects.items()
    ]
    return pa.schema([pa.field(name, kind) for name, kind in fields.items()] + nested)
