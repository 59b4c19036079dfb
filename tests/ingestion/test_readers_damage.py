"""Files that are cut off or damaged at any byte: refused, or only whole rows of them are taken."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.contracts import catalogue
from ingestion.extract import Context, FileRead, FileRefused, Message, RejectedRow, Rows
from ingestion.readers.csv import read_csv
from ingestion.readers.files import FileReader
from ingestion.readers.jsonl import read_jsonl
from ingestion.readers.vcard import read_vcards

LEADS = catalogue()["leads"]["leads"]
CONTEXT = Context(date(2026, 1, 1))
PEOPLE = [
    ("L1", "Jürgen", "Köln"),
    ("L2", "Eva; M.", "Fürth"),
    ("L3", 'Ina "I" B', "Am\nSee"),
    ("L4", "Jo", "Ulm"),
]

CSV = "lead_id;captured_at;source;name;city;message\n" + "".join(
    f'{no};2025-01-01;form;"{name.replace(chr(34), chr(34) * 2)}";"{city}";x\n' for no, name, city in PEOPLE
)
JSONL = "".join(
    json.dumps({"lead_id": no, "captured_at": "2025-01-01", "source": "form", "name": name, "city": city},
               ensure_ascii=False) + "\n"
    for no, name, city in PEOPLE
)  # fmt: skip
VCARDS = "".join(
    f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{name}\r\nUID:{no}\r\nADR:;;;{city.split()[0]};;;\r\nEND:VCARD\r\n"
    for no, name, city in PEOPLE
)
FORMATS: list[tuple[FileReader, bytes]] = [
    (read_csv, CSV.encode()),
    (read_csv, CSV.replace("\n", "\r\n").encode("cp1252")),
    (read_csv, CSV.encode("utf-16")),
    (read_csv, gzip.compress(CSV.encode(), mtime=0)),
    (read_jsonl, JSONL.encode()),
    (read_vcards, VCARDS.encode()),
]
NAMES = ["csv-utf8", "csv-cp1252", "csv-utf16", "csv-gzip", "jsonl", "vcard"]


def read(reader: FileReader, file: Path, content: bytes) -> list[Message]:
    file.write_bytes(content)
    os.utime(file, (1_750_000_000, 1_750_000_000))
    messages = list(reader(file, LEADS, CONTEXT, name=file.name))
    assert isinstance(messages[-1], FileRead | FileRefused)
    assert not any(isinstance(m, FileRead | FileRefused) for m in messages[:-1])
    return messages


def rows(messages: list[Message]) -> Iterator[dict[str, Any]]:
    for message in messages:
        if isinstance(message, Rows):
            for row in message.data.to_pylist():
                yield {key: value for key, value in row.items() if value is not None}


@pytest.mark.parametrize(("reader", "content"), FORMATS, ids=NAMES)
def test_file_cut_off_at_any_byte_gives_whole_rows_or_none(
    reader: FileReader, content: bytes, tmp_path: Path
) -> None:
    whole = list(rows(read(reader, tmp_path / "file", content)))
    assert len(whole) == len(PEOPLE)
    for length in range(len(content)):
        messages = read(reader, tmp_path / "file", content[:length])
        if isinstance(messages[-1], FileRead):
            found = list(rows(messages))
            assert not any(isinstance(m, RejectedRow) for m in messages), length
            # the last field of the last line has no end that could be missed
            assert found[:-1] == whole[: len(found)][:-1], length
            assert not found or {**found[-1], "message": "x"} == {**whole[len(found) - 1], "message": "x"}, (
                length
            )


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(FORMATS), st.data())
def test_file_damaged_anywhere_ends_in_a_message(
    tmp_path: Path, form: tuple[FileReader, bytes], data: st.DataObject
) -> None:
    reader, content = form
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        length = data.draw(st.integers(0, 3))
        damaged[place : place + length] = data.draw(st.binary(max_size=3))
    for message in read(reader, tmp_path / "file", bytes(damaged)):
        if isinstance(message, Rows):
            assert message.data.num_rows == len(message.lines)
