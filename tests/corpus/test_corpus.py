"""Every bad file ends in rows, in quarantine or refused, each with a reason; none crashes, none is lost
silently.

The files are made into the test's folder by `damage.py` and `archives.py` from the good ones of
`good_files.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import pytest
from archives import PARQUETS, ZIPS, add_oddities
from damage import OF_KIND
from good_files import FORMATS, Format

from ingestion.raw import register_raw
from ingestion.run import LoadResult, ingest
from ingestion.state import manifests
from stammkunde.config import Config
from stammkunde.home import Home

AS_OF = date(2026, 11, 20)
SOURCES = ("shop", "leads", "touchpoints", "webshop")


@dataclass
class Corpus:
    """All bad files in their folders: name → records that may not be lost if the file is taken."""

    root: Path
    config: Config
    expected: dict[tuple[str, str], int] = field(default_factory=dict)
    odd: dict[str, list[str]] = field(default_factory=dict)

    def add(self, form: Format, damage: str, content: bytes, at_least: int) -> None:
        name = form.file_name(damage)
        (self.root / form.folder / name).write_bytes(content)
        self.expected[(form.source, name)] = at_least

    def ingest(self, home: Home) -> dict[str, LoadResult]:
        return {source: ingest(source, self.config, home, AS_OF) for source in SOURCES}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    root = tmp_path_factory.mktemp("corpus")
    for folder in {form.folder for form in FORMATS}:
        (root / folder).mkdir()
    sources = {
        "shop": {"loyalty": root / "loyalty", "dsfinvk": root / "tills"},
        "leads": {"path": root / "leads"},
        "touchpoints": {"path": root / "touchpoints"},
        "webshop": {"platform": "files", "path": root / "webshop"},
    }
    made = Corpus(root, Config.model_validate({"sources": sources}))
    for form in FORMATS:
        made.add(form, f"good_{form.name}", form.content(f"g{form.name}"), form.rows)
        for number, damage in enumerate(OF_KIND.get(form.kind, ())):
            made.add(
                form, f"{form.name}_{damage.name}", damage.apply(form.content(f"{number}-")), damage.at_least
            )
        special = {"zip": ZIPS, "parquet": PARQUETS}.get(form.kind, {})
        for number, (name, (make, at_least)) in enumerate(special.items()):
            made.add(form, f"{form.name}_{name}", make(f"{number}-"), at_least)
    for form, suffix in (("leads_csv", ".csv"), ("tickets", "tickets.csv"), ("orders", "orders.csv")):
        chosen = next(f for f in FORMATS if f.name == form)
        made.odd[chosen.source] = add_oddities(root / chosen.folder, suffix)
    return made


@pytest.fixture(scope="module")
def landed(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, LoadResult]]:
    home = Home(tmp_path_factory.mktemp("home")).create()
    return home, corpus.ingest(home)


@pytest.fixture(scope="module")
def raw(landed) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    register_raw(connection, landed[0])
    return connection


@pytest.fixture(scope="module")
def accounted(landed, raw) -> dict[tuple[str, str], int]:
    """Rows loaded and in quarantine per file; a zip's members count for the zip."""
    from ingestion.contracts import catalogue

    counts: dict[tuple[str, str], int] = {}
    for source, tables in catalogue().items():
        if source not in SOURCES:
            continue
        parts = [f"select _source_file as file from raw.{table.raw_name}" for table in tables.values()] + [
            f"select file from raw.quarantine where source = '{source}' and kind = 'row'"
        ]
        query = f"select split_part(file, '/', 1), count(*) from ({' union all '.join(parts)}) group by 1"
        for name, count in raw.execute(query).fetchall():
            counts[(source, name)] = count
    return counts


def fates(home: Home) -> dict[tuple[str, str], tuple[str, str]]:
    return {
        (source, file.file): (file.status, file.reason or "")
        for source in SOURCES
        for load in manifests(home.landing / source)
        for file in load.files
    }


def test_the_corpus_is_large_and_covers_every_format(corpus):
    assert len(corpus.expected) >= 400
    assert {form.kind for form in FORMATS} == {"csv", "jsonl", "vcard", "zip", "parquet"}


def test_every_file_is_read_or_refused_with_a_reason(corpus, landed):
    home, _ = landed
    found = fates(home)
    assert sorted(set(corpus.expected) - set(found)) == []
    silent = [name for name, (status, reason) in found.items() if status == "refused" and len(reason) < 10]
    assert silent == []


def test_good_files_among_them_are_loaded_as_if_they_were_alone(corpus, landed, accounted, raw):
    for form in FORMATS:
        key = (form.source, form.file_name(f"good_{form.name}"))
        assert fates(landed[0])[key][0] == "read" and accounted[key] == form.rows
    names = [form.file_name(f"good_{form.name}") for form in FORMATS]
    assert raw.execute("select * from raw.quarantine where list_contains(?, file)", [names]).fetchall() == []


def test_no_record_of_a_file_that_was_taken_is_lost(corpus, landed, accounted):
    found = fates(landed[0])
    lost = {
        key: (accounted.get(key, 0), at_least)
        for key, at_least in corpus.expected.items()
        if found[key][0] == "read" and accounted.get(key, 0) < at_least
    }
    assert lost == {}


def test_a_refused_file_gives_no_row(corpus, landed, accounted):
    refused = [key for key, (status, _) in fates(landed[0]).items() if status == "refused"]
    assert len(refused) > 100
    assert {key: accounted[key] for key in refused if accounted.get(key)} == {}


def test_read_is_loaded_plus_quarantined(landed):
    for result in landed[1].values():
        for counts in result.tables.values():
            assert counts.rows_read == counts.rows_loaded + counts.rows_quarantined


def test_every_quarantined_row_says_why_in_words(raw):
    rows = raw.execute("select source, file, reason, kind from raw.quarantine").fetchall()
    assert len(rows) > 200
    bad = [
        r for r in rows if len(r[2]) < 8 or any(w in r[2] for w in ("Traceback", "object at 0x", "Error("))
    ]
    assert bad == []


def test_what_is_no_file_is_mentioned_and_nothing_outside_is_read(corpus, landed, raw):
    for source, names in corpus.odd.items():
        notices = "\n".join(landed[1][source].notices)
        assert [name for name in names if name not in notices] == []
    assert raw.execute("select count(*) from raw.quarantine where file like '%outside%'").fetchone() == (0,)
    assert not Path("/tmp/stammkunde_escaped.csv").exists()
    assert not list(corpus.root.rglob("*stammkunde_escaped*"))


def test_reading_all_of_it_again_changes_nothing(corpus, landed):
    home, _ = landed
    assert {source: result.load_id for source, result in corpus.ingest(home).items()} == dict.fromkeys(
        SOURCES
    )
