"""The examples of docs/sources.md load, and no column of the contracts is missing there."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from ingestion.contracts import Table, catalogue
from ingestion.extract import Context, FileRead, Message, Rows
from ingestion.readers.files import read_folder
from ingestion.sources.leads import reader as leads
from ingestion.sources.shop import loyalty
from ingestion.sources.touchpoints import reader as touchpoints
from ingestion.typing_rows import type_rows

PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"^`([\w./-]+)`[^\n]*:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECTIONS = {
    "shop: loyalty": ("shop", loyalty.PATTERNS, 2),
    "leads": ("leads", leads.PATTERNS, 4),
    "touchpoints": ("touchpoints", touchpoints.PATTERNS, 4),
}


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}")[1].split("\n## ")[0]


@pytest.mark.parametrize("title", SECTIONS)
def test_examples_load_without_a_complaint(title: str, tmp_path: Path) -> None:
    source, patterns, expected = SECTIONS[title]
    for name, content in EXAMPLE.findall(section(title)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    loaded = 0
    messages: list[Message] = list(read_folder(tmp_path, patterns, Context(date(2026, 1, 1))))
    for message in messages:
        assert isinstance(message, Rows | FileRead), message
        if isinstance(message, Rows):
            typed = type_rows(catalogue()[source][message.table], message.data, "Europe/Berlin")
            assert typed.bad is None, typed.faults
            loaded += message.data.num_rows
    assert loaded == expected


@pytest.mark.parametrize(
    "table",
    [
        t
        for source in catalogue().values()
        for t in source.values()
        if t.source != "shop" or t.name == "loyalty"
    ],
    ids=lambda table: table.raw_name,
)
def test_every_column_is_documented(table: Table) -> None:
    title = "shop: loyalty" if table.source == "shop" else table.source
    words = set(re.findall(r"\w+", section(title)))
    assert [f for f in table.field_names if f not in words] == []
