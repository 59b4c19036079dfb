"""Splits lines of CSV into records, one line at a time, and says exactly what is wrong.

Belongs here: the grammar of CSV (RFC 4180 with any delimiter). Does not belong here: names, types, speed;
`ingestion/readers/csv.py` gives regular blocks to Arrow and only the odd ones to this module.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingestion.readers.files import Refused
from ingestion.readers.text import KEPT_BYTES


@dataclass
class Record:
    """One record. `line` is where it begins, `problem` why its fields cannot be used."""

    line: int
    fields: list[bytes]
    raw: bytes
    problem: str | None = None


class Splitter:
    """Takes physical lines, gives records; a quoted field may go on over several lines.

    A quote inside an unquoted field is a plain character (`5" pipe`). Inside a quoted field it must be
    doubled: a single one makes the record unusable, and the whole file if the field spans lines, because
    then nobody can say where the next record begins. No more than `max_field_bytes` of a field are kept.
    """

    def __init__(self, delimiter: bytes, max_field_bytes: int) -> None:
        self._delimiter, self._limit = delimiter, max_field_bytes
        self._fields: list[bytes] = []
        self._open: list[bytes] | None = None
        self._open_bytes = 0
        self._start_line = self._quote_line = 0
        self._raw = b""
        self._too_long = False

    @property
    def is_open(self) -> bool:
        """Whether the last line ended inside quotes."""
        return self._open is not None

    def feed(self, line: bytes, number: int) -> Record | None:
        """The record that ends with this line, or None for an empty line or one that ends inside quotes."""
        if self._open is None:
            body = _body(line)
            if not body:
                return None
            self._fields, self._start_line, self._too_long = [], number, False
            self._raw = line[:KEPT_BYTES]
            if b'"' not in body:
                self._fields = body.split(self._delimiter)
                return self._finish()
        return self._split(line, 0, number)

    def end(self) -> None:
        """Raises Refused if the file ends inside quotes."""
        if self._open is not None:
            raise Refused(f"the quote opened in line {self._quote_line} is never closed", self._quote_line)

    def _split(self, line: bytes, position: int, number: int) -> Record | None:
        body = _body(line)
        while True:
            if self._open is not None or body[position : position + 1] == b'"':
                if self._open is None:
                    self._open, self._open_bytes, self._quote_line = [], 0, number
                    position += 1
                close = _closing_quote(body, position)
                if close < 0:
                    self._keep(line[position:])
                    return None
                self._keep(body[position:close])
                field, self._open = b"".join(self._open).replace(b'""', b'"'), None
                position = close + 1
                if position < len(body) and not body.startswith(self._delimiter, position):
                    return self._stray_quote(number)
            else:
                end = body.find(self._delimiter, position)
                end = len(body) if end < 0 else end
                field = body[position:end]
                position = end
            self._fields.append(field)
            if position >= len(body):
                return self._finish()
            position += len(self._delimiter)

    def _keep(self, piece: bytes) -> None:
        assert self._open is not None
        self._open_bytes += len(piece)
        if self._open_bytes > self._limit:
            self._too_long = True
            self._open.clear()
        else:
            self._open.append(piece)

    def _stray_quote(self, number: int) -> Record:
        if self._quote_line < number:
            raise Refused(
                f"the quote opened in line {self._quote_line} is not closed properly: text follows a quote "
                f"in line {number}",
                self._quote_line,
            )
        problem = f"field {len(self._fields) + 1} holds a quote that is not doubled"
        return Record(self._start_line, [], self._raw, problem)

    def _finish(self) -> Record:
        problem = None
        if self._too_long or any(len(field) > self._limit for field in self._fields):
            problem = f"a field is longer than {self._limit >> 20} MiB"
        elif any(b"\0" in field for field in self._fields):
            problem = "the row holds a NUL byte"
        return Record(self._start_line, self._fields, self._raw, problem)


def _body(line: bytes) -> bytes:
    return line.removesuffix(b"\n").rstrip(b"\r")


def _closing_quote(line: bytes, position: int) -> int:
    """Place of the first quote from `position` on that is not doubled, or -1."""
    while (place := line.find(b'"', position)) >= 0:
        if line[place + 1 : place + 2] != b'"':
            return place
        position = place + 2
    return -1
