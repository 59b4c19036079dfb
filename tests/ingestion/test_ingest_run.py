"""`ingest`: absent sources, progress, results."""

from __future__ import annotations

import re

import pytest
from tills import AS_OF, Shop, files, transactions, write_zip

from ingestion.extract import SourceUnavailable
from ingestion.run import ingest
from stammkunde.config import Config
from stammkunde.home import Home


def test_an_absent_source_is_said_to_be_absent(tmp_path):
    said = []
    result = ingest("leads", Config(), Home(tmp_path).create(), AS_OF, said.append)
    assert result.load_id is None
    assert result.tables == {}
    assert said == list(result.notices) == ["leads: not configured, so it is left out"]


def test_an_unknown_source_is_an_error(tmp_path):
    with pytest.raises(KeyError):
        ingest("shopp", Config(), Home(tmp_path).create(), AS_OF)


def test_the_closing_line_tells_the_rows_and_where_the_quarantine_is(tmp_path):
    shop = Shop(tmp_path)
    bad = transactions("K1;2024-03-01T20:00:00;1;b1;1;Beleg;;;;;31.02.2024;;;;\r\n")
    write_zip(shop.folder / "a.zip", files(transactions=bad))
    (shop.folder / "b.zip").write_bytes(b"nonsense")
    result = shop.ingest()
    total = result.total
    assert total.rows_read == total.rows_loaded + total.rows_quarantined == 7
    closing = shop.said[-1]
    assert re.fullmatch(
        r"shop: 1 files, 7 rows read = 6 loaded \+ 1 quarantined in [\d.]+ s, 1 files refused; "
        r"quarantine: .*/landing/shop/000001/quarantine.parquet",
        closing,
    )
    assert any("refused b.zip: not a zip file" in line for line in shop.said)
    shop.ingest()
    assert shop.said[-1] == "shop: nothing new"


def test_progress_names_the_file_and_the_rate(tmp_path, monkeypatch):
    monkeypatch.setattr("ingestion.run._REPORT_SECONDS", 0.0)
    shop = Shop(tmp_path)
    write_zip(shop.folder / "a.zip", files())
    shop.ingest()
    assert any(re.fullmatch(r"shop: 1 files, 8 rows, [\d,]+ rows/s, at a.zip", line) for line in shop.said)


def test_a_source_that_cannot_be_reached_commits_nothing(tmp_path):
    config = Config.model_validate({"sources": {"shop": {"dsfinvk": tmp_path / "nowhere"}}})
    home = Home(tmp_path / "home").create()
    with pytest.raises(SourceUnavailable, match="does not exist"):
        ingest("shop", config, home, AS_OF)
    assert list((home.landing / "shop").iterdir()) == []


def test_a_part_of_the_shop_that_is_not_configured_is_said(tmp_path):
    shop = Shop(tmp_path)
    result = shop.ingest()
    assert any("no loyalty members" in notice for notice in result.notices)
    assert any("holds no DSFinV-K export" in notice for notice in result.notices)
    assert result.load_id is None
