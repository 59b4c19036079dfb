"""One line of JSON as one row, with every tolerance and every complaint.

Belongs here: keys and JSON types of a single object. Does not belong here: files and speed
(`ingestion/readers/jsonl.py`).
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from ingestion.contracts import Table
from ingestion.parsing import parse
from ingestion.readers.header import names_of, normalise
from ingestion.readers.text import MAX_FIELD_BYTES, Text


class BadLine(Exception):
    """A line that is no row. `unfinished`: it may be the start of a good one."""

    def __init__(self, reason: str, field: str | None = None, unfinished: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.field, self.unfinished = reason, field, unfinished


class LineReader:
    """Reads lines of a file as rows of a table. `unknown` collects keys that the contract does not know."""

    def __init__(self, text: Text, table: Table, timezone: str) -> None:
        self._text, self._table, self._timezone = text, table, timezone
        self._names = names_of(table)
        self._objects = objects_of(table)
        self.unknown: dict[str, None] = {}

    def row(self, line: bytes) -> dict[str, Any]:
        """The fields of one line. Raises BadLine."""
        if len(line) > MAX_FIELD_BYTES:
            raise BadLine(f"the line is longer than {MAX_FIELD_BYTES >> 20} MiB")
        try:
            text = self._text.decode(line).strip(" \t\r\n")
            content = json.loads(
                text, object_pairs_hook=_unique, parse_int=str, parse_float=str, parse_constant=_no_constant
            )
        except UnicodeDecodeError:
            name = "UTF-8" if self._text.encoding == "utf-8" else "cp1252"
            raise BadLine(f"the line is not in {name} as the rest of the file", unfinished=True) from None
        except json.JSONDecodeError as error:
            reason = f"no valid JSON: {error.msg.removesuffix(' at')} at character {error.pos + 1}"
            raise BadLine(reason, unfinished=True) from None
        except RecursionError:
            raise BadLine("no valid JSON: nested too deeply") from None
        if not isinstance(content, dict):
            raise BadLine("the line is no JSON object")
        row: dict[str, Any] = {}
        for key, value in content.items():
            known = normalise(key)
            if known in self._names:
                self._put(row, self._names[known], key, value)
            elif known in self._objects:
                self._put_object(row, known, key, value)
            else:
                self.unknown[key] = None
        return row

    def _put_object(self, row: dict[str, Any], known: str, key: str, value: Any) -> None:
        if value is None:
            return
        if not isinstance(value, dict):
            raise BadLine(f"expected an object, found {_kind(value)}", key)
        for inner, content in value.items():
            field = self._objects[known].get(normalise(inner))
            if field is None:
                self.unknown[f"{key}.{inner}"] = None
            else:
                self._put(row, field, f"{key}.{inner}", content)

    def _put(self, row: dict[str, Any], field: str, key: str, value: Any) -> None:
        if value is None:
            return
        if field in row:
            raise BadLine(f"{field} is given twice", key)
        expected = self._table.field(field).type
        if expected == "text_list":
            items = value if isinstance(value, list) else [value]
            if any(isinstance(item, dict | list | bool) for item in items):
                raise BadLine("expected a list of texts", key)
            texts = [_clean(item, key) for item in items if item is not None]
            row[field] = texts if isinstance(value, list) else self._split(texts[0], key)
        elif isinstance(value, dict | list) or (isinstance(value, bool) and expected != "boolean"):
            raise BadLine(f"expected {expected}, found {_kind(value)}", key)
        elif isinstance(value, bool):
            row[field] = "true" if value else "false"
        else:
            row[field] = _clean(value, key)

    def _split(self, text: str, key: str) -> list[str] | None:
        """A text in place of a list, split as landing splits it."""
        parsed = parse("text_list", pa.array([text]), self._timezone)
        if parsed.reasons[0].is_valid:
            raise BadLine(parsed.reasons[0].as_py(), key)
        texts: list[str] | None = parsed.values[0].as_py()
        return texts


def _clean(value: str, key: str) -> str:
    if "\0" in value:
        raise BadLine("the value holds a NUL character", key)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadLine("the value holds half a character (a lone surrogate)", key) from None
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
        raise BadLine(f"the key {twice!r} stands twice in one object", twice)
    return content


def _no_constant(name: str) -> None:
    raise BadLine(f"{name} is no JSON value")


def objects_of(table: Table) -> dict[str, dict[str, str]]:
    """Objects inside a line that stand for several columns: key → inner key → column."""
    consent = {f.name.removeprefix("consent_"): f.name for f in table.fields if f.name.startswith("consent_")}
    if not consent:
        return {}
    if "double_opt_in_at" in table.field_names:
        consent["double_opt_in_at"] = "double_opt_in_at"
    return {"consent": consent}
