"""One load: what is committed, what is quarantined, and that nothing is lost on the way."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landings import PERSON, TABLES, Source, file_of, rows

from ingestion import landing as landing_module
from ingestion.extract import FileRead, FileRefused, Notice, RejectedRow, SourceUnavailable
from ingestion.landing import Landing
from ingestion.state import manifests, source_state


@pytest.fixture
def source(tmp_path):
    return Source(tmp_path)


def test_rows_land_typed_exactly_as_the_contract_says(source):
    record = {
        "person_id": " 7 ",
        "kind": "a",
        "name": "Müller",
        "birth_date": "1.2.1980",
        "amount": "1.234,5",
        "count": "3",
        "updated_at": "2024-07-01T12:00:00",
        "unknown": "ignored",
    }
    manifest = source.land(*file_of("person", [record]))
    assert manifest.load_id == "000001"
    path = source.root / "000001" / "person" / "part-00000.parquet"
    assert pq.read_schema(path).remove_metadata().equals(PERSON.raw_schema)
    (row,) = source.loaded("person")
    assert row == {
        "person_id": "7",
        "kind": "a",
        "name": "Müller",
        "birth_date": date(1980, 2, 1),
        "amount": Decimal("1234.5000"),
        "count": 3,
        "updated_at": datetime(2024, 7, 1, 10),  # noqa: DTZ001
        "_load_id": "000001",
        "_source_file": "a.csv",
        "_source_line": 2,
        "_row_hash": row["_row_hash"],
    }
    assert len(row["_row_hash"]) == 16


def test_missing_columns_are_null_and_dictionaries_are_read(source):
    data = pa.table({"person_id": pa.array(["1", "2", "1"]).dictionary_encode().slice(0, 2)})
    message = rows("person", [{"person_id": "x"}] * 2)
    source.land(type(message)("person", data, "a.csv", pa.array([2, 3])), FileRead("a.csv", "s"))
    assert [(r["person_id"], r["name"]) for r in source.loaded("person")] == [("1", None), ("2", None)]


def test_bad_rows_go_to_quarantine_with_file_line_field_and_reason(source):
    source.land(
        *file_of(
            "person",
            [
                {"person_id": "1", "birth_date": "31.02.2024"},
                {"person_id": "2", "birth_date": "01.01.0001"},
                {"person_id": "3", "amount": "-1,00"},
                {"person_id": "4", "kind": "c"},
                {"person_id": None, "name": "Meier"},
                {"person_id": "6", "name": "gut", "birth_date": "01.01.1900"},
            ],
        )
    )
    assert [r["person_id"] for r in source.loaded("person")] == ["6"]
    said = [(q["file"], q["line"], q["field"], q["value_masked"], q["reason"]) for q in source.quarantine()]
    assert said == [
        ("a.csv", 2, "birth_date", "3***", "no such day in the calendar"),
        ("a.csv", 3, "birth_date", "0***", "year outside 1850 to 2100"),
        ("a.csv", 4, "amount", "-1,00", "below the smallest accepted value 0"),
        ("a.csv", 5, "kind", "c", "not one of a, b"),
        ("a.csv", 6, "person_id", None, "required, but empty"),
    ]
    counts = source.counts["person"]
    assert (counts.rows_read, counts.rows_loaded, counts.rows_quarantined) == (6, 1, 5)
    assert json.loads(source.quarantine()[4]["row"])["name"] == "Meier", "the row is kept whole"


def test_several_faults_of_a_row_are_one_quarantine_row(source):
    source.land(*file_of("person", [{"person_id": "1", "kind": "z", "birth_date": "x", "count": "0"}]))
    (row,) = source.quarantine()
    assert row["field"] == "kind"
    assert row["reason"].startswith("not one of a, b; also birth_date not a date")
    assert row["reason"].endswith("also count below the smallest accepted value 1")


def test_the_quarantine_file_is_private(source):
    source.land(*file_of("person", [{"person_id": None}]))
    assert (source.root / "000001" / "quarantine.parquet").stat().st_mode & 0o777 == 0o600


def test_an_ambiguous_number_follows_the_other_numbers_of_its_file(source):
    german = [{"person_id": "1", "amount": "1.234"}, {"person_id": "2", "amount": "5,50"}]
    english = [{"person_id": "3", "amount": "1.234"}, {"person_id": "4", "amount": "5.50"}]
    alone = [{"person_id": "5", "amount": "1.234"}]
    both = [
        {"person_id": "6", "amount": "1.234"},
        {"person_id": "7", "amount": "5,50"},
        {"person_id": "8", "amount": "5.50"},
    ]
    source.land(
        *file_of("person", german, "german.csv"),
        *file_of("person", english, "english.csv"),
        *file_of("person", alone, "alone.csv"),
        *file_of("person", both, "both.csv"),
    )
    amounts = {r["person_id"]: r["amount"] for r in source.loaded("person")}
    assert amounts["1"] == Decimal(1234)
    assert amounts["3"] == Decimal("1.234")
    assert {q["file"] for q in source.quarantine()} == {"alone.csv", "both.csv"}
    assert all("ambiguous" in q["reason"] for q in source.quarantine())


def test_a_rejected_row_of_the_reader_is_counted_as_read(source):
    rejected = RejectedRow("person", "a.csv", 3, None, "{broken", "not JSON", "{broken")
    source.land(rows("person", [{"person_id": "1"}]), rejected, FileRead("a.csv", "s"))
    counts = source.counts["person"]
    assert (counts.rows_read, counts.rows_loaded, counts.rows_quarantined, counts.files_read) == (2, 1, 1, 1)
    assert source.quarantine()[0]["value_masked"] == "{***"


def test_a_refused_file_contributes_nothing(source):
    source.land(
        rows("person", [{"person_id": "1"}, {"person_id": None}], "bad.csv"),
        RejectedRow("person", "bad.csv", 9, None, "x", "broken"),
        FileRefused("person", "bad.csv", "sha-bad", "cut off", line=9),
        *file_of("person", [{"person_id": "2"}], "good.csv"),
    )
    assert [r["person_id"] for r in source.loaded("person")] == ["2"]
    (refused,) = source.quarantine()
    assert (refused["kind"], refused["file"], refused["line"], refused["reason"]) == (
        "file",
        "bad.csv",
        9,
        "cut off",
    )
    counts = source.counts["person"]
    assert (counts.files_read, counts.files_refused, counts.rows_read) == (1, 1, 1)


def test_members_of_a_zip_share_its_fate(source):
    source.land(
        rows("person", [{"person_id": "1"}], "a.zip/person.csv"),
        rows("item", [{"order_id": "1", "line_no": "1"}], "a.zip/item.csv"),
        FileRefused("item", "a.zip", "sha-a", "cut off"),
        rows("person", [{"person_id": "2"}], "b.zip/person.csv"),
        rows("item", [{"order_id": "2", "line_no": "1"}], "b.zip/item.csv"),
        FileRead("b.zip", "sha-b"),
    )
    assert [r["_source_file"] for r in source.loaded("person") + source.loaded("item")] == [
        "b.zip/person.csv",
        "b.zip/item.csv",
    ]


def test_a_large_file_spills_and_is_still_taken_as_a_whole(source, monkeypatch):
    monkeypatch.setattr(landing_module, "BUFFER_BYTES", 2_000)
    big = [rows("person", [{"person_id": f"{n}-{i}"} for i in range(200)], "big.csv") for n in range(5)]
    bad = [rows("person", [{"person_id": None}], "big.csv", 5000)]
    source.land(*big, *bad, FileRefused("person", "big.csv", "s1", "cut off"))
    assert source.loaded("person") == []
    assert [q["kind"] for q in source.quarantine()] == ["file"]
    source.land(*big, *bad, FileRead("big.csv", "s2"), *file_of("person", [{"person_id": "small"}]))
    assert len(source.loaded("person")) == 1001
    assert source.counts["person"].rows_quarantined == 1
    assert len(list((source.root / "000002" / "person").iterdir())) == 2


def test_nothing_new_writes_nothing(source):
    assert source.land() is None
    assert source.land(Notice("nothing there")) is None
    assert source.tree() == {}


def test_a_table_without_contract_is_a_programming_error(source):
    with pytest.raises(ValueError, match="no contract"):
        source.land(rows("nonsense", [{"a": "1"}]))
    assert source.tree() == {}


def test_a_reader_that_fails_leaves_nothing(source):
    class Down(SourceUnavailable):
        pass

    def run():
        with Landing(source.root, "test", TABLES, "Europe/Berlin", date(2026, 1, 1)) as landing:
            for message in file_of("person", [{"person_id": "1"}]):
                landing.receive(message)
            raise Down("connection lost")

    with pytest.raises(Down):
        run()
    assert source.tree() == {}


def test_what_an_interrupted_run_left_is_removed_and_read_again(source):
    left = source.root / ".tmp-000001" / "person"
    left.mkdir(parents=True)
    (left / "part-00000.parquet").write_bytes(b"half")
    manifest = source.land(*file_of("person", [{"person_id": "1"}]))
    assert manifest.load_id == "000001"
    assert not list(source.root.glob(".tmp-*"))
    assert len(source.loaded("person")) == 1


def test_the_same_input_gives_the_same_files(tmp_path):
    messages = [
        *file_of("person", [{"person_id": str(i), "amount": "1,5"} for i in range(50)]),
        *file_of("person", [{"person_id": str(i), "amount": "2,5"} for i in range(40, 60)], "b.csv"),
    ]
    one, other = Source(tmp_path / "1"), Source(tmp_path / "2")
    one.land(*messages)
    other.land(*messages)
    assert one.tree() == other.tree()


def test_manifest_and_state(source):
    source.land(*file_of("person", [{"person_id": "1"}], "a.csv", "sha-a"), Notice("told"))
    source.land(FileRefused("person", "b.csv", "sha-b", "no header"))
    source.land(FileRefused("person", "c.csv", "", "changed while read"))
    loads = manifests(source.root)
    assert [m.load_id for m in loads] == ["000001", "000002", "000003"]
    assert loads[0].notices == ("told",)
    assert loads[0].as_of == "2026-01-01"
    assert source_state(loads).known_files == {"sha-a", "sha-b"}, "a file without hash is tried again"


field_values = st.sampled_from(
    [None, "", "x", "1", "-5", "1,5", "1.234", "31.02.2024", "01.02.2000", "a", "b"]
)
records = st.lists(
    st.fixed_dictionaries({field.name: field_values for field in PERSON.fields}), min_size=0, max_size=30
)


@settings(max_examples=40, deadline=None)
@given(st.lists(records, min_size=1, max_size=3), st.integers(0, 5), st.booleans())
def test_read_is_loaded_plus_quarantined_whatever_arrives(tmp_path_factory, batches, rejected, refused):
    source = Source(tmp_path_factory.mktemp("any"))
    messages = []
    for number, batch in enumerate(batches):
        messages += file_of("person", batch, f"{number}.csv")
    messages += [RejectedRow("person", "r.csv", i, None, "v", "broken") for i in range(rejected)]
    messages += [rows("person", [{"person_id": "lost"}], "no.csv")]
    messages += [FileRefused("person", "no.csv", "s", "cut off") if refused else FileRead("no.csv", "s")]
    source.land(*messages)
    counts = source.counts["person"]
    arrived = sum(map(len, batches)) + rejected + (0 if refused else 1)
    assert counts.rows_read == arrived
    loaded, bad = source.loaded("person"), [q for q in source.quarantine() if q["kind"] == "row"]
    assert counts.rows_loaded == len(loaded)
    assert counts.rows_quarantined == len(bad)
    assert len(loaded) + len(bad) == arrived
    keys = [row["person_id"] for row in loaded]
    assert len(keys) == len(set(keys))
