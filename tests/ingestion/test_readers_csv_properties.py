from __future__ import annotations

import csv
import io

import pyarrow as pa
from csv_people import CONTEXT, PEOPLE, lines, read, rejected, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.extract import FileRead, FileRefused, Message, Rows
from ingestion.readers import csv as reader
from ingestion.readers import text as text_module
from ingestion.readers.files import Refused
from ingestion.readers.text import inspect

CELL = st.text(
    st.characters(codec="cp1252", exclude_characters="\0\ufeff", exclude_categories=("Cc",))
    | st.sampled_from("\n\",;\t|'\r"),
    max_size=8,
)


@st.composite
def dialects(draw: st.DrawFn) -> tuple[str, str, int, str]:
    return (
        draw(st.sampled_from(";,\t|")),
        draw(st.sampled_from(["\n", "\r\n"])),
        draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"])),
    )


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=8), dialects())
def test_whatever_is_written_is_read_back(
    people: list[tuple[str, ...]], dialect: tuple[str, str, int, str]
) -> None:
    delimiter, line_end, quoting, encoding = dialect
    if quoting == csv.QUOTE_MINIMAL:  # the writer of the standard library leaves a bare CR unquoted
        people = [tuple(cell.replace("\r", "") for cell in person) for person in people]
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow(PEOPLE.field_names)
    writer.writerows(people)
    content = out.getvalue().encode(encoding)
    if encoding == "cp1252" and not _is_clearly_cp1252(content):
        return
    messages = read(content)
    assert rows(messages) == people
    assert isinstance(messages[-1], FileRead)


def _is_clearly_cp1252(content: bytes) -> bool:
    try:
        found = inspect(content)
    except Refused:
        return False
    return content.isascii() or (found.encoding == "cp1252" and not found.mixed)


PIECES = [
    b"a",
    b"1",
    b";",
    b"\n",
    b"\r\n",
    b"\r",
    b'"',
    b'""',
    b';"',
    b'";',
    b"\0",
    b"x" * 40,
    b"\xef\xbb\xbf",
]
PIECES += [b";", b"\n", b'"', "ü".encode(), "ü".encode("cp1252"), b"no;first_name;city\n", b'\n1;"a";b\n']
NASTY = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)


def outcome(content: bytes, careful: bool) -> tuple[object, ...]:
    """Everything that counts of a file, however its rows are batched."""
    found: list[Message] = []
    refused = None
    try:
        for message in reader._CsvFile(inspect(content), PEOPLE, CONTEXT, "people.csv", careful).messages():
            found.append(message)
    except Refused as error:
        refused = (error.reason, error.line)
    if refused:
        return (refused,)  # the rows of a refused file do not count
    return rows(found), lines(found), rejected(found)


@settings(max_examples=200, deadline=None)
@given(NASTY)
def test_both_ways_of_reading_agree(tail: bytes) -> None:
    content = b"no;first_name;city\n" + tail
    assert outcome(content, careful=False) == outcome(content, careful=True)


@settings(max_examples=100, deadline=None)
@given(NASTY, st.integers(1, 60))
def test_size_of_the_blocks_changes_nothing(tail: bytes, size: int) -> None:
    content = b"no;first_name;city\n" + tail
    if b"\r" in content:  # a file's first block decides whether a bare CR ends lines
        content = content.replace(b"\r", b"")
    expected = outcome(content, careful=True)
    before = text_module.BLOCK_BYTES
    text_module.BLOCK_BYTES = size
    try:
        assert outcome(content, careful=False) == expected
    finally:
        text_module.BLOCK_BYTES = before


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_random_bytes_end_in_a_message(noise: bytes, with_header: bool) -> None:
    messages = read((b"no;first_name;city\n" if with_header else b"") + noise)
    assert isinstance(messages[-1], FileRead | FileRefused)
    for message in messages:
        if isinstance(message, Rows):
            assert message.data.num_rows == len(message.lines)
            assert all(pa.types.is_string(column.type) for column in message.data.columns)
