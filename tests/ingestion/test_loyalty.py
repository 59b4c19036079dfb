from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.raw import register_raw
from ingestion.run import LoadResult, ingest
from stammkunde.config import Config, ShopSource, Sources
from stammkunde.home import Home

HEADER = (
    "member_no;card_no;first_name;last_name;birth_date;email;phone;street;postal_code;city;country;store_id;"
    "issued_at;updated_at;consent_email;consent_post;consent_phone"
)
ANNA = (
    "1;K1;Anna;Müller;01.02.1980;a@kern.de;;Hauptstr. 1;01067;Dresden;DE;S1;2024-01-01;2025-01-01 10:00;1;0;"
)
JÖRG = "2;K1;Jörg;Müller;1979-05-06;;0351 1;Hauptstr. 1;01067;Dresden;DE;S1;01.01.2024;;ja;nein;nein"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "loyalty"
    path.mkdir()
    return path


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def write(folder: Path, *lines: str, encoding: str = "utf-8", name: str = "members.csv") -> None:
    (folder / name).write_bytes(("\r\n".join(lines) + "\r\n").encode(encoding))


def load(folder: Path, home: Home) -> LoadResult:
    settings = Config(sources=Sources(shop=ShopSource(loyalty=folder)))
    result = ingest("shop", settings, home, date(2026, 1, 1))
    assert result.total.rows_read == result.total.rows_loaded + result.total.rows_quarantined
    return result


def query(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        register_raw(connection, home)
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_members_are_typed_and_keep_leading_zeros(folder: Path, home: Home, encoding: str) -> None:
    write(folder, HEADER, ANNA, JÖRG, encoding=encoding)
    load(folder, home)
    assert query(
        home,
        """select member_no, first_name, birth_date, postal_code, consent_email, consent_post, consent_phone,
                  _source_line
           from raw.shop__loyalty order by member_no""",
    ) == [
        ("1", "Anna", date(1980, 2, 1), "01067", True, False, None, 2),
        ("2", "Jörg", date(1979, 5, 6), "01067", True, False, False, 3),
    ]


def test_german_header_with_name_in_one_field(folder: Path, home: Home) -> None:
    header = "Mitgliedsnummer,Name,Geburtsdatum,E-Mail,Straße,PLZ,Ort"
    write(folder, header, '7,"Kern, Anna",,a@kern.de,Weg 1,80331,München')
    load(folder, home)
    assert query(home, "select member_no, name, email, street, postal_code, city from raw.shop__loyalty") == [
        ("7", "Kern, Anna", "a@kern.de", "Weg 1", "80331", "München")
    ]


def test_no_row_is_lost_and_a_corrected_file_heals(folder: Path, home: Home) -> None:
    bad = ["3;K3;x", ANNA.replace("01.02.1980", "31.02.2024"), ANNA.replace("1;K1", ";K9", 1)]
    write(folder, HEADER, JÖRG, *bad)
    total = load(folder, home).total
    assert (total.rows_read, total.rows_loaded, total.rows_quarantined) == (4, 1, 3)
    assert query(home, "select line, field from raw.quarantine order by line") == [
        (3, None),
        (4, "birth_date"),
        (5, "member_no"),
    ]
    assert load(folder, home).load_id is None
    write(folder, HEADER, ANNA, JÖRG)
    load(folder, home)
    assert query(home, "select count(distinct member_no) from raw.shop__loyalty") == [(2,)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f"{HEADER}\n{ANNA}\n{JÖRG[:40]}", "last line is cut off"),
        (f'{HEADER}\n{ANNA}\n"{JÖRG}\n', "never closed"),
        ("a;b\n1;2\n", "no known column"),
        ("card_no;city\nK1;Ulm\n", "required column member_no"),
        ("", "not even a header"),
    ],
)
def test_file_that_is_refused_gives_no_row(folder: Path, home: Home, content: str, reason: str) -> None:
    (folder / "members.csv").write_text(content, encoding="utf-8")
    result = load(folder, home)
    assert result.total.rows_loaded == 0
    ((file, line_reason),) = query(home, "select file, reason from raw.quarantine")
    assert file == "members.csv"
    assert reason in line_reason


def test_each_oddity_spoils_its_row_only(folder: Path, home: Home) -> None:
    rows = [ANNA, ANNA.replace("Anna", "A\0nna"), ANNA.replace("Anna", "x" * 10_000_000), JÖRG]
    content = (
        "\n".join([HEADER, *rows]).encode() + b"\n" + JÖRG.replace("2;", "3;", 1).encode("cp1252") + b"\n"
    )
    (folder / "members.csv").write_bytes(content)
    load(folder, home)
    assert query(home, "select member_no from raw.shop__loyalty order by 1") == [("1",), ("2",)]
    assert query(home, "select line, reason from raw.quarantine order by line") == [
        (3, "the row holds a NUL byte"),
        (4, "a field is longer than 1 MiB"),
        (6, "the row is not in UTF-8 as the rest of the file"),
    ]
