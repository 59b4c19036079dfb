"""The schema `raw`: typed views, loads, the quarantine and what has healed."""

from __future__ import annotations

import json

import duckdb
import pyarrow as pa
import pytest
from landings import AS_OF, file_of, rows

from ingestion import raw as raw_module
from ingestion.contracts import catalogue
from ingestion.extract import FileRead, FileRefused
from ingestion.landing import Landing
from ingestion.raw import open_quarantine, register_raw
from stammkunde.errors import UserError
from stammkunde.home import Home


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "it's home").create()


@pytest.fixture
def connection():
    return duckdb.connect()


def land(home, source, *messages):
    with Landing(home.landing / source, source, catalogue()[source], "Europe/Berlin", AS_OF) as landing:
        for message in messages:
            landing.receive(message)
        return landing.commit()


def member(number, **values):
    return {"member_no": number, "last_name": "Meier", **values}


def test_every_contract_table_is_a_typed_view_even_without_a_load(home, connection):
    register_raw(connection, home)
    for tables in catalogue().values():
        for table in tables.values():
            relation = connection.execute(f'select * from raw."{table.raw_name}"').to_arrow_table()
            assert relation.num_rows == 0
            assert relation.schema.equals(table.raw_schema), table.raw_name
    assert connection.execute("select count(*) from raw.ingestion_load").fetchone() == (0,)
    assert connection.execute("select count(*) from raw.quarantine").fetchone() == (0,)


def test_landed_rows_have_the_types_of_the_contract(home, connection):
    land(home, "shop", *file_of("loyalty", [member("1", birth_date="1.2.1980", consent_email="ja")]))
    land(home, "leads", *file_of("leads", [{"lead_id": "1", "captured_at": "2024-01-01", "source": "fair"}]))
    register_raw(connection, home)
    for source, name in (("shop", "loyalty"), ("leads", "leads")):
        table = catalogue()[source][name]
        landed = connection.execute(f"select * from raw.{table.raw_name}").to_arrow_table()
        assert landed.num_rows == 1
        assert landed.schema.equals(table.raw_schema)


def test_raw_holds_every_version_and_tells_the_loads(home, connection):
    land(home, "shop", *file_of("loyalty", [member("1")], "a.csv"))
    land(home, "shop", *file_of("loyalty", [member("1", city="Bonn"), member(None)], "b.csv"))
    register_raw(connection, home)
    versions = connection.execute("select _load_id, city from raw.shop__loyalty order by all").fetchall()
    assert versions == [("000001", None), ("000002", "Bonn")]
    loads = connection.execute("select * exclude (as_of_date, is_full) from raw.ingestion_load").fetchall()
    assert loads == [
        ("shop", "loyalty", "000001", 1, 0, 1, 1, 0, 0, 0),
        ("shop", "loyalty", "000002", 1, 0, 2, 1, 1, 0, 0),
    ]


def test_registering_twice_changes_nothing(home, connection):
    land(home, "shop", *file_of("loyalty", [member("1"), member(None)]))
    register_raw(connection, home)
    before = connection.execute("select * from raw.quarantine").fetchall()
    register_raw(connection, home)
    assert connection.execute("select * from raw.quarantine").fetchall() == before


def test_the_quarantine_shows_masked_values_only(home, connection):
    land(
        home, "shop", *file_of("loyalty", [member("1", birth_date="31.02.1980", email="geheim@example.org")])
    )
    register_raw(connection, home)
    (row,) = connection.execute("select * from raw.quarantine").fetchall()
    assert "geheim" not in str(row)
    assert "31.02" not in str(row)
    assert row[:3] == ("shop", "loyalty", "000001")


