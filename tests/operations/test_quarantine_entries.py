"""The way back from quarantine: a corrected file, reading again, dropping."""

import json
from datetime import UTC, datetime

import duckdb
import pytest
from small_home import AS_OF, BAD, GOOD, SmallRetailer

from ingestion.quarantine_entries import Entry, drop, entries, find, retry, rows_of
from ingestion.raw import open_quarantine, register_raw
from stammkunde.errors import UserError

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def connected(retailer: SmallRetailer) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    register_raw(connection, retailer.home)
    return connection


def only(retailer: SmallRetailer, everything: bool = False) -> Entry:
    (entry,) = entries(connected(retailer), everything=everything)
    return entry


def test_an_entry_says_where_and_why_and_hides_personal_values(retailer):
    retailer.run()
    entry = only(retailer)
    assert (entry.source, entry.table_name, entry.file, entry.field, entry.rows, entry.state) == (
        "shop", "loyalty", "members.csv", "birth_date", 1, "open",
    )  # fmt: skip
    (row,) = rows_of(connected(retailer), retailer.home, entry)
    assert (row.line, row.value_masked, row.row) == (3, "3***", None)
    (whole,) = rows_of(connected(retailer), retailer.home, entry, values=True)
    assert json.loads(whole.row)["birth_date"] == "31.02.1975"


def test_ids_stay_and_may_be_cut_short(retailer):
    retailer.run()
    entry = only(retailer)
    assert find(connected(retailer), [entry.entry_id[:4]]) == [entry]
    with pytest.raises(UserError, match="'zzz' is no entry"):
        find(connected(retailer), ["zzz"])
    with pytest.raises(UserError, match="no source 'shopp'; did you mean 'shop'"):
        entries(connected(retailer), "shopp")


def test_a_corrected_file_heals(retailer):
    retailer.run()
    retailer.file("members.csv", GOOD, BAD.replace("31.02.", "28.02."))
    retailer.run()
    assert entries(connected(retailer)) == []
    assert only(retailer, everything=True).state == "healed"
    assert {row[0] for row in retailer.published()} == {"M1", "M2"}


def test_dropped_rows_stay_on_record_and_are_not_open(retailer):
    retailer.run()
    entry = only(retailer)
    assert drop(retailer.home, [entry], "anna", "a test card", AT) == 1
    connection = connected(retailer)
    assert entries(connection) == [] and open_quarantine(connection) == {}
    assert only(retailer, everything=True).state == "dropped"
    assert connection.execute("select dropped_by, dropped_reason from raw.quarantine").fetchall() == [
        ("anna", "a test card")
    ]
    with pytest.raises(UserError, match="is dropped already"):
        drop(retailer.home, [only(retailer, everything=True)], "anna", "again", AT)


def test_dropping_needs_a_reason(retailer):
    retailer.run()
    with pytest.raises(UserError, match="say why"):
        drop(retailer.home, [only(retailer)], "anna", " ", AT)


def test_retry_reads_a_known_file_again(retailer):
    retailer.run()
    (result,) = retry([only(retailer)], retailer.config, retailer.home, AS_OF)
    assert (result.load_id, result.total.rows_read, result.total.rows_quarantined) == ("000002", 2, 1)
    assert [e.load_id for e in entries(connected(retailer))] == ["000002"], (
        "the first is healed by the second"
    )
    retailer.run()
    assert len(list(retailer.home.landing.glob("shop/0*"))) == 2, "read again only when asked"


def test_retry_of_a_file_that_is_gone_loads_nothing(retailer):
    retailer.run()
    (retailer.folder / "members.csv").unlink()
    (result,) = retry([only(retailer)], retailer.config, retailer.home, AS_OF)
    assert result.load_id is None
    assert only(retailer).state == "open"


def test_a_damaged_file_of_decisions_is_named(retailer):
    retailer.run()
    (retailer.home.root / "quarantine_drops.jsonl").write_text("{}\n")
    with pytest.raises(UserError, match=r"quarantine_drops\.jsonl, line 1"):
        connected(retailer)
