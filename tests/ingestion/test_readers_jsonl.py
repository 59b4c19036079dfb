from __future__ import annotations

import gzip
import json
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.contracts import catalogue
from ingestion.extract import Context, FileRead, FileRefused, Message, Notice, RejectedRow, Rows
from ingestion.readers.files import Refused
from ingestion.readers.jsonl import _JsonLinesFile, read_jsonl
from ingestion.readers.text import inspect
from ingestion.typing_rows import type_rows

LEADS = catalogue()["leads"]["leads"]
CONTEXT = Context(date(2026, 1, 1))
GOOD = {"lead_id": "1", "captured_at": "2025-01-01T10:00:00Z", "source": "form"}


def read(content: bytes) -> list[Message]:
    return list(read_jsonl(content, LEADS, CONTEXT, name="leads.jsonl"))


def lines_of(*objects: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(o, ensure_ascii=False).encode() + b"\n" for o in objects)


def rows(messages: list[Message]) -> list[dict[str, Any]]:
    """Rows as landing sees them after typing, without what is null."""
    typed = [type_rows(LEADS, m.data, "Europe/Berlin").rows for m in messages if isinstance(m, Rows)]
    return [{k: v for k, v in r.items() if v is not None} for t in typed for r in t.to_pylist()]


def lines(messages: list[Message]) -> list[int]:
    return [line for m in messages if isinstance(m, Rows) for line in m.lines.to_pylist()]


def rejected(messages: list[Message]) -> list[tuple[int | None, str | None, str]]:
    return [(m.line, m.field, m.reason) for m in messages if isinstance(m, RejectedRow)]


def test_consent_object_and_interests() -> None:
    lead = GOOD | {
        "interests": ["garden", "tools"],
        "consent": {
            "email": True,
            "phone": False,
            "double_opt_in_at": "2025-01-02T00:00:00Z",
            "text_version": "v3",
        },
    }
    (row,) = rows(read(lines_of(lead)))
    assert row["interests"] == ["garden", "tools"]
    assert row["consent_email"] is True
    assert row["consent_phone"] is False
    assert "consent_post" not in row
    assert str(row["double_opt_in_at"]) == "2025-01-02 00:00:00"
    assert row["consent_text_version"] == "v3"


def test_broken_line_is_rejected_with_its_number_and_the_rest_loads() -> None:
    content = lines_of(GOOD) + b'\n{"lead_id": "2", "captured\n' + lines_of(GOOD | {"lead_id": "3"})
    messages = read(content)
    assert [r["lead_id"] for r in rows(messages)] == ["1", "3"]
    assert lines(messages) == [1, 4]
    ((line, _, reason),) = rejected(messages)
    assert line == 3
    assert reason.startswith("no valid JSON")
    assert isinstance(messages[-1], FileRead)


@pytest.mark.parametrize("tail", [b'{"lead_id": "2", "capt', b'{"lead_id": "\xc3'])
def test_file_that_ends_inside_a_line_is_refused(tail: bytes) -> None:
    end = read(lines_of(GOOD) + tail)[-1]
    assert isinstance(end, FileRefused)
    assert "cut off" in end.reason
    whole = read(lines_of(GOOD).rstrip(b"\n"))
    assert isinstance(whole[-1], FileRead)
    assert len(rows(whole)) == 1


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (b'{"lead_id": ["1"]}', "lead_id", "expected text, found a list"),
        (b'{"lead_id": "1", "email": {"a": 1}}', "email", "expected text, found an object"),
        (b'{"lead_id": "1", "email": true}', "email", "expected text, found true or false"),
        (b'{"lead_id": "1", "consent": "ja"}', "consent", "expected an object, found a text"),
        (b'{"lead_id": "1", "interests": [["a"]]}', "interests", "expected a list of texts"),
        (b'{"lead_id": "1", "lead_id": "2"}', "lead_id", "the key 'lead_id' stands twice in one object"),
        (b'{"lead_id": "1", "consent": {"email": true, "email": true}}', "email", "stands twice"),
        (b'{"lead_id": "1", "Email": "a@b.de", "email": "c@d.de"}', "email", "email is given twice"),
        (
            b'{"lead_id": "1", "consent_email": true, "consent": {"email": false}}',
            "consent.email",
            "given twice",
        ),
        (b'["lead_id"]', None, "the line is no JSON object"),
        (b"17", None, "the line is no JSON object"),
        (b'{"lead_id": NaN}', None, "NaN is no JSON value"),
        (b'{"lead_id": "a\\u0000b"}', "lead_id", "NUL"),
        (b'{"lead_id": "\\ud83d"}', "lead_id", "surrogate"),
        (b'{"lead_id": "1"}{"lead_id": "2"}', None, "no valid JSON"),
        (b"[" * 100_000, None, "nested too deeply"),
        (b'{"lead_id": "' + b"x" * 2_000_000 + b'"}', None, "longer than 1 MiB"),
        ('{"lead_id": "Jürgen"}'.encode("cp1252"), None, "not in UTF-8"),
    ],
)
def test_bad_line(line: bytes, field: str | None, reason: str) -> None:
    messages = read(b"{}\n" + lines_of(GOOD | {"city": "Köln"}) + line + b"\n" + lines_of(GOOD))
    ((number, found_field, found_reason),) = rejected(messages)
    assert (number, found_field) == (3, field)
    assert reason in found_reason
    assert lines(messages) == [1, 2, 4]