def test_a_good_file_of_the_same_name_heals(home, connection):
    land(home, "shop", FileRefused("loyalty", "a.csv", "cut", "cut off"))
    land(home, "shop", *file_of("loyalty", [member(None)], "b.csv"))
    register_raw(connection, home)
    assert open_quarantine(connection) == {"shop": 2}
    land(home, "shop", *file_of("loyalty", [member("1")], "a.csv", "whole"))
    register_raw(connection, home)
    healed = connection.execute("select file, healed_by_load_id from raw.quarantine order by all").fetchall()
    assert healed == [("a.csv", "000003"), ("b.csv", None)]
    assert open_quarantine(connection) == {"shop": 1}


def test_a_member_of_a_zip_heals_with_the_zip(home, connection):
    bad = rows("lines", [{"z_kasse_id": "1"}], "a.zip/lines.csv")
    land(home, "shop", bad, FileRead("a.zip", "s1"))
    land(home, "shop", FileRead("a.zip", "s2"))
    register_raw(connection, home)
    assert connection.execute("select file, line, healed_by_load_id from raw.quarantine").fetchall() == [
        ("a.zip/lines.csv", 2, "000002")
    ]


def test_a_database_row_heals_when_its_key_comes_again(home, connection):
    def customers(*records):
        return rows("customer", [{"kind": "person", **r} for r in records], "customer", 1)

    one, two = {"customer_no": "1", "birth_date": "31.02.2024"}, {"customer_no": "2", "birth_date": "x"}
    land(home, "branch", customers(one, two, {"customer_no": "3"}))
    land(home, "branch", customers({"customer_no": "1", "birth_date": "29.02.2024"}))
    land(home, "branch", customers({"customer_no": "3"}))
    register_raw(connection, home)
    healed = connection.execute("select line, healed_by_load_id from raw.quarantine order by all").fetchall()
    assert healed == [(1, "000002"), (2, None)]
    assert connection.execute("select count(*) from raw.branch__customer").fetchone() == (2,)


def test_a_snapshot_heals_as_a_whole(home, connection):
    def products(*prices):
        return rows(
            "product", [{"product_no": str(i), "list_price": p} for i, p in enumerate(prices)], "product"
        )

    land(home, "branch", products("-1", "-2"))
    land(home, "branch", products("-1", "2"))
    register_raw(connection, home)
    healed = connection.execute("select load_id, line, healed_by_load_id from raw.quarantine order by all")
    assert healed.fetchall() == [("000001", 2, "000002"), ("000001", 3, "000002"), ("000002", 2, None)]


def test_loads_from_before_a_column_was_in_the_contract_read_as_null(home, connection, monkeypatch):
    from dataclasses import replace

    from ingestion.contracts import Field

    land(home, "shop", *file_of("loyalty", [member("1")], "a.csv"))
    contracts = catalogue()
    loyalty = contracts["shop"]["loyalty"]
    wider = replace(loyalty, fields=(*loyalty.fields, Field("shoe_size", "integer")))
    contracts["shop"]["loyalty"] = wider
    monkeypatch.setattr(raw_module, "catalogue", lambda: contracts)
    register_raw(connection, home)
    assert connection.execute("select shoe_size from raw.shop__loyalty").fetchall() == [(None,)]
    with Landing(home.landing / "shop", "shop", contracts["shop"], "Europe/Berlin", AS_OF) as landing:
        for message in file_of("loyalty", [member("2", shoe_size="43")], "b.csv"):
            landing.receive(message)
        landing.commit()
    register_raw(connection, home)
    sizes = connection.execute("select shoe_size from raw.shop__loyalty order by member_no").fetchall()
    assert sizes == [(None,), (43,)]
    schema = connection.execute("select * from raw.shop__loyalty").to_arrow_table().schema
    assert schema.equals(wider.raw_schema)
    assert pa.types.is_int64(schema.field("shoe_size").type)


def test_a_damaged_manifest_is_named(home, connection):
    land(home, "shop", *file_of("loyalty", [member("1")]))
    manifest = home.landing / "shop" / "000001" / "manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(content)[:40])
    with pytest.raises(UserError, match=r"manifest\.json"):
        register_raw(connection, home)
