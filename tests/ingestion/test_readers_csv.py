from __future__ import annotations

import csv
import gzip
import io
from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.contracts import Field, Table
from ingestion.extract import Context, FileRead, FileRefused, Message, Notice, RejectedRow, Rows, SourceState
from ingestion.readers import csv as reader
from ingestion.readers import text as text_module
from ingestion.readers.csv import read_csv
from ingestion.readers.files import Refused
from ingestion.readers.text import inspect

PEOPLE = Table(
    source="test",
    name="people",
    description="",
    key=("no",),
    replace_by=("no",),
    fields=(
        Field("no", required=True, aliases=("number",)),
        Field("first_name", aliases=("vorname",)),
        Field("city"),
    ),
)
CONTEXT = Context(date(2026, 1, 1))


def read(content: bytes, context: Context = CONTEXT) -> list[Message]:
    return list(read_csv(content, PEOPLE, context, name="people.csv"))


def rows(messages: list[Message]) -> list[tuple[str | None, ...]]:
    found = []
    for message in messages:
        if isinstance(message, Rows):
            columns = [
                message.data[f].to_pylist()
                if f in message.data.column_names
                else [None] * message.data.num_rows
                for f in PEOPLE.field_names
            ]
            found += list(zip(*columns, strict=True))
    return found


def lines(messages: list[Message]) -> list[int]:
    return [line for m in messages if isinstance(m, Rows) for line in m.lines.to_pylist()]


def rejected(messages: list[Message]) -> list[tuple[int | None, str]]:
    return [(m.line, m.reason) for m in messages if isinstance(m, RejectedRow)]


def refusal(content: bytes) -> FileRefused:
    messages = read(content)
    assert isinstance(messages[-1], FileRefused), messages
    assert not any(isinstance(m, FileRead) for m in messages)
    return messages[-1]


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_delimiter_is_found_by_the_names_of_the_columns(delimiter: str) -> None:
    content = delimiter.join(["no", "first_name", "city"]) + "\n" + delimiter.join(["1", "Ä", "x"]) + "\n"
    assert rows(read(content.encode())) == [("1", "Ä", "x")]


def test_header_takes_case_blanks_aliases_and_quotes() -> None:
    messages = read(b'\xef\xbb\xbf" NUMBER ";Vorname;"City"\r\n1;Anna;Ulm\r\n')
    assert rows(messages) == [("1", "Anna", "Ulm")]
    assert isinstance(messages[-1], FileRead)


def test_first_line_of_excel_is_passed_over_and_lines_still_count() -> None:
    messages = read(b"sep=;\nno;city\n1;Ulm\n")
    assert rows(messages) == [("1", None, "Ulm")]
    assert lines(messages) == [3]


def test_unknown_columns_are_told() -> None:
    messages = read(b"no;shoe size;\n1;44;\n")
    notices = [m.text for m in messages if isinstance(m, Notice)]
    assert len(notices) == 1
    assert "shoe size" in notices[0]
    assert "column 3 without a name" in notices[0]
    assert rows(messages) == [("1", None, None)]


def test_missing_required_column_refuses_the_file_and_names_both_sides() -> None:
    problem = refusal(b"first_name;city\nAnna;Ulm\n")
    assert problem.field == "no"
    assert "required column no" in problem.reason
    assert "first_name, city" in problem.reason


def test_foreign_header_is_named_but_a_row_of_data_is_not() -> None:
    assert "Kd Nr, Wohnort" in refusal(b"Kd Nr;Wohnort\n1;Ulm\n").reason
    problem = refusal(b"17;Anna Schmidt;Ulm\n18;Eva Kern;Ulm\n")
    assert "Schmidt" not in problem.reason
    assert "no, first_name, city" in problem.reason


def test_two_columns_of_one_meaning_refuse_the_file() -> None:
    assert "twice" in refusal(b"no;Number;city\n1;2;Ulm\n").reason


def test_empty_file_is_refused_and_header_alone_is_fine() -> None:
    assert "empty" in refusal(b"").reason
    assert "empty" in refusal(b"\r\n\r\n").reason
    for header in (b"no;city", b"no;city\r\n"):
        messages = read(header)
        assert rows(messages) == []
        assert isinstance(messages[-1], FileRead)


def test_rows_of_another_width_are_rejected_with_their_line() -> None:
    messages = read(b"no;city\n1;Ulm\n2\n3;Ulm;x\n4;Hof\n")
    assert rows(messages) == [("1", None, "Ulm"), ("4", None, "Hof")]
    assert lines(messages) == [2, 5]
    assert rejected(messages) == [
        (3, "the row has 1 fields, the header 2"),
        (4, "the row has 3 fields, the header 2"),
    ]


def test_cut_last_line_refuses_the_file() -> None:
    assert refusal(b"no;first_name;city\n1;Anna;Ulm\n2;Ev").line == 3
    assert rows(read(b"no;first_name;city\n1;Anna;Ulm\n2;Eva;Hof")) == [
        ("1", "Anna", "Ulm"),
        ("2", "Eva", "Hof"),
    ]


def test_cut_in_the_middle_of_a_character_refuses_the_file() -> None:
    whole = "no;city\n1;Köln\n2;Kö".encode()
    assert "middle of a character" in refusal(whole[:-1]).reason
    assert "middle of a character" in refusal("no;city\n1;Ulm\n2;Kö".encode()[:-1]).reason


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'no;city\n1;Ulm\n2;"Hof\n3;Ulm\n', 3),
        (b'no;city\n1;"Ulm\n2;Hof\n3;"Ulm"\n', 2),
        (b'no;city\n1;"a ""b\n', 2),
    ],
)
def test_quote_never_closed_refuses_the_file_and_names_its_line(content: bytes, line: int) -> None:
    assert refusal(content).line == line


