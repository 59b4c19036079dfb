"""One row per key: which row stays, what the others are told, and what is not landed twice."""

from __future__ import annotations

import pytest
from landings import Source, file_of

from ingestion.parts import Fingerprints


@pytest.fixture
def source(tmp_path):
    return Source(tmp_path)


def person(key, name="x", updated_at=None):
    return {"person_id": key, "name": name, "updated_at": updated_at}


def item(order, line, text="x"):
    return {"order_id": order, "line_no": str(line), "text": text}


def test_the_newest_version_of_a_key_stays(source):
    source.land(
        *file_of(
            "person",
            [
                person("1", "middle", "2024-02-01"),
                person("1", "new", "2024-03-01"),
                person("1", "old", "2024-01-01"),
                person("1", "undated"),
                person("2", "only"),
            ],
        )
    )
    assert [(r["person_id"], r["name"]) for r in source.loaded("person")] == [("1", "new"), ("2", "only")]
    bad = source.quarantine()
    assert [q["line"] for q in bad] == [2, 4, 5]
    assert {q["reason"] for q in bad} == {
        "duplicate key (person_id) with different content; kept: a.csv, line 3"
    }
    assert "middle" in bad[0]["row"]


def test_without_a_version_the_later_file_and_then_the_later_line_stays(source):
    source.land(
        *file_of("person", [person("1", "first"), person("2", "up"), person("2", "down")], "b.csv"),
        *file_of("person", [person("1", "second")], "a.csv"),
    )
    assert {r["person_id"]: r["name"] for r in source.loaded("person")} == {"1": "second", "2": "down"}


def test_exact_duplicates_are_named_as_such(source):
    source.land(*file_of("person", [person("1"), person("1"), person("2")]))
    assert len(source.loaded("person")) == 2
    assert [q["reason"] for q in source.quarantine()] == ["exact duplicate of a.csv, line 3"]
    counts = source.counts["person"]
    assert (counts.rows_read, counts.rows_loaded, counts.rows_quarantined) == (3, 2, 1)


def test_a_group_in_two_files_is_taken_from_the_newest_as_a_whole(source):
    source.land(
        *file_of(
            "item", [item("A", 1), item("A", 2, "wrong"), item("A", 3, "gone"), item("B", 1)], "old.csv"
        ),
        *file_of("item", [item("A", 1), item("A", 2, "right")], "new.csv"),
    )
    kept = {(r["order_id"], r["line_no"], r["text"], r["_source_file"]) for r in source.loaded("item")}
    assert kept == {("A", 1, "x", "new.csv"), ("A", 2, "right", "new.csv"), ("B", 1, "x", "old.csv")}
    assert [q["reason"] for q in source.quarantine()] == [
        "exact duplicate of new.csv, line 2",
        "superseded: new.csv is newer and delivers the same order_id again",
        "superseded: new.csv is newer and delivers the same order_id again",
    ]


def test_nulls_in_a_key_are_equal(source):
    prices = [{"product": "1", "price": "1"}, {"product": "1", "price": "2"}, {"product": "1", "region": "N"}]
    source.snapshot("price", prices)
    assert [(r["product"], r["region"], str(r["price"])) for r in source.loaded("price")] == [
        ("1", None, "2.0000"),
        ("1", "N", "None"),
    ]


def test_duplicate_keys_in_separate_parts_are_found(source, monkeypatch):
    monkeypatch.setattr("ingestion.landing.ROW_GROUP_ROWS", 3)
    batches = [file_of("person", [person(str(n)), person("same", str(n))], f"{n}.csv") for n in range(4)]
    source.land(*[message for batch in batches for message in batch])
    assert [r["name"] for r in source.loaded("person") if r["person_id"] == "same"] == ["3"]
    assert source.counts["person"].rows_quarantined == 3


