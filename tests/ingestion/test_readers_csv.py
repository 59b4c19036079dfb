from __future__ import annotations

import gzip
from datetime import date

import pytest
from csv_people import lines, read, refusal, rejected, rows

from ingestion.extract import Context, FileRead, Notice, RejectedRow, SourceState


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
