"""Exports: who is in the files, what is told about them, when they are written again."""

import json
import os
import stat
from datetime import date

import duckdb
import pytest
from mailing_sync import rows_of, sync

from exports.run import export
from stammkunde.errors import ConfigError, UserError
from stammkunde.files import sha256_of

AS_OF = date(2026, 11, 20)


def test_only_consenting_customers_are_exported(home, publish_customers):
    publish_customers()
    result = export("consented_customers", home, AS_OF)
    assert result.rows_exported == 1 and result.written
    held_back = {reason: count for reason, count in result.excluded.items() if count}
    assert held_back == {"no_record": 1, "withdrawn": 1, "unknown": 1, "filtered": 2}
    text = (result.path / "consented_customers.csv").read_text(encoding="utf-8")
    assert text == (
        "customer_id,salutation,title,first_name,last_name,company,email,postal_code,city,country,"
        "lifecycle_stage,segment,value_class\n"
        "c_1,,,,Müller,,anna@example.org,,,,,champions,A\n"
    )
    assert (
        result.path
        == home.exports / "consented_customers" / (home.exports / "consented_customers/latest").readlink()
    )


def test_manifest_tells_counts_and_hashes_and_nobody(home, publish_customers):
    publish_customers()
    result = export(sync(), home, AS_OF)
    text = (result.path / "manifest.json").read_text(encoding="utf-8")
    manifest = json.loads(text)
    assert manifest["published_version"] == result.published_version == home.published_database.resolve().stem
    assert (manifest["sync"], manifest["as_of"], manifest["rows"]) == ("mailing", "2026-11-20", 3)
    assert manifest["excluded"] == result.excluded
    assert {f["name"]: f["sha256"] for f in manifest["files"]} == {
        name: sha256_of(result.path / name) for name in ("mailing.csv", "mailing.parquet")
    }
    assert "Müller" not in text and "example.org" not in text and "c_1" not in text


def test_files_are_private(home, publish_customers):
    publish_customers()
    before = os.umask(0)
    result = export(sync(), home, AS_OF)
    os.umask(before)
    for path in result.path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for directory in (result.path, result.path.parent):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_parquet_holds_the_same_rows_with_their_types(home, publish_customers):
    publish_customers()
    mapping = {
        "customer_id": "id",
        "source_systems": "systems",
        "first_seen_at": "seen",
        "balance_amount": "balance",
    }
    result = export(sync(mapping=mapping), home, AS_OF)
    rows = duckdb.sql(f"select id, systems, balance from '{result.path}/mailing.parquet'").fetchall()
    assert [r[0] for r in rows] == ["c_1", "c_5", "c_6"] and rows[0][1] == ["shop", "webshop"]
    assert rows_of(result)[0] == {
        "id": "c_1", "systems": "shop|webshop", "seen": "2025-01-02T03:04:05Z", "balance": "-5.50",
    }  # fmt: skip


def test_withdrawn_consent_removes_the_customer_and_the_old_file(home, publish_customers):
    publish_customers()
    first = export(sync(), home, AS_OF)
    publish_customers(
        consents=[("c_1", "email", "marketing", "withdrawn"), ("c_4", "email", "marketing", "granted")]
    )
    second = export(sync(), home, AS_OF)
    assert [r["id"] for r in rows_of(second)] == ["c_4"]
    assert (second.added, second.changed, second.removed) == (1, 0, 3)
    assert not first.path.exists()


def test_differences_are_counted(home, publish_customers):
    publish_customers()
    assert export(sync(), home, AS_OF).added == 3
    publish_customers(customers=[
        ("c_1", "Maier", "anna@example.org", None, False), ("c_5", "Ohne Adresse", None, None, False),
    ])  # fmt: skip
    result = export(sync(), home, AS_OF)
    assert (result.added, result.changed, result.removed) == (0, 1, 1)


def test_same_rows_are_not_written_again(home, publish_customers):
    publish_customers()
    first = export(sync(), home, AS_OF)
    stamps = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in first.path.iterdir()}
    second = export(sync(), home, AS_OF)
    assert (second.written, second.added, second.changed, second.removed) == (False, 0, 0, 0)
    assert {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in second.path.iterdir()} == stamps


def test_same_rows_of_a_later_day_renew_the_manifest_only(home, publish_customers):
    publish_customers()
    first = export(sync(), home, AS_OF)
    stamp = (first.path / "mailing.csv").stat().st_mtime_ns
    publish_customers(as_of=date(2026, 11, 21))
    second = export(sync(), home, date(2026, 11, 21))
    manifest = json.loads((second.path / "manifest.json").read_text())
    assert not second.written and (second.path / "mailing.csv").stat().st_mtime_ns == stamp
    assert manifest["as_of"] == "2026-11-21" and manifest["published_version"] == second.published_version


def test_damaged_file_is_written_again(home, publish_customers):
    publish_customers()
    first = export(sync(), home, AS_OF)
    (first.path / "mailing.csv").write_text("tampered")
    second = export(sync(), home, AS_OF)
    assert second.written and len(rows_of(second)) == 3


def test_empty_consent_exports_nobody_and_says_so(home, publish_customers):
    publish_customers(consents=[])
    result = export(sync(), home, date(2026, 11, 22))
    assert result.rows_exported == 0 and rows_of(result) == []
    assert result.notices == (
        "the published database is of 2026-11-20, not of 2026-11-22", "no customer may be exported",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "customers"}, "model: there is no mart 'customers'; did you mean 'customer'?"),
        (
            {"mapping": {"customer_id": "id", "e_mail": "email"}},
            "mapping: customer has no column 'e_mail'; did you mean 'email'?",
        ),
        (
            {"filter": [{"column": "junk", "equals": False}]},
            "filter: customer has no column 'junk'; did you mean 'is_junk'?",
        ),
        ({"key": "is_junk", "mapping": {"is_junk": "junk"}}, "key: 'is_junk' is empty or repeated in 1 rows"),
        ({"key": "phone", "mapping": {"phone": "phone"}}, "key: 'phone' is empty or repeated in 2 rows"),
    ],
)  # fmt: skip
def test_sync_that_does_not_fit_the_tables_is_explained(home, publish_customers, changes, message):
    publish_customers()
    with pytest.raises(ConfigError) as caught:
        export(sync(**changes), home, AS_OF)
    assert f"sync mailing: {message}" in str(caught.value)


def test_filters(home, publish_customers):
    publish_customers()

    def ids(*conditions) -> list[str]:
        return [r["id"] for r in rows_of(export(sync(filter=list(conditions)), home, AS_OF))]

    assert ids({"column": "email", "present": True}) == ["c_1", "c_6"]
    assert ids({"column": "is_junk", "equals": True}) == ["c_6"]
    assert ids(
        {"column": "last_name", "one_of": ["Müller", "Test"]}, {"column": "is_junk", "equals": False}
    ) == ["c_1"]


def test_nothing_published_is_a_clear_error(home):
    with pytest.raises(UserError, match="nothing is published yet"):
        export(sync(), home, AS_OF)