def test_without_duplicates_nothing_is_suspicious():
    import numpy as np

    unique = Fingerprints([np.array([3, 1], np.uint64), np.array([2], np.uint64)])
    assert not unique.suspicious()
    assert Fingerprints([np.array([3, 1], np.uint64), np.array([1], np.uint64)]).suspicious()
    one_file = [np.array([7, 8, 7], np.uint64)], [np.array([0, 0, 0])]
    two_files = [np.array([7, 8, 7], np.uint64)], [np.array([0, 0, 1])]
    keys = [np.array([1, 2, 3], np.uint64)]
    assert not Fingerprints(keys, *one_file).suspicious()
    assert Fingerprints(keys, *two_files).suspicious()
    assert not Fingerprints().suspicious()


# -- read by watermark -------------------------------------------------------------------------------------


def test_rows_of_a_watermark_that_are_held_already_are_not_landed(source):
    old = [person("1", "a", "2024-01-01"), person("2", "b", "2024-01-02")]
    assert source.snapshot("person", old, "2024-01-02")
    assert source.snapshot("person", old[1:], "2024-01-02") is None
    assert source.counts["person"].seen_again == 1
    load = source.snapshot("person", [old[1], person("3", "c", "2024-01-03")], "2024-01-03")
    assert load.load_id == "000002"
    counts = source.counts["person"]
    assert (counts.rows_read, counts.rows_loaded, counts.seen_again) == (1, 1, 1)
    assert load.watermarks == {"person": "2024-01-03T00:00:00"}


def test_a_row_that_returns_to_an_older_content_is_landed(source):
    for name in ("a", "b", "a"):
        assert source.snapshot("person", [person("1", name)])
    assert source.snapshot("person", [person("1", "a")]) is None
    assert [r["name"] for r in source.loaded("person")] == ["a", "b", "a"]


def test_a_changed_line_lands_its_whole_group(source):
    first = [item("A", 1), item("A", 2), item("B", 1)]
    source.snapshot("item", first)
    assert source.snapshot("item", first) is None
    source.snapshot("item", [item("A", 1), item("A", 2, "new"), item("B", 1)])
    assert [(r["order_id"], r["line_no"]) for r in source.loaded("item", "000002")] == [("A", 1), ("A", 2)]
    source.snapshot("item", [item("A", 1), item("B", 1)])
    assert [(r["order_id"], r["line_no"]) for r in source.loaded("item", "000003")] == [("A", 1)]


def test_full_lands_everything_again(source):
    source.snapshot("person", [person("1")])
    from landings import rows

    assert source.land(rows("person", [person("1")], "test.person"), full=True).load_id == "000002"
    assert source.counts["person"].rows_loaded == 1


def test_a_bad_row_at_the_watermark_is_reported_once(source):
    bad = [{"person_id": "1", "birth_date": "31.02.2024"}]
    assert source.snapshot("person", bad)
    assert source.snapshot("person", bad) is None
    assert source.counts["person"].seen_again == 1
    assert source.snapshot("person", [*bad, person("2")]).load_id == "000002"
    assert not (source.root / "000002" / "quarantine.parquet").exists()
    assert source.counts["person"].rows_quarantined == 0


# -- snapshots ---------------------------------------------------------------------------------------------


def price(product, amount):
    return {"product": product, "region": "N", "price": amount}


def test_an_unchanged_snapshot_is_not_landed_and_a_changed_one_whole(source):
    assert source.snapshot("price", [price("1", "1"), price("2", "2")])
    assert source.snapshot("price", [price("2", "2"), price("1", "1")]) is None
    assert source.snapshot("price", [price("1", "1"), price("2", "3")])
    assert len(source.loaded("price", "000002")) == 2
    assert source.snapshot("price", [price("1", "1")])
    assert len(source.loaded("price", "000003")) == 1


def test_a_snapshot_with_a_lasting_bad_row_is_landed_once(source):
    rows_with_bad = [price("1", "-1"), price("2", "2")]
    assert source.snapshot("price", rows_with_bad)
    assert source.snapshot("price", rows_with_bad) is None
    assert source.snapshot("price", [price("1", "1"), price("2", "2")])
    assert source.snapshot("price", rows_with_bad).load_id == "000003"
