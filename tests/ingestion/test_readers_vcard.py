from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.contracts import catalogue
from ingestion.extract import Context, FileRead, FileRefused, Message, Notice, RejectedRow, Rows
from ingestion.readers.vcard import read_vcards
from ingestion.typing_rows import type_rows

LEADS = catalogue()["leads"]["leads"]


def card(*lines: str, version: str = "3.0") -> str:
    return "\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "fair.vcf"


def read(file: Path, content: str | bytes) -> list[Message]:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(file, (1_750_000_000, 1_750_000_000))
    return list(read_vcards(file, LEADS, Context(date(2026, 1, 1)), name=file.name))


def leads(messages: list[Message]) -> list[dict[str, Any]]:
    typed = [type_rows(LEADS, m.data, "Europe/Berlin") for m in messages if isinstance(m, Rows)]
    assert all(t.bad is None for t in typed)
    return [{k: v for k, v in r.items() if v is not None} for t in typed for r in t.rows.to_pylist()]


def rejected(messages: list[Message]) -> list[tuple[int | None, str]]:
    return [(m.line, m.reason) for m in messages if isinstance(m, RejectedRow)]


def test_card_of_version_3(file: Path) -> None:
    content = card(
        "N:Müller;Jürgen;Karl;Dr.;",
        "FN:Dr. Jürgen Müller",
        "ORG:Müller GmbH;Einkauf",
        "item1.EMAIL;TYPE=INTERNET:Juergen@Mueller.DE",
        "TEL;TYPE=WORK,FAX:+49 221 9",
        "TEL;TYPE=WORK:+49 221 1",
        "TEL;TYPE=CELL:+49 171 2",
        "ADR;TYPE=WORK:;;Hauptstr. 1;Köln;;50667;Deutschland",
        "BDAY:19800201",
        "NOTE:sehr interessiert\\, bitte",
        "  anrufen",
        "CATEGORIES:Garten,Werkzeug",
    )
    messages = read(file, content)
    (lead,) = leads(messages)
    assert lead.pop("lead_id").startswith("vcf_")
    assert str(lead.pop("captured_at")) == "2025-06-15 15:06:40"
    assert lead == {
        "source": "fair",
        "first_name": "Jürgen Karl",
        "last_name": "Müller",
        "company": "Müller GmbH",
        "email": "juergen@mueller.de",
        "phone": "+49 171 2",
        "street": "Hauptstr. 1",
        "postal_code": "50667",
        "city": "Köln",
        "country": "Deutschland",
        "birth_date": date(1980, 2, 1),
        "message": "sehr interessiert, bitte anrufen",
        "interests": ["Garten", "Werkzeug"],
    }
    assert any("further phone numbers" in m.text for m in messages if isinstance(m, Notice))


def test_versions_2_and_4_in_one_file_with_their_lines(file: Path) -> None:
    content = card(
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=BCrgen",
        "NOTE;ENCODING=QUOTED-PRINTABLE:Hallo=",
        " Welt",
        "TEL;CELL:0171 1",
        version="2.1",
    ) + card("FN:Anna Kern", "TEL;VALUE=uri;PREF=1:tel:+49-30-1", "BDAY:--0203", version="4.0")
    messages = read(file, content)
    first, second = leads(messages)
    assert (first["first_name"], first["last_name"], first["phone"]) == ("Jürgen", "Müller", "0171 1")
    assert (second["name"], second["phone"]) == ("Anna Kern", "+49-30-1")
    assert "birth_date" not in second
    assert [m.lines.to_pylist() for m in messages if isinstance(m, Rows)] == [[1, 8]]
    assert any("birthdays without" in m.text for m in messages if isinstance(m, Notice))


def test_pictures_of_any_size_are_passed_over(file: Path) -> None:
    picture = "PHOTO;ENCODING=b;TYPE=JPEG:" + "\r\n ".join(["A" * 70] * 40_000)
    (lead,) = leads(read(file, card("FN:Anna Kern", picture, "EMAIL:a@kern.de")))
    assert lead["email"] == "a@kern.de"


def test_company_without_a_person_is_a_lead(file: Path) -> None:
    (lead,) = leads(read(file, card("FN:", "ORG:Kern AG")))
    assert lead["company"] == "Kern AG"


def test_bad_cards_are_rejected_and_the_others_load(file: Path) -> None:
    content = (
        card("EMAIL:a@b.de")
        + card("FN:Eva Hof")
        + card("FN:Eva Hof", "no property at all")
        + card("FN:Nul\0")
        + card("FN:Anna Kern")
    )
    messages = read(file, content)
    assert [lead["name"] for lead in leads(messages)] == ["Eva Hof", "Anna Kern"]
    assert rejected(messages) == [
        (1, "vCard without a name"),
        (9, "no valid vCard: line 12 cannot be read"),
        (14, "the card holds a NUL byte"),
    ]
    assert isinstance(messages[-1], FileRead)


def test_card_that_does_not_end(file: Path) -> None:
    messages = read(file, "BEGIN:VCARD\nFN:Anna\n" + card("FN:Eva Hof") + "B\n")
    assert [lead["name"] for lead in leads(messages)] == ["Eva Hof"]
    assert rejected(messages) == [
        (1, "the card has no END:VCARD before line 3"),
        (7, "text outside of a vCard"),
    ]
    end = read(file, card("FN:Eva Hof") + "BEGIN:VCARD\r\nFN:An")[-1]
    assert isinstance(end, FileRefused)
    assert end.line == 5


def test_lead_id_is_of_the_uid_else_of_the_content(file: Path) -> None:
    def ids(*cards: str) -> list[str]:
        return [lead["lead_id"] for lead in leads(read(file, "".join(cards)))]

    a, b = ids(card("UID:u1", "FN:Anna Kern"), card("UID:u1", "FN:Anna Kern-Hof"))
    assert a == b
    c, d, e = ids(card("FN:Anna Kern", "REV:2025"), card("FN:Anna Kern", "REV:2026"), card("FN:Anna K."))
    assert c == d
    assert len({a, c, e}) == 3


def test_cp1252_file(file: Path) -> None:
    (lead,) = leads(read(file, card("FN:Jürgen Müller").encode("cp1252")))
    assert lead["name"] == "Jürgen Müller"


LINES = st.sampled_from(
    """BEGIN:VCARD|END:VCARD|VERSION:3.0|VERSION:4.0|N:A;B|N:;;;;|FN:x|FN:|ORG:a;b|ADR:a;b;c|ADR:|EMAIL:a@b|TEL:1
TEL;PREF=x:2|BDAY:1980|BDAY:x|N;ENCODING=QUOTED-PRINTABLE:=ZZ|X|:|N;CHARSET=foo;ENCODING=QUOTED-PRINTABLE:=C3
NOTE;ENCODING=b:!| folded|UID:1|;;;|BEGIN:X|END:X|CATEGORIES:|CATEGORIES:a,b|BDAY:1604-02-03|é:ü|==|\0
TEL;TYPE=pref,cell:3|N:a,b;c,d;e;f;g""".replace("\n", "|").split("|")
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, max_size=14), st.binary(max_size=20))
def test_anything_ends_in_a_message(tmp_path: Path, lines: list[str], noise: bytes) -> None:
    file = tmp_path / "noise.vcf"
    for content in ("\n".join(lines).encode() + noise, card(*lines).encode()):
        messages = read(file, content)
        assert isinstance(messages[-1], FileRead | FileRefused)
