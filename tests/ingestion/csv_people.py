"""A small table and short ways to read it, for the tests of the CSV reader."""

from __future__ import annotations

from datetime import date

from ingestion.contracts import Field, Table
from ingestion.extract import Context, FileRead, FileRefused, Message, RejectedRow, Rows
from ingestion.readers.csv import read_csv

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
