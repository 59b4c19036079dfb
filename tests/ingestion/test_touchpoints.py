from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.raw import register_raw
from ingestion.run import LoadResult, ingest
from stammkunde.config import Config, FolderSource, Sources
from stammkunde.home import Home

EVENT = {"event": "open", "email": "a@kern.de", "campaign_id": "c1", "ts": "2025-03-01T10:00:00Z"}
TICKETS = "ticket_id,opened_at,channel,email,topic,is_complaint,satisfaction\n"
SURVEYS = "survey_id;answered_at;email;question;score;comment\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "touchpoints"
    path.mkdir()
    return path


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def load(folder: Path, home: Home) -> LoadResult:
    settings = Config(sources=Sources(touchpoints=FolderSource(path=folder)))
    result = ingest("touchpoints", settings, home, date(2026, 1, 1))
    assert result.total.rows_read == result.total.rows_loaded + result.total.rows_quarantined
    return result


def query(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        register_raw(connection, home)
        return connection.execute(sql).fetchall()


def test_the_name_of_a_file_says_what_it_holds(folder: Path, home: Home) -> None:
    (folder / "mail_events_2025-03.jsonl").write_text(json.dumps(EVENT) + "\n")
    (folder / "web_events.jsonl.gz").write_bytes(
        gzip.compress(b'{"ts": "2025-03-01T10:00:00Z", "visitor_id": "v1", "event": "view", "extra": [1]}\n')
    )
    (folder / "tickets.csv").write_text(TICKETS + "T1,2025-03-01 10:00,phone,a@kern.de,late,ja,2\n")
    (folder / "Surveys_q1.csv").write_text(SURVEYS + 'S1;2025-03-01;a@kern.de;nps;9;"gut;\nschnell"\n')
    (folder / "orders.csv").write_text("a;b\n")
    result = load(folder, home)
    assert {name: counts.rows_loaded for name, counts in result.tables.items()} == {
        "mail_events": 1,
        "web_events": 1,
        "tickets": 1,
        "surveys": 1,
    }
    assert any("orders.csv: not read" in notice for notice in result.notices)
    assert any("extra" in notice for notice in result.notices)
    assert query(home, "select is_complaint, satisfaction from raw.touchpoints__tickets") == [(True, 2)]
    assert query(home, "select score, comment from raw.touchpoints__surveys") == [(9, "gut;\nschnell")]


def test_second_run_finds_nothing_new_and_a_new_file_is_a_new_load(folder: Path, home: Home) -> None:
    (folder / "mail_events_1.jsonl").write_text(json.dumps(EVENT) + "\n")
    assert load(folder, home).load_id == "000001"
    assert load(folder, home).load_id is None
    (folder / "mail_events_2.jsonl").write_text(json.dumps(EVENT | {"event": "click"}) + "\n")
    second = load(folder, home)
    assert (second.load_id, second.total.rows_loaded) == ("000002", 1)


def test_bad_input_of_each_kind_spoils_only_itself(folder: Path, home: Home) -> None:
    (folder / "mail_events.jsonl").write_text(
        json.dumps(EVENT) + "\n{broken\n" + json.dumps(EVENT | {"event": "glance"}) + "\n"
    )
    (folder / "surveys.csv").write_text(
        SURVEYS + "S1;2025-03-01;;nps;-1;\nS2;2025-03-01;;nps;9;\nS3;2025-03-01\n\n"
    )
    (folder / "tickets.csv").write_text("ticket;when\n1;2\n")
    (folder / "web_events.jsonl").write_text(
        '{"ts": "0001-01-01T00:00:00Z", "visitor_id": "v", "event": "view"}\n'
    )
    result = load(folder, home)
    assert query(home, "select file, line, field from raw.quarantine where line > 0 order by file, line") == [
        ("mail_events.jsonl", 2, None),
        ("mail_events.jsonl", 3, "event"),
        ("surveys.csv", 2, "score"),
        ("surveys.csv", 4, None),
        ("tickets.csv", 1, None),
        ("web_events.jsonl", 1, "ts"),
    ]
    assert result.tables["mail_events"].rows_loaded == 1
    assert result.tables["surveys"].rows_loaded == 1
    assert result.tables["tickets"].files_refused == 1
