"""The CSV files of a DSFinV-K export as Arrow text, or the line at which they cannot be trusted.

Belongs here: encoding, header, quotes, cut off files.
Does not belong here: values (`ingestion/parsing.py`), zips (`ingestion/sources/shop/export.py`).

The format is that of the specification: `;`, quotes doubled inside quotes, CRLF or LF, a header; UTF-8 or
Windows-1252. Columns are found by name in either case; columns that we do not use are passed over.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from ingestion.contracts import Table
from ingestion.sources.shop.export import Refused

BLOCK_BYTES = 64 * 1024**2
MAX_FIELD_BYTES = 131_072
_TEXT = pa.dictionary(pa.int32(), pa.string())
_UTF8_IN_1252 = re.compile(rb"[\xc3\xc2][\x80-\xbf]")


@dataclass
class MemberReader:
    """Reads one CSV file block by block; `rows` after the last block says how long it was.

    `missing` are the contract's columns that the header lacks (none of them required), `ends_in_break` tells
    whether the last line is terminated.
    """

    table: Table
    path: str
    rows: int = 0
    missing: tuple[str, ...] = ()
    ends_in_break: bool = True
    last_line: int = 0
    _columns: list[str] = field(default_factory=list)
    _encoding: str | None = None

    def read(self, stream: IO[bytes], size: int) -> Iterator[tuple[pa.Table, pa.Array]]:
        """Batches of text named as in the contract, each with the lines of its rows. Raises Refused."""
        lines_before = 0
        for block in _blocks(stream, size):
            data = self._checked(block, lines_before)
            if not lines_before:
                data = self._header(data)
            if data.strip(b"\r\n"):
                batch, lines = self._parse(data, lines_before or 1)
                self.rows += batch.num_rows
                yield batch, lines
            self.ends_in_break = block.endswith(b"\n")
            lines_before += block.count(b"\n")
        self.last_line = lines_before + (0 if self.ends_in_break else 1)

    def _refused(self, reason: str, line: int | None = None, field: str | None = None) -> Refused:
        return Refused(f"{self.path}: {reason}", self.path, line, field)

    # -- bytes ---------------------------------------------------------------------------------------------

    def _checked(self, block: bytes, lines_before: int) -> bytes:
        """The block as UTF-8."""
        if not lines_before:
            if block.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise self._refused("the file is in UTF-16; expected UTF-8 or Windows-1252", 1)
            block = block.removeprefix(b"\xef\xbb\xbf")
        null = block.find(b"\0")
        if null >= 0:
            line = lines_before + block.count(b"\n", 0, null) + 1
            raise self._refused(f"line {line} holds NUL bytes: the file is damaged", line)
        if block.isascii():
            return block
        encoding = "utf-8" if _is_utf8(block) else "cp1252"
        mixed = _UTF8_IN_1252.search(block) if encoding == "cp1252" else None
        if mixed or self._encoding not in (None, encoding):
            at = mixed.start() if mixed else 0
            line = lines_before + block.count(b"\n", 0, at) + 1
            raise self._refused(f"the file mixes UTF-8 and Windows-1252 (line {line})", line)
        self._encoding = encoding
        if encoding == "utf-8":
            return block
        try:
            return block.decode("cp1252").encode()
        except UnicodeDecodeError as error:
            line = lines_before + block.count(b"\n", 0, error.start) + 1
            raise self._refused(f"line {line} is neither UTF-8 nor Windows-1252", line) from error

    def _header(self, data: bytes) -> bytes:
        """Takes the header off and matches it with the contract."""
        first, _, rest = data.partition(b"\n")
        if not first.strip():
            raise self._refused("the file is empty" if not rest.strip() else "line 1 is no header", None)
        names = next(csv.reader([first.decode().strip("\r")], delimiter=";"), [])
        known = {alias.lower(): f.name for f in self.table.fields for alias in (f.name, *f.aliases)}
        self._columns = []
        for at, name in enumerate(names):
            column = known.get(name.strip().lower(), f"?{at}")
            if column in self._columns:
                raise self._refused(f"the header names {name.strip()} twice", 1, column)
            self._columns.append(column)
        absent = [f for f in self.table.fields if f.name not in self._columns]
        for f in absent:
            if f.required:
                hint = " (columns are separated by ';')" if len(names) <= 1 else ""
                raise self._refused(f"the column {f.name.upper()} is missing{hint}", 1, f.name)
        self.missing = tuple(f.name for f in absent)
        return rest

    # -- rows ----------------------------------------------------------------------------------------------

    def _parse(self, data: bytes, lines_before: int) -> tuple[pa.Table, pa.Array]:
        body = data.rstrip(b"\r\n")
        wanted = [name for name in self._columns if not name.startswith("?")]
        invalid: list[arrow_csv.InvalidRow] = []

        def note(row: arrow_csv.InvalidRow) -> str:
            invalid.append(row)
            return "error"

        has_quotes = b'"' in body
        try:
            batch = arrow_csv.read_csv(
                pa.BufferReader(body),
                arrow_csv.ReadOptions(
                    column_names=self._columns, use_threads=False, block_size=min(len(body) + 2, 2**31 - 1)
                ),
                arrow_csv.ParseOptions(
                    delimiter=";", newlines_in_values=has_quotes, invalid_row_handler=note
                ),
                arrow_csv.ConvertOptions(
                    include_columns=wanted,
                    column_types=dict.fromkeys(wanted, _TEXT),
                    strings_can_be_null=True,
                    null_values=[""],
                    check_utf8=False,
                ),
            )  # fmt: skip
        except pa.ArrowInvalid as error:
            self._record_lines(body, lines_before)
            if invalid:
                raise self._wrong_columns(invalid[0], body, lines_before) from error
            raise self._refused(f"not a CSV file ({error})") from error
        physical = body.count(b"\n") + 1 if body else 0
        if batch.num_rows == physical:
            first = lines_before + 1
            lines = pa.array(np.arange(first, first + physical))
        else:  # quoted line breaks, blank lines, or a quote that is never closed
            lines = pa.array(self._record_lines(body, lines_before), pa.int64())
            if len(lines) != batch.num_rows:
                raise self._refused("its quotes cannot be matched")
        self._check_lengths(batch, lines)
        return batch, lines

    def _wrong_columns(self, row: arrow_csv.InvalidRow, body: bytes, lines_before: int) -> Refused:
        line = None
        if row.number is not None:
            starts = self._record_lines(body, lines_before)
            line = starts[row.number - 1] if row.number <= len(starts) else None
        reason = f"line {line} has {row.actual_columns} columns, the header {row.expected_columns}"
        if line is not None and line >= lines_before + body.count(b"\n") + 1:
            reason += ": the file is cut off"
        return self._refused(reason, line)

    def _record_lines(self, body: bytes, lines_before: int) -> list[int]:
        """The line at which each record begins. Raises Refused for quotes that break the format."""
        reader = csv.reader(io.StringIO(body.decode(), newline=""), delimiter=";", strict=True)
        starts = []
        begin = lines_before + 1
        try:
            for record in reader:
                if record:
                    starts.append(begin)
                begin = lines_before + reader.line_num + 1
        except csv.Error as error:
            text = str(error)
            if "unexpected end" in text:
                raise self._refused(f"line {begin}: a quote is opened and never closed", begin) from error
            if "limit" in text:
                reason = f"line {begin}: a field is longer than {MAX_FIELD_BYTES:,} bytes"
                raise self._refused(reason, begin) from error
            raise self._refused(f"line {begin}: quotes are not closed properly ({text})", begin) from error
        return starts

    def _check_lengths(self, batch: pa.Table, lines: pa.Array) -> None:
        for name in batch.column_names:
            start = 0
            for chunk in batch.column(name).chunks:
                lengths = pc.binary_length(chunk.dictionary)
                if (pc.max(lengths).as_py() or 0) > MAX_FIELD_BYTES:
                    long = pc.greater(lengths.take(chunk.indices), MAX_FIELD_BYTES)
                    line = lines[start + pc.index(long, True).as_py()].as_py()
                    reason = f"line {line}: {name.upper()} is longer than {MAX_FIELD_BYTES:,} bytes"
                    raise self._refused(reason, line, name)
                start += len(chunk)


def _is_utf8(block: bytes) -> bool:
    offsets = pa.array([0, len(block)], pa.int64()).buffers()[1]
    text = pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(block))
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _blocks(stream: IO[bytes], size: int) -> Iterator[bytes]:
    """The bytes in blocks that end at a line break; with quotes, a large file comes as one."""
    if size <= BLOCK_BYTES:
        content = stream.read()
        yield _with_newlines(content)
        return
    rest = b""
    while chunk := stream.read(BLOCK_BYTES):
        rest += chunk
        if b'"' in rest:
            rest += stream.read()
            break
        cut = rest.rfind(b"\n") + 1
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
    if rest:
        yield _with_newlines(rest)


def _with_newlines(content: bytes) -> bytes:
    """Lines that end in CR alone, as some old tills write them, get LF."""
    return content.replace(b"\r", b"\n") if b"\r" in content and b"\n" not in content else content
