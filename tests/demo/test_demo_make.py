"""The demo as a whole: the same parameters give the same files, and the sources agree with each other."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from pathlib import Path

import duckdb
import psycopg
import pyarrow.parquet as pq
import pytest
import vobject

from ingestion.demo import servers
from ingestion.demo.make import make_demo
from ingestion.demo.rates import ErrorRates
from ingestion.sources.webshop.contract import TABLES as WEBSHOP
from stammkunde.config import ShopwareWebshop, load_config
from stammkunde.errors import UserError

OWN = {"secrets.env", "servers.json"}


def fingerprint(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in OWN and "postgres" not in path.relative_to(folder).parts
    }


def database_content(connection: psycopg.Connection) -> dict[str, str]:
    tables = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
    ).fetchall()
    return {
        name: str(
            connection.execute(
                f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t"
            ).fetchone()
        )
        for (name,) in tables
    }  # fmt: skip


def test_the_same_parameters_give_the_same_demo(demo, branch_database, new_home) -> None:
    home = new_home("other")
    make_demo(home, customers=400)
    assert fingerprint(home.demo) == fingerprint(demo.path)
    cards = sorted((demo.path / "leads").glob("*.vcf"))
    assert cards and all(p.stat().st_mtime == (home.demo / "leads" / p.name).stat().st_mtime for p in cards)
    server = servers.postgres(home)
    server.start()
    try:
        with psycopg.connect(server.connection_string()) as connection:
            assert database_content(connection) == database_content(branch_database)
    finally:
        server.stop()
    found = make_demo(home, customers=400)
    assert found.reused and found.customers == 400
    before = fingerprint(home.demo)
    rebuilt = make_demo(home, customers=60, seed=2)
    assert not rebuilt.reused and fingerprint(home.demo) != before
    assert json.loads((home.demo / "demo.json").read_text())["parameters"]["customers"] == 60
    assert not list(home.root.glob(".demo.*"))


def test_a_tiny_world_and_one_without_errors_work(new_home) -> None:
    tiny = make_demo(new_home("tiny"), customers=10)
    assert tiny.source_records >= 10
    clean = make_demo(new_home("clean"), customers=50, rates=ErrorRates.none())
    assert clean.source_records >= 50
    with pytest.raises(UserError, match="at least 10"):
        make_demo(new_home("none"), customers=3)


def test_an_interrupted_build_leaves_the_old_demo(new_home, monkeypatch) -> None:
    home = new_home("home")
    make_demo(home, customers=20)
    before = fingerprint(home.demo)

    def full_disk(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr("ingestion.demo.make.write_leads", full_disk)
        make_demo(home, customers=30)
    assert fingerprint(home.demo) == before
    make_demo(home, customers=30)
    assert not list(home.root.glob(".demo.*"))


def test_the_configuration_is_valid_and_holds_no_secret(demo) -> None:
    servers.load_secrets(demo.home)
    config = load_config(demo.path / "stammkunde.yml")
    assert config.demo and config.as_of is not None and config.as_of.isoformat() == "2026-11-01"
    assert config.sources.shop is not None and config.sources.shop.dsfinvk == demo.path / "tills"
    assert isinstance(config.sources.webshop, ShopwareWebshop)
    secret = config.sources.webshop.client_secret.get_secret_value()
    assert len(secret) > 30 and secret not in (demo.path / "stammkunde.yml").read_text()
    assert (demo.path / "secrets.env").stat().st_mode & 0o777 == 0o600


def test_truth_covers_every_source_record(demo, branch_database) -> None:
    truth = duckdb.sql(
        f"SELECT source_system, source_record_id, person_id FROM '{demo.path}/truth/records.parquet'"
    )
    known: dict[str, set[str]] = {}
    for system, record, _ in truth.fetchall():
        assert record not in known.setdefault(system, set())
        known[system].add(record)
    members: list[str] = []
    for name, encoding in (("mitglieder_neu.csv", "utf-8-sig"), ("mitglieder_alt.csv", "cp1252")):
        text = (demo.path / "loyalty" / name).read_bytes().decode(encoding)
        members += [row["member_no"] for row in csv.DictReader(io.StringIO(text), delimiter=";")]
    assert sorted(members) == sorted(known["shop"])
    customers = [r[0] for r in branch_database.execute("SELECT customer_no FROM customer").fetchall()]
    assert sorted(customers) == sorted(known["branch"])
    accounts = pq.read_table(demo.path / "webshop" / "customers.parquet")["customer_id"].to_pylist()
    assert sorted(accounts) == sorted(known["webshop"])
    leads = [
        json.loads(line)["lead_id"]
        for path in (demo.path / "leads").glob("*.jsonl")
        for line in path.read_text().splitlines()
        if not line.endswith("2026-01-")
    ]
    text = (demo.path / "leads" / "messen_und_empfehlungen.csv").read_text()
    leads += [row["lead_id"] for row in csv.DictReader(io.StringIO(text), delimiter=";")]
    for path in (demo.path / "leads").glob("*.vcf"):
        for card in vobject.readComponents(path.read_text()):
            leads.append(f"vcf_{hashlib.sha256(card.uid.value.encode()).hexdigest()[:16]}")
    assert sorted(leads) == sorted(known["leads"])
    nobody = {r for s, r, p in truth.fetchall() if p is None}
    names = branch_database.execute(
        "SELECT customer_no, last_name FROM customer WHERE customer_no = ANY(%s)", [list(nobody)]
    ).fetchall()
    assert {n for _, n in names} <= {"Laufkunde", "Test", "Barverkauf", "Diverse"} and len(names) == len(
        nobody
    )


def test_truth_knows_persons_and_behaviour(demo) -> None:
    orphans = duckdb.sql(
        f"SELECT count(*) FROM '{demo.path}/truth/records.parquet' r "
        f"ANTI JOIN '{demo.path}/truth/persons.parquet' p USING (person_id) WHERE r.person_id IS NOT NULL"
    ).fetchall()
    assert orphans == [(0,)]
    rows = duckdb.sql(
        "SELECT count(*), count(alive_until), "
        "count(*) FILTER (WHERE first_purchase_date > last_purchase_date OR net_amount > gross_amount), "
        "count(*) FILTER (WHERE is_alive = (alive_until IS NOT NULL)) "
        f"FROM '{demo.path}/truth/customers.parquet'"
    ).fetchall()[0]
    assert rows[0] > 200 and 0.2 < rows[1] / rows[0] < 0.9 and rows[2:] == (0, 0)


def test_branch_database_is_sound(branch_database) -> None:
    def count(query: str) -> int:
        row = branch_database.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    assert count("SELECT count(*) FROM sales_order") > 300
    unknown = count("SELECT count(*) FROM sales_order LEFT JOIN customer USING (customer_no) "
                    "WHERE customer.customer_no IS NULL")  # fmt: skip
    assert 1 <= unknown <= 3
    assert count("SELECT count(*) FROM sales_order_line LEFT JOIN sales_order o USING (order_no) "
                 "WHERE o.order_no IS NULL") == 0  # fmt: skip
    assert count("SELECT count(*) FROM sales_order_line l LEFT JOIN product p USING (product_no) "
                 "WHERE name IS NULL OR discount_amount < 0 OR quantity * net_amount <= 0") == 0  # fmt: skip
    assert count("SELECT count(*) FROM sales_order_line WHERE quantity < 0") > 0
    assert count("SELECT count(*) FROM sales_order LEFT JOIN sales_rep USING (sales_rep_id) "
                 "WHERE sales_rep.sales_rep_id IS NULL") == 0  # fmt: skip
    assert (
        count("SELECT count(*) FROM customer WHERE updated_at < created_at OR deleted_at > updated_at") == 0
    )
    assert count("SELECT count(*) FROM customer WHERE kind = 'company' AND vat_id IS NOT NULL") > 0
    assert count("SELECT count(*) FROM customer WHERE greatest(created_at, updated_at, deleted_at) "
                 ">= timestamptz '2026-11-01 00:00+00'") == 0  # fmt: skip
    assert count("SELECT count(*) FROM visit") > 0 and count("SELECT count(*) FROM territory") > 0
    assert count("SELECT count(*) FROM sales_target") % 36 == 0


@pytest.mark.parametrize("table", WEBSHOP, ids=lambda t: t.name)
def test_webshop_files_are_the_contract(demo, table) -> None:
    content = pq.read_table(demo.path / "webshop" / f"{table.name}.parquet")
    assert content.schema.equals(table.content_schema)
    assert content.num_rows > 0
    for field in table.fields:
        if field.required:
            assert content[field.name].null_count == 0


def test_webshop_orders_refer_to_customers_and_products(demo) -> None:
    shop = demo.path / "webshop"
    for child, parent, column in (
        ("orders", "customers", "customer_id"),
        ("order_lines", "orders", "order_id"),
        ("order_lines", "products", "product_no"),
    ):
        missing = duckdb.sql(
            f"SELECT count(*) FROM '{shop}/{child}.parquet' "
            f"ANTI JOIN '{shop}/{parent}.parquet' USING ({column})"
        ).fetchall()
        assert missing == [(0,)], (child, column)
    late = duckdb.sql(
        f"SELECT count(*) FROM '{shop}/orders.parquet' o "
        f"JOIN '{shop}/customers.parquet' c USING (customer_id) "
        "WHERE NOT c.is_guest AND o.ordered_at < c.created_at - INTERVAL 1 DAY"
    ).fetchall()
    assert late == [(0,)]


def test_dirty_input_is_there(demo) -> None:
    old = (demo.path / "loyalty" / "mitglieder_alt.csv").read_bytes().decode("cp1252")
    dates = [row["birth_date"] for row in csv.DictReader(io.StringIO(old), delimiter=";")]
    assert any(d in ("31.02.1980", "12.13.1975") for d in dates)
    broken = 0
    for path in (demo.path / "leads").glob("*.jsonl"):
        for line in path.read_text().splitlines():
            try:
                json.loads(line)
            except ValueError:
                broken += 1
    assert broken == 1


def test_touchpoints_are_in_the_world(demo) -> None:
    folder = demo.path / "touchpoints"
    events = duckdb.sql(
        f"SELECT event, count(*), min(ts), max(ts) FROM read_json('{folder}/mail_events_*.jsonl') GROUP BY 1"
    ).fetchall()
    kinds = {e[0] for e in events}
    assert {"sent", "delivered", "open", "click", "unsubscribe"} <= kinds
    assert all(str(e[2]) >= "2023-11" and str(e[3]) < "2026-11-01" for e in events)
    tickets = list(csv.DictReader(io.StringIO((folder / "tickets.csv").read_text()), delimiter=";"))
    assert {t["is_complaint"] for t in tickets} == {"0", "1"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", t["opened_at"]) for t in tickets)
    surveys = list(csv.DictReader(io.StringIO((folder / "surveys.csv").read_text()), delimiter=";"))
    assert {s["question"] for s in surveys} == {"nps", "csat"}
    assert all(0 <= int(s["score"]) <= (10 if s["question"] == "nps" else 5) for s in surveys)