def test_numbers_and_other_spellings_of_keys_are_taken() -> None:
    lead = {
        "Lead-ID": 17,
        "captured_at": "2025-01-01",
        "source": "form",
        "company_name": "X AG",
        "postal_code": 50667,
    }
    (row,) = rows(read(lines_of(lead | {"interests": "a, b", "consent": {"Email": 1}})))
    assert row["lead_id"] == "17"
    assert row["company"] == "X AG"
    assert row["postal_code"] == "50667"
    assert row["interests"] == ["a", "b"]
    assert row["consent_email"] is True


def test_unknown_keys_are_told_once() -> None:
    messages = read(lines_of(*[GOOD | {"shoe": i, "consent": {"fax": True}} for i in range(3)]))
    (notice,) = [m.text for m in messages if isinstance(m, Notice)]
    assert "shoe" in notice
    assert "consent.fax" in notice
    assert len(rows(messages)) == 3


def test_array_in_place_of_lines_is_refused() -> None:
    (end,) = read(json.dumps([GOOD, GOOD], indent=1).encode())
    assert isinstance(end, FileRefused)
    assert "one JSON array" in end.reason


def test_empty_file_is_fine_and_other_encodings_are_read() -> None:
    assert isinstance(read(b"")[-1], FileRead)
    text = json.dumps(GOOD | {"city": "Köln"}, ensure_ascii=False) + "\n"
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        assert [r["city"] for r in rows(read(text.encode(encoding)))] == ["Köln"]
    assert len(rows(read(gzip.compress(text.encode())))) == 1


# -- properties --------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
VALUE = (
    st.none() | TEXT | st.integers() | st.booleans() | st.lists(TEXT | st.none(), max_size=3) | st.just({})
)
KEY = st.sampled_from(
    ["lead_id", "email", "Email", "company", "company_name", "interests", "consent_email", "x", "y"]
)
CONSENT = st.dictionaries(
    st.sampled_from(["email", "post", "EMAIL", "fax"]), st.booleans() | st.none() | TEXT, max_size=3
)
OBJECT = st.builds(
    lambda content, consent: content | consent,
    st.dictionaries(KEY, VALUE, max_size=4),
    st.just({}) | st.builds(lambda c: {"consent": c}, CONSENT),
).map(json.dumps)
REGULAR = st.fixed_dictionaries(
    {"lead_id": TEXT}, optional={"email": TEXT, "interests": st.lists(TEXT, max_size=2)}
)
LINE = st.one_of(
    OBJECT, REGULAR.map(json.dumps), st.sampled_from(["", " ", "{", "}", "{}", "[]", "{} {}", '{"x":', " {}"])
)


def outcome(content: bytes, careful: bool) -> tuple[object, ...]:
    found: list[Message] = []
    try:
        for message in _JsonLinesFile(inspect(content), LEADS, CONTEXT, "leads.jsonl", careful).messages():
            found.append(message)
    except Refused as error:
        return error.reason, error.line
    return rows(found), lines(found), rejected(found)


@settings(max_examples=150, deadline=None)
@given(st.lists(LINE, max_size=6), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_both_ways_of_reading_agree(content: list[str], line_end: str, ends: bool) -> None:
    text = line_end.join(content) + (line_end if ends else "")
    assert outcome(text.encode(), careful=False) == outcome(text.encode(), careful=True)


@settings(max_examples=100, deadline=None)
@given(st.lists(REGULAR, max_size=6))
def test_whatever_is_written_is_read_back(leads: list[dict[str, Any]]) -> None:
    messages = read(lines_of(*leads))
    tables = [m.data for m in messages if isinstance(m, Rows)]
    assert [lead["lead_id"] for lead in leads] == [v for t in tables for v in t["lead_id"].to_pylist()]
    assert lines(messages) == list(range(1, len(leads) + 1))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_random_bytes_end_in_a_message(noise: bytes, after_a_line: bool) -> None:
    messages = read((lines_of(GOOD) if after_a_line else b"") + noise)
    assert isinstance(messages[-1], FileRead | FileRefused)
    assert all(isinstance(m.data, pa.Table) for m in messages if isinstance(m, Rows))
