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
from collections.abc import Callable, Iterator
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
            start = self._start(block, lines_before)
            if not lines_before:
                start = self._header(block, start)
            end = len(block)
            while end > start and block[end - 1] in b"\r\n":
                end -= 1
            if end > start:
                batch, lines = self._parse(block, start, end, lines_before or 1)
                self.rows += batch.num_rows
                yield batch, lines
            self.ends_in_break = block.endswith(b"\n")
            lines_before += block.count(b"\n")
        self.last_line = lines_before + (0 if self.ends_in_break else 1)

    def _refused(self, reason: str, line: int | None = None, field: str | None = None) -> Refused:
        return Refused(f"{self.path}: {reason}", self.path, line, field)

    # -- bytes ---------------------------------------------------------------------------------------------

    def _start(self, block: bytes, lines_before: int) -> int:
        """Where the text of a block begins. Raises Refused for what is no text."""
        start = 0
        if not lines_before:
            if block.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise self._refused("the file is in UTF-16; expected UTF-8 or Windows-1252", 1)
            start = 3 if block.startswith(b"\xef\xbb\xbf") else 0
        null = block.find(b"\0")
        if null >= 0:
            line = lines_before + block.count(b"\n", 0, null) + 1
            raise self._refused(f"line {line} holds NUL bytes: the file is damaged", line)
        return start

    def _encoded_as(self, encoding: str, line: int) -> None:
        """Notes the encoding. Raises Refused if the file had another one before."""
        if self._encoding not in (None, encoding):
            raise self._refused(f"the file mixes UTF-8 and Windows-1252 (line {line})", line)
        self._encoding = encoding

    def _transcoded(self, body: bytes, lines_before: int) -> bytes:
        """Windows-1252 as UTF-8; the same object if it is UTF-8 already."""
        try:
            body.decode()
        except UnicodeDecodeError as error:
            broken = lines_before + body.count(b"\n", 0, error.start) + 1
        else:
            return body
        mixed = _UTF8_IN_1252.search(body)
        if mixed:
            line = lines_before + body.count(b"\n", 0, mixed.start()) + 1
            raise self._refused(f"the file mixes UTF-8 and Windows-1252 (line {line})", line)
        self._encoded_as("cp1252", broken)
        try:
            return body.decode("cp1252").encode()
        except UnicodeDecodeError as error:
            line = lines_before + body.count(b"\n", 0, error.start) + 1
            raise self._refused(f"line {line} is neither UTF-8 nor Windows-1252", line) from error

    def _header(self, block: bytes, start: int) -> int:
        """Matches the header with the contract; returns where the rows begin."""
        end = block.find(b"\n", start)
        first = block[start:] if end < 0 else block[start:end]
        if not first.strip():
            rest = block[start:].strip()
            raise self._refused("line 1 is blank, expected the header" if rest else "the file is empty")
        try:
            header = first.decode()
        except UnicodeDecodeError:
            header = first.decode("cp1252", errors="replace")
        names = next(csv.reader([header.strip("\r")], delimiter=";"), [])
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
        return len(block) if end < 0 else end + 1

    # -- rows ----------------------------------------------------------------------------------------------

    def _parse(self, block: bytes, start: int, end: int, lines_before: int) -> tuple[pa.Table, pa.Array]:
        """Rows of `block[start:end]`, read as UTF-8 and only when that fails as Windows-1252."""
        body: bytes | None = None
        try:
            batch = self._table(pa.py_buffer(block).slice(start, end - start), b'"' in block)
            if not _is_utf8(batch):
                body = self._transcoded(block[start:end], lines_before)
                batch = self._table(pa.py_buffer(body), b'"' in body)
            elif not block.isascii():
                self._encoded_as("utf-8", lines_before + 1)
        except pa.ArrowInvalid as error:
            body = self._transcoded(block[start:end], lines_before)
            raise self._no_csv(error, body, lines_before) from error
        physical = block.count(b"\n", start, end) + 1
        if batch.num_rows == physical:
            first = lines_before + 1
            lines = pa.array(np.arange(first, first + physical))
        else:  # quoted line breaks, blank lines, or a quote that is never closed
            body = body or self._transcoded(block[start:end], lines_before)
            lines = pa.array(self._record_lines(body, lines_before), pa.int64())
            if len(lines) != batch.num_rows:
                raise self._refused("its quotes cannot be matched")
        self._check_lengths(batch, lines)
        return batch, lines

    def _table(
        self, body: pa.Buffer, has_quotes: bool, note: Callable[[arrow_csv.InvalidRow], str] | None = None
    ) -> pa.Table:
        wanted = [name for name in self._columns if not name.startswith("?")]
        block_size = min(body.size + 2, 2**31 - 1)
        return arrow_csv.read_csv(
            pa.BufferReader(body),
            arrow_csv.ReadOptions(column_names=self._columns, use_threads=False, block_size=block_size),
            arrow_csv.ParseOptions(delimiter=";", newlines_in_values=has_quotes, invalid_row_handler=note),
            arrow_csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, _TEXT),
                strings_can_be_null=True,
                null_values=[""],
                check_utf8=False,
            ),
        )

    def _no_csv(self, error: pa.ArrowInvalid, body: bytes, lines_before: int) -> Refused:
        """What is wrong with a body that Arrow cannot read, and where."""
        starts = self._record_lines(body, lines_before)
        invalid: list[arrow_csv.InvalidRow] = []

        def note(row: arrow_csv.InvalidRow) -> str:
            invalid.append(row)
            return "skip"

        self._table(pa.py_buffer(body), True, note)
        if not invalid:
            return self._refused(f"not a CSV file ({error})")
        row = invalid[0]
        line = starts[row.number - 1] if row.number is not None and row.number <= len(starts) else None
        reason = f"line {line} has {row.actual_columns} columns, the header {row.expected_columns}"
        if line == lines_before + body.count(b"\n") + 1 and row.actual_columns < row.expected_columns:
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


def _is_utf8(batch: pa.Table) -> bool:
    """Whether every text of the batch is; each distinct text is looked at once."""
    try:
        for column in batch.columns:
            for chunk in column.chunks:
                chunk.dictionary.validate(full=True)
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