def test_stray_quote_spoils_its_row_only() -> None:
    messages = read(b'no;city\n1;"Gasthof "Post" Ulm"\n2;5" Rohr\n3;"a""b"\n')
    assert rows(messages) == [("2", None, '5" Rohr'), ("3", None, 'a"b')]
    assert rejected(messages) == [(2, "field 2 holds a quote that is not doubled")]


def test_lines_count_on_through_quoted_line_ends_and_empty_lines() -> None:
    messages = read(b'no;city\r\n\r\n1;"a\r\nb"\r\n2;Ulm\r\n\r\n\r\n3;Hof\r\n')
    assert rows(messages) == [("1", None, "a\r\nb"), ("2", None, "Ulm"), ("3", None, "Hof")]
    assert lines(messages) == [3, 5, 8]


def test_nul_byte_spoils_its_row_only() -> None:
    messages = read(b"no;city\n1;U\0lm\n2;Hof\n")
    assert rows(messages) == [("2", None, "Hof")]
    assert rejected(messages) == [(2, "the row holds a NUL byte")]
    assert "NUL" in refusal(b"no;cit\0y\n1;Ulm\n").reason


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_huge_field_spoils_its_row_only(quote: bytes) -> None:
    content = b"no;city\n1;" + quote + b"x" * 10_000_000 + quote + b"\n2;Hof\n"
    messages = read(content)
    assert rows(messages) == [("2", None, "Hof")]
    assert rejected(messages) == [(2, "a field is longer than 1 MiB")]
    assert len(next(m for m in messages if isinstance(m, RejectedRow)).row) <= 16 << 10


def test_huge_quoted_field_over_many_lines() -> None:
    content = b'no;city\n1;"' + b"xxxxxxxxx\n" * 1_000_000 + b'"\n2;Hof\n'
    messages = read(content)
    assert rows(messages) == [("2", None, "Hof")]
    assert rejected(messages) == [(2, "a field is longer than 1 MiB (lines 2 to 1000002)")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encodings(encoding: str) -> None:
    content = "no;city\r\n1;Köln\r\n2;Weißenburg\r\n".encode(encoding)
    assert rows(read(content)) == [("1", None, "Köln"), ("2", None, "Weißenburg")]


def test_lines_in_a_foreign_encoding_are_rejected_the_rest_loads() -> None:
    utf8 = "no;city\n1;Köln\n2;Fürth\n".encode() + "3;Lübeck\n".encode("cp1252") + b"4;Ulm\n"
    messages = read(utf8)
    assert rows(messages) == [("1", None, "Köln"), ("2", None, "Fürth"), ("4", None, "Ulm")]
    assert rejected(messages) == [(4, "the row is not in UTF-8 as the rest of the file")]
    cp1252 = "no;city\n1;Köln\n2;Fürth\n".encode("cp1252") + "3;Lübeck\n".encode() + b"4;Ulm\n"
    messages = read(cp1252)
    assert rows(messages) == [("1", None, "Köln"), ("2", None, "Fürth"), ("4", None, "Ulm")]
    assert rejected(messages) == [(4, "the row is not in cp1252 as the rest of the file")]


@pytest.mark.parametrize("encoding", ["cp850", "mac-roman"])
def test_old_code_pages_are_refused_instead_of_garbled(encoding: str) -> None:
    problem = refusal("no;city\n1;Ulm\n2;Lübeck\n".encode(encoding))
    assert "neither UTF-8 nor cp1252" in problem.reason
    assert problem.line == 3


def test_names_that_only_look_odd_in_cp1252_load() -> None:
    for city in ("D’Angelo", "Kišš", "Straße – Süd", "Œuvre"):
        assert rows(read(f"no;city\n1;{city}\n".encode("cp1252"))) == [("1", None, city)]


def test_cut_utf16_and_binary_files_are_refused() -> None:
    assert "UTF-16" in refusal("no;city\n1;Köln\n".encode("utf-16")[:-1]).reason
    assert "binary" in refusal("no;city\n1;Köln\n".encode("utf-16-le")).reason
    refusal(b"PK\x03\x04\x14\x00\x08\x00")


def test_line_ends_of_old_macs() -> None:
    messages = read(b"no;city\r1;Ulm\r2;Hof\r")
    assert rows(messages) == [("1", None, "Ulm"), ("2", None, "Hof")]
    assert lines(messages) == [2, 3]


def test_gzip_and_gzip_cut_off() -> None:
    packed = gzip.compress(b"no;city\n" + b"1;Ulm\n" * 1000)
    assert len(rows(read(packed))) == 1000
    assert "gzip" in refusal(packed[:-5]).reason


def test_known_file_is_not_read_again_unless_all_is() -> None:
    content = b"no;city\n1;Ulm\n"
    done = read(content)[-1]
    assert isinstance(done, FileRead)
    known = SourceState(known_files=frozenset({done.sha256}))
    assert read(content, Context(date(2026, 1, 1), state=known)) == []
    assert rows(read(content, Context(date(2026, 1, 1), state=known, full=True))) == [("1", None, "Ulm")]


def test_progress_is_reported() -> None:
    heard: list[str] = []
    read(b"no;city\n" + b"1;Ulm\n" * 1000, Context(date(2026, 1, 1), progress=heard.append))
    assert heard[-1] == "people.csv: 1,000 rows"


# -- properties --------------------------------------------------------------------------------------------

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
