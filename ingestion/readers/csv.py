"""CSV files of any of the usual dialects, as rows of a contract's table.

Belongs here: dialect, header, rows. Does not belong here: types of the values (landing).

Regular blocks go to Arrow as they are. A block with anything odd in it (a row of another width, a stray
quote, a foreign encoding, a NUL byte, a huge field) goes through `Splitter`, which is slower and names the
row. Both ways give the same rows.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as arrow_csv

from ingestion.contracts import Table
from ingestion.extract import Context, Message, Notice, RejectedRow, Rows
from ingestion.readers.files import Refused, read_whole_file
from ingestion.readers.header import Header, count_known, listed, match_header
from ingestion.readers.records import Record, Splitter
from ingestion.readers.text import MAX_FIELD_BYTES, Text, inspect

_DELIMITERS = (b";", b",", b"\t", b"|")
_QUOTE, _LINE_FEED, _CARRIAGE_RETURN = 34, 10, 13

Lines = npt.NDArray[np.int64]


def read_csv(content: Path | bytes, table: Table, context: Context, *, name: str) -> Iterator[Message]:
    """Reads a CSV file (also gzipped) as rows of `table`, all values as text.

    The first line names the columns; their order is free. Delimiter (`;` `,` tab `|`) and encoding (UTF-8,
    UTF-16 with byte order mark, cp1252) are recognised. Empty lines are no rows. Rows that cannot be split
    are rejected, a file that was cut off, or whose header does not fit, is refused; see docs/sources.md.
    """
    yield from read_whole_file(
        content, table, context, name, lambda: _CsvFile(inspect(content), table, context, name).messages()
    )


class _CsvFile:
    """State of reading one file."""

    def __init__(self, text: Text, table: Table, context: Context, name: str, careful: bool = False) -> None:
        self._text, self._table, self._context, self._name = text, table, context, name
        self._always_careful = careful or text.mixed
        self._rows = 0
        self._line = 1

    def messages(self) -> Iterator[Message]:
        blocks = self._text.blocks()
        block = self._read_header(next(blocks, b""))
        if self._header.unknown:
            yield Notice(
                f"{self._name}: columns that {self._table.raw_name} does not know are ignored: "
                f"{listed(self._header.unknown)}"
            )
        rest = b""
        while True:
            following = next(blocks, None)
            block = rest + block
            yield from self._block(block, is_last=following is None)
            rest = b""
            if following is None:
                break
            rest, block = self._rest, following
        self._splitter.end()

    def _read_header(self, block: bytes) -> bytes:
        """Takes the header off the first block; returns what follows it."""
        rest = block
        while rest:
            line, _, rest = rest.partition(b"\n")
            self._line += 1
            title = line.strip(b"\r \t")
            if not title or (title[:4].lower() == b"sep=" and len(title) == 5):  # Excel writes `sep=;`
                continue
            if len(line) > MAX_FIELD_BYTES:
                raise Refused("the first line is longer than 1 MiB; this is no CSV file", self._line - 1)
            self._use_header(line)
            return rest
        raise Refused("the file is empty: not even a header", 1)

    def _use_header(self, line: bytes) -> None:
        if b"\0" in line:
            raise Refused("the header holds a NUL byte", self._line - 1)
        candidates = []
        for delimiter in _DELIMITERS:
            record = Splitter(delimiter, MAX_FIELD_BYTES).feed(line, self._line - 1)
            if record is not None and record.problem is None:
                try:
                    titles = [self._text.decode(field) for field in record.fields]
                except UnicodeDecodeError:
                    raise Refused("the header is in another encoding than the rows", self._line - 1) from None
                candidates.append((count_known(titles, self._table), len(titles), delimiter, titles))
        if not candidates:
            raise Refused("the header has a quote that is not closed", self._line - 1)
        _, _, self._delimiter, titles = max(candidates, key=lambda c: c[:2])
        self._header: Header = match_header(titles, self._table)
        self._splitter = Splitter(self._delimiter, MAX_FIELD_BYTES)

    def _block(self, block: bytes, is_last: bool) -> Iterator[Message]:
        """Rows of the block. What belongs to a record that ends in the next block is left in `_rest`."""
        self._rest = b""
        if not block:
            return
        if not self._always_careful and not self._splitter.is_open:
            regular = _regular_part(block, self._delimiter[0])
            if regular is not None and (not is_last or regular.length == len(block)):
                rows = self._arrow_rows(block, regular)
                if rows is not None:
                    yield rows
                    self._rest = block[regular.length :]
                    self._advance(regular.line_count, rows.data.num_rows)
                    return
        yield from self._careful_rows(block, is_last)

    def _advance(self, lines: int, rows: int) -> None:
        self._line += lines
        self._rows += rows
        if rows:
            self._context.progress(f"{self._name}: {self._rows:,} rows")

    def _arrow_rows(self, block: bytes, regular: _Regular) -> Rows | None:
        names = [str(place) for place in range(self._header.width)]
        wanted = {str(place): field for field, place in self._header.positions.items()}
        try:
            data = arrow_csv.read_csv(
                pa.BufferReader(memoryview(block)[: regular.length]),
                read_options=arrow_csv.ReadOptions(
                    column_names=names, block_size=4 * MAX_FIELD_BYTES, encoding=self._text.encoding
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self._delimiter.decode(), newlines_in_values=regular.has_newlines_in_values
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types={name: pa.string() for name in names},
                    include_columns=list(wanted),
                    strings_can_be_null=False,
                ),
            )
        except (pa.ArrowInvalid, UnicodeDecodeError):
            return None
        if data.num_rows != len(regular.line_offsets):
            return None
        data = data.rename_columns([wanted[name] for name in data.column_names])
        lines = pa.array(regular.line_offsets + self._line)
        return Rows(self._table.name, data, self._name, lines)

    def _careful_rows(self, block: bytes, is_last: bool) -> Iterator[Message]:
        fields = self._header.positions
        values: dict[str, list[str]] = {field: [] for field in fields}
        lines: list[int] = []
        physical = block.splitlines(keepends=True) if b"\r" not in block else _split_lines(block)
        for number, line in enumerate(physical, self._line):
            record = self._splitter.feed(line, number)
            if record is None:
                continue
            is_cut = is_last and number == self._line + len(physical) - 1 and not line.endswith(b"\n")
            if is_cut and record.problem is None and len(record.fields) < self._header.width:
                raise Refused(
                    f"the last line is cut off: {len(record.fields)} of {self._header.width} fields", number
                )
            row = self._decode(record, number, is_cut)
            if isinstance(row, RejectedRow):
                yield row
                continue
            for field, place in fields.items():
                values[field].append(row[place])
            lines.append(record.line)
        if lines:
            data = pa.table({field: pa.array(column, pa.string()) for field, column in values.items()})
            yield Rows(self._table.name, data, self._name, pa.array(lines, pa.int64()))
        self._advance(len(physical), len(lines))

    def _decode(self, record: Record, last_line: int, is_cut: bool) -> list[str] | RejectedRow:
        problem = record.problem
        if problem is None and len(record.fields) != self._header.width:
            problem = f"the row has {len(record.fields)} fields, the header {self._header.width}"
        if problem is None:
            try:
                return [self._text.decode(field) for field in record.fields]
            except UnicodeDecodeError as error:
                if is_cut and error.end == len(error.object) and error.reason == "unexpected end of data":
                    raise Refused(
                        "the last line is cut off in the middle of a character", last_line
                    ) from None
                name = "UTF-8" if self._text.encoding == "utf-8" else "cp1252"
                problem = f"the row is not in {name} as the rest of the file"
        if last_line > record.line:
            problem += f" (lines {record.line} to {last_line})"
        raw = record.raw.decode(self._text.encoding, errors="replace")
        return RejectedRow(self._table.name, self._name, record.line, None, None, problem, raw)


def _split_lines(block: bytes) -> list[bytes]:
    """Lines that end in LF; `splitlines` would also cut at a bare CR."""
    lines = [line + b"\n" for line in block.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


@dataclass(frozen=True)
class _Regular:
    """The whole records at the start of a block.

    `length` in bytes, `line_count` physical lines; `line_offsets` has, for each record that is not an empty
    line, how many lines stand before it.
    """

    length: int
    line_count: int
    line_offsets: Lines
    has_newlines_in_values: bool


def _regular_part(block: bytes, delimiter: int) -> _Regular | None:
    """The part of the block that Arrow reads as `Splitter` does, or None if there is anything odd in it."""
    if b"\0" in block or block.startswith(BOM_UTF8) or block.count(b"\r") != block.count(b"\r\n"):
        return None
    data = np.frombuffer(block, np.uint8)
    newlines = np.flatnonzero(data == _LINE_FEED)
    quotes = np.flatnonzero(data == _QUOTE) if b'"' in block else np.empty(0, np.int64)
    if not block.endswith(b"\n"):
        newlines = np.append(newlines, len(block))
    within = np.searchsorted(quotes, newlines) % 2 == 1
    record_ends = np.flatnonzero(~within)
    if not len(record_ends):
        return None
    length = min(int(newlines[record_ends[-1]]) + 1, len(block))
    if len(quotes) and not _quotes_are_regular(data[:length], quotes[quotes < length], delimiter):
        return None
    ends = newlines[record_ends]
    starts = np.concatenate(([0], ends[:-1] + 1))
    if int((ends - starts).max()) > MAX_FIELD_BYTES:
        return None
    offsets = np.concatenate(([0], record_ends[:-1] + 1))
    is_empty = (ends == starts) | ((ends == starts + 1) & (data[starts] == _CARRIAGE_RETURN))
    return _Regular(length, int(record_ends[-1]) + 1, offsets[~is_empty], bool(within.any()))


def _quotes_are_regular(data: npt.NDArray[np.uint8], quotes: Lines, delimiter: int) -> bool:
    """Whether every quote opens or closes a whole field or is one of a doubled pair inside it."""
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    before = data[np.maximum(opening - 1, 0)]
    opens = (opening == 0) | (before == delimiter) | (before == _LINE_FEED)
    opens[1:] |= opening[1:] - closing[:-1] == 1
    after = data[np.minimum(closing + 1, len(data) - 1)]
    closes = (closing == len(data) - 1) | np.isin(after, (delimiter, _LINE_FEED, _CARRIAGE_RETURN))
    closes[:-1] |= opening[1:] - closing[:-1] == 1
    return bool(opens.all() and closes.all())
