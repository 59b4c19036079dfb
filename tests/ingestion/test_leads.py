from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.extract import SourceUnavailable
from ingestion.raw import register_raw
from ingestion.run import LoadResult, ingest
from stammkunde.config import Config, FolderSource, Sources
from stammkunde.home import Home

AS_OF = date(2026, 1, 1)
LEAD = {"lead_id": "L1", "captured_at": "2025-03-01T10:00:00", "source": "form", "email": "a@kern.de"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "leads"
    path.mkdir()
    return path


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def load(folder: Path, home: Home) -> LoadResult:
    result = ingest("leads", Config(sources=Sources(leads=FolderSource(path=folder))), home, AS_OF)
    total = result.total
    assert total.rows_read == total.rows_loaded + total.rows_quarantined
    return result


def query(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        register_raw(connection, home)
        return connection.execute(sql).fetchall()


def write_forms(folder: Path, *leads: dict[str, Any]) -> None:
    text = "".join(json.dumps(lead) + "\n" for lead in leads)
    (folder / "forms.jsonl").write_text(text, encoding="utf-8")


def test_all_three_formats_land_in_one_table(folder: Path, home: Home) -> None:
    consent = {"email": True, "double_opt_in_at": "2025-03-01T10:05:00Z", "text_version": "v2"}
    write_forms(folder, LEAD | {"interests": ["garden"], "consent": consent})
    (folder / "fair.csv").write_text(
        "lead_id;captured_at;source;name;interests;consent.email\n"
        "L2;02.03.2025 11:00;fair;Eva Hof;garden|tools;nein\n",
        encoding="cp1252",
    )
    card = folder / "cards" / "card.vcf"
    card.parent.mkdir()
    card.write_text("BEGIN:VCARD\nVERSION:3.0\nFN:Jörg Au\nTEL:0171 1\nEND:VCARD\n", encoding="utf-8")
    os.utime(card, (1_741_000_000, 1_741_000_000))
    assert load(folder, home).total.rows_loaded == 3
    rows = query(
        home,
        """select source, email, name, phone, interests, consent_email, captured_at::varchar,
                  _source_file, _source_line
           from raw.leads__leads order by captured_at""",
    )
    assert rows == [
        ("form", "a@kern.de", None, None, ["garden"], True, "2025-03-01 09:00:00", "forms.jsonl", 1),
        ("fair", None, "Eva Hof", None, ["garden", "tools"], False, "2025-03-02 10:00:00", "fair.csv", 2),
        ("fair", None, "Jörg Au", "0171 1", None, None, "2025-03-03 11:06:40", "cards/card.vcf", 1),
    ]


def test_second_run_finds_nothing_new(folder: Path, home: Home) -> None:
    write_forms(folder, LEAD)
    assert load(folder, home).load_id == "000001"
    assert load(folder, home).load_id is None


def test_bad_rows_are_quarantined_and_a_corrected_file_heals(folder: Path, home: Home) -> None:
    write_forms(
        folder, LEAD, LEAD | {"lead_id": "L2", "source": "carrier pigeon"}, LEAD | {"lead_id": ["L3"]}
    )
    total = load(folder, home).total
    assert (total.rows_read, total.rows_loaded, total.rows_quarantined) == (3, 1, 2)
    assert query(home, "select file, line, field from raw.quarantine order by line") == [
        ("forms.jsonl", 2, "source"),
        ("forms.jsonl", 3, "lead_id"),
    ]
    write_forms(folder, LEAD, LEAD | {"lead_id": "L2"}, LEAD | {"lead_id": "L3"})
    load(folder, home)
    assert query(home, "select distinct lead_id from raw.leads__leads order by 1") == [
        ("L1",),
        ("L2",),
        ("L3",),
    ]


def test_half_written_file_gives_no_row_until_it_is_whole(folder: Path, home: Home) -> None:
    whole = json.dumps(LEAD) + "\n" + json.dumps(LEAD | {"lead_id": "L2"}) + "\n"
    (folder / "forms.jsonl").write_text(whole[:-30], encoding="utf-8")
    result = load(folder, home)
    assert result.total.rows_loaded == 0
    assert result.total.files_refused == 1
    assert "cut off" in query(home, "select reason from raw.quarantine")[0][0]
    assert load(folder, home).load_id is None
    (folder / "forms.jsonl").write_text(whole, encoding="utf-8")
    assert load(folder, home).total.rows_loaded == 2


def test_unknown_files_are_told(folder: Path, home: Home) -> None:
    write_forms(folder, LEAD)
    (folder / "leads.xlsx").write_bytes(b"PK")
    assert any("leads.xlsx" in notice for notice in load(folder, home).notices)


def test_folder_that_is_not_there_lands_nothing(folder: Path, home: Home) -> None:
    with pytest.raises(SourceUnavailable, match="does not exist"):
        load(folder / "absent", home)
    assert query(home, "select * from raw.ingestion_load") == []


def test_quarantine_masks_personal_values(folder: Path, home: Home) -> None:
    write_forms(folder, LEAD | {"birth_date": "31.02.1984"})
    load(folder, home)
    ((shown, reason),) = query(home, "select value_masked, reason from raw.quarantine")
    assert "1984" not in shown
    assert "no such day" in reason
