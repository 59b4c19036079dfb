"""Files with one JSON object a line, as rows of a contract's table.

Belongs here: lines, keys and JSON types. Does not belong here: types of the values (landing).

Regular blocks are read by Arrow. A block that Arrow refuses, or in which a key needs tolerance, is read line
by line, which is slower and names the line and the field. Both ways give the same rows.
"""

from __future__ import annotations

import json
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
from ingestion.readers.header import names_of, normalise
from ingestion.readers.text import MAX_FIELD_BYTES, Text, inspect

_BLANKS = b" \t\r\n"


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


class _BadLine(Exception):
    """A line that is no row. `unfinished`: it may be the start of a good one."""

    def __init__(self, reason: str, field: str | None = None, unfinished: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.field, self.unfinished = reason, field, unfinished


class _JsonLinesFile:
    """State of reading one file."""

    def __init__(self, text: Text, table: Table, context: Context, name: str, careful: bool = False) -> None:
        self._text, self._table, self._context, self._name = text, table, context, name
        self._always_careful = careful or text.mixed
        self._names = names_of(table)
        self._objects = _objects_of(table)
        self._schema = _arrow_schema(table, self._objects)
        self._unknown: dict[str, None] = {}
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
        if self._unknown:
            yield Notice(
                f"{self._name}: keys that {self._table.raw_name} does not know are ignored: "
                f"{', '.join(self._unknown)}"
            )

    def _arrow_rows(self, block: bytes) -> Rows | None:
        """The rows of the block, or None if it needs the careful way."""
        if b"\0" in block or b"\\u0000" in block or block.startswith(BOM_UTF8):
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
        self._unknown |= dict.fromkeys(unknown)
        as_text = {f: c.cast(pa.string()) if pa.types.is_boolean(c.type) else c for f, c in columns.items()}
        return pa.table({f: as_text[f] for f in self._table.field_names})

    def _careful_rows(self, block: bytes) -> Iterator[Message]:
        values: dict[str, list[str | None]] = {field: [] for field in self._table.field_names}
        numbers: list[int] = []
        lines = block.split(b"\n")
        for number, line in enumerate(lines, self._line):
            if not line.strip(_BLANKS):
                continue
            try:
                row = self._row(line)
            except _BadLine as problem:
                if number == self._line + len(lines) - 1 and problem.unfinished:
                    raise Refused(f"the last line is cut off: {problem.reason}", number) from None
                raw = line[:1000].decode(self._text.encoding, errors="replace")
                yield RejectedRow(
                    self._table.name, self._name, number, problem.field, None, problem.reason, raw
                )
                continue
            for field, column in values.items():
                column.append(row.get(field))
            numbers.append(number)
        if numbers:
            data = pa.table({field: pa.array(column, pa.string()) for field, column in values.items()})
            yield Rows(self._table.name, data, self._name, pa.array(numbers, pa.int64()))
            self._rows += len(numbers)

    def _row(self, line: bytes) -> dict[str, Any]:
        """The fields of one line. Raises _BadLine."""
        if len(line) > MAX_FIELD_BYTES:
            raise _BadLine(f"the line is longer than {MAX_FIELD_BYTES >> 20} MiB")
        try:
            text = self._text.decode(line).strip(" \t\r\n")
            content = json.loads(
                text, object_pairs_hook=_unique, parse_int=str, parse_float=str, parse_constant=_no_constant
            )
        except UnicodeDecodeError:
            name = "UTF-8" if self._text.encoding == "utf-8" else "cp1252"
            raise _BadLine(f"the line is not in {name} as the rest of the file", unfinished=True) from None
        except json.JSONDecodeError as error:
            reason = f"no valid JSON: {error.msg} at character {error.pos + 1}"
            raise _BadLine(reason, unfinished=True) from None
        except RecursionError:
            raise _BadLine("no valid JSON: nested too deeply") from None
        if not isinstance(content, dict):
            raise _BadLine("the line is no JSON object")
        row: dict[str, Any] = {}
        for key, value in content.items():
            known = normalise(key)
            if known in self._names:
                self._put(row, self._names[known], key, value)
            elif known in self._objects:
                self._put_object(row, known, key, value)
            else:
                self._unknown[key] = None
        return row

    def _put_object(self, row: dict[str, Any], known: str, key: str, value: Any) -> None:
        if value is None:
            return
        if not isinstance(value, dict):
            raise _BadLine(f"expected an object, found {_kind(value)}", key)
        for inner, content in value.items():
            field = self._objects[known].get(normalise(inner))
            if field is None:
                self._unknown[f"{key}.{inner}"] = None
            else:
                self._put(row, field, f"{key}.{inner}", content)

    def _put(self, row: dict[str, Any], field: str, key: str, value: Any) -> None:
        if value is None:
            return
        if field in row:
            raise _BadLine(f"{field} is given twice", key)
        expected = self._table.field(field).type
        if expected == "text_list":
            items = value if isinstance(value, list) else [value]
            if any(isinstance(item, dict | list | bool) for item in items):
                raise _BadLine("expected a list of texts", key)
            texts = [_clean(item, key) for item in items if item is not None]
            # landing takes a list in its JSON form as well, and splits a text
            row[field] = json.dumps(texts) if isinstance(value, list) else texts[0]
        elif isinstance(value, dict | list) or (isinstance(value, bool) and expected != "boolean"):
            raise _BadLine(f"expected {expected}, found {_kind(value)}", key)
        elif isinstance(value, bool):
            row[field] = "true" if value else "false"
        else:
            row[field] = _clean(value, key)


def _clean(value: str, key: str) -> str:
    if "\0" in value:
        raise _BadLine("the value holds a NUL character", key)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _BadLine("the value holds half a character (a lone surrogate)", key) from None
    return value


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    return "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else "a text"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _BadLine(f"the key {twice!r} stands twice in one object", twice)
    return content


def _no_constant(name: str) -> None:
    raise _BadLine(f"{name} is no JSON value")


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


def _objects_of(table: Table) -> dict[str, dict[str, str]]:
    """Objects inside a line that stand for several columns: key → inner key → column."""
    consent = {f.name.removeprefix("consent_"): f.name for f in table.fields if f.name.startswith("consent_")}
    if not consent:
        return {}
    if "double_opt_in_at" in table.field_names:
        consent["double_opt_in_at"] = "double_opt_in_at"
    return {"consent": consent}


def _arrow_schema(table: Table, objects: dict[str, dict[str, str]]) -> pa.Schema:
    types = {"boolean": pa.bool_(), "text_list": pa.list_(pa.string())}
    fields = {f.name: types.get(f.type, pa.string()) for f in table.fields}
    nested = [
        pa.field(key, pa.struct([(inner, fields[column]) for inner, column in inside.items()]))
        for key, inside in objects.items()
    ]
    return pa.schema([pa.field(name, kind) for name, kind in fields.items()] + nested)
