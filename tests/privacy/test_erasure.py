"""After an erasure nothing is left, nothing comes back, nobody else has lost anything."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from privacy_world import ANNA, AS_OF, BERT, NAME, NOW, POSTAL_CODE, SECRETS, STREET, World, write_sources

import privacy.erase as erasing
from exports.deletions import read_deletions
from exports.run import export
from ingestion.state import manifests
from privacy.erase import erase, plan_erasure, resume
from privacy.key import Key
from privacy.person import find_customers
from privacy.plan import open_plans
from privacy.pseudonyms import PSEUDONYMISED, write_pseudonymised
from stammkunde.errors import UserError
from stammkunde.versions import versions


def everything(world: World) -> str:
    """All that the home holds as text, decompressed, one row a line, in lower case."""
    lines = []
    for path in sorted(p for p in world.home.root.rglob("*") if p.is_file() and not p.is_symlink()):
        lines.append(path.read_bytes().decode("latin-1"))
        if path.suffix == ".parquet":
            lines += [str(row) for row in pq.read_table(path).to_pylist()]
        if path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as connection:
                for schema, table in connection.execute(
                    "select schema_name, table_name from duckdb_tables() where not internal"
                ).fetchall():
                    lines += map(str, connection.execute(f"from {schema}.{table}").fetchall())
    return "\n".join(lines).lower()


def assert_nothing_left(world: World) -> None:
    content = everything(world)
    assert "bert.biber@example.org" in content
    for secret in SECRETS:
        assert secret.lower() not in content
    named = [
        line
        for line in content.splitlines()
        if NAME.lower() in line and STREET.lower() in line and POSTAL_CODE in line
    ]
    assert named == []


def plan(world: World):
    with duckdb.connect(str(world.home.warehouse)) as connection:
        found = find_customers(connection, "DE", "email", " Anna.Adler@Example.org")
    assert found == (ANNA,)
    return plan_erasure(world.home, world.key, found, "DE", "Eva", "request", NOW)


def rows(world: World) -> dict[str, list]:
    return {
        "members": world.raw("select member_no from raw.shop__loyalty order by all"),
        "customers": world.raw("select customer_no from raw.branch__customer order by all"),
        "orders": world.raw("select order_no, customer_no from raw.branch__sales_order order by all"),
        "lines": world.raw("select order_no, net_amount::int from raw.branch__sales_order_line order by all"),
        "leads": world.raw("select lead_id, referred_by from raw.leads__leads order by all"),
        "mails": world.raw("select email from raw.touchpoints__mail_events order by all"),
        "tickets": world.raw("select ticket_id from raw.touchpoints__tickets order by all"),
        "web": world.raw("select visitor_id from raw.touchpoints__web_events order by all"),
        "rejected": world.raw("select count(*) from raw.quarantine"),
    }


EXPECTED = {
    "members": [("M2",)],
    "customers": [("4712",)],
    "orders": [("O1", None), ("O2", "4712")],
    "lines": [("O1", 10), ("O2", 20)],
    "leads": [("L2", None)],
    "mails": [("bert.biber@example.org",)],
    "tickets": [("T3",)],
    "web": [("v2",)],
    "rejected": [(1,)],
}


def test_everything_of_the_person_goes_and_nothing_else(world: World) -> None:
    for secret in SECRETS[:2]:
        assert secret in everything(world)
    before = [v.number for v in versions(world.home)]
    done = erase(world.home, world.key, plan(world))
    assert done.left == []
    assert_nothing_left(world)
    assert rows(world) == EXPECTED
    assert [v.number for v in versions(world.home)] == before
    with duckdb.connect(str(world.home.published_database), read_only=True) as connection:
        assert connection.execute(
            "select customer_id, net_amount from marts.sale order by all"
        ).fetchall() == [
            (BERT, 20),
            (None, 10),
        ]
        assert connection.execute("select member_customer_ids from marts.household").fetchall() == [([BERT],)]
        assert connection.execute("select referred_by from marts.referral").fetchall() == [(None,)]
        assert ("erased", ANNA) in connection.execute(
            "select event, customer_id from marts.customer_id_history"
        ).fetchall()
        assert connection.execute("select version from meta.publication").fetchone() == (
            versions(world.home)[-1].name,
        )
    with duckdb.connect(str(world.home.warehouse), read_only=True) as connection:
        assert connection.execute("from staging.stg_branch__orders select order_no, customer_no order by all"
                                  ).fetchall() == EXPECTED["orders"]  # fmt: skip
        assert connection.execute(
            "select event, customer_id from identity.customer_id_event order by all"
        ).fetchall() == [("created", BERT), ("erased", ANNA)]
    assert "branch:4711" not in world.home.decisions.read_text()
    assert "branch:4712" in world.home.decisions.read_text()
    assert not (world.home.root / "last_build.json").exists()


@pytest.mark.parametrize("how", ["full", "touched", "reset"])
def test_the_original_files_do_not_bring_the_person_back(world: World, how: str) -> None:
    erase(world.home, world.key, plan(world))
    landed = {source: len(manifests(world.home.landing / source)) for source in ("branch", "leads")}
    world.ingest()
    assert {s: len(manifests(world.home.landing / s)) for s in landed} == landed, "nothing is read twice"
    if how == "touched":
        write_more = world.files / "leads" / "again.jsonl"
        write_more.write_text((world.files / "leads" / "l.jsonl").read_text() + "\n")
        world.ingest()
    elif how == "full":
        world.ingest(full=True)
    else:
        for source in world.home.landing.iterdir():
            for load in source.iterdir():
                load.rename(world.files / f"gone-{source.name}-{load.name}")
        write_sources_again(world)
        world.ingest()
    assert_nothing_left(world)
    found = rows(world)
    assert set(found["orders"]) == set(EXPECTED["orders"])
    assert set(found["leads"]) == set(EXPECTED["leads"])
    assert set(found["tickets"]) == set(EXPECTED["tickets"])
    counts = world.raw("select sum(rows_read - rows_loaded - rows_quarantined) from raw.ingestion_load")
    assert counts == [(0,)]


def write_sources_again(world: World) -> None:
    (world.files / "erp.db").unlink()
    write_sources(world.files)


def test_who_comes_back_later_is_a_new_customer(world: World) -> None:
    erase(world.home, world.key, plan(world))
    later = {"lead_id": "L9", "captured_at": "2027-01-01T10:00:00Z", "source": "form",
             "email": "anna.adler@example.org", "last_name": "Adler"}  # fmt: skip
    earlier = {**later, "lead_id": "L8", "captured_at": "2026-10-01T10:00:00Z"}
    same_record = {**later, "lead_id": "L1"}
    lines = [json.dumps(row) + "\n" for row in (later, earlier, same_record)]
    (world.files / "leads" / "later.jsonl").write_text("".join(lines))
    world.ingest()
    assert world.raw("select lead_id from raw.leads__leads order by all") == [("L2",), ("L9",)]
    assert world.raw("select sum(rows_erased) from raw.ingestion_load where load_id = '000002'") == [(2,)]


STEPS = ["add_tombstones", "rewrite_landing", "rewrite_steward_files", "scrub", "compact",
         "rewrite_published", "rewrite_exports", "mask_logs", "search_home"]  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupted_erasure_is_finished_by_the_next_run(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    real = getattr(erasing, step)

    def killed(*arguments: object, **options: object) -> object:
        if when == "after":
            real(*arguments, **options)
        raise KeyboardInterrupt

    prepared = plan(world)
    monkeypatch.setattr(erasing, step, killed)
    with pytest.raises(KeyboardInterrupt):
        erase(world.home, world.key, prepared)
    monkeypatch.setattr(erasing, step, real)
    assert len(open_plans(world.home)) == 1
    (done,) = resume(world.home, world.key)
    assert done.left == []
    assert open_plans(world.home) == []
    assert_nothing_left(world)
    assert rows(world) == EXPECTED
    assert done.receipt["removed"]["landing rows"]["leads.leads"] == 1


def test_the_receipt_is_complete_and_names_no_one(world: World) -> None:
    export("consented_customers", world.home, AS_OF)
    done = erase(world.home, world.key, plan(world))
    receipt = json.loads(done.receipt_path.read_text())
    assert receipt["complete"] is True
    assert receipt["removed"]["landing rows"] == {
        "shop.loyalty": 1, "branch.customer": 1, "leads.leads": 1, "leads.quarantine": 1,
        "touchpoints.mail_events": 1, "touchpoints.tickets": 2, "touchpoints.web_events": 2,
    }  # fmt: skip
    kept = {entry["where"]: entry["rows"] for entry in receipt["kept"]}
    assert kept["landing branch.sales_order"] == 1
    assert kept["landing leads.leads"] == 1
    assert all(entry["why"] for entry in receipt["kept"])
    assert receipt["removed"]["exports"] == {"consented_customers": 1}
    assert receipt["sources"] == {"shop": 1, "branch": 1, "leads": 1}
    text = done.receipt_path.read_text().lower()
    assert not any(word in text for word in ("anna", "adler", "amselweg", "4711", "2345678"))
    (deletion,) = read_deletions(world.home)
    assert (deletion.sync, deletion.value, deletion.confirmed) == ("consented_customers", ANNA, False)
    exported = world.home.exports / "consented_customers" / "latest" / "consented_customers.parquet"
    assert pq.read_table(exported, columns=["customer_id"]).column(0).to_pylist() == [BERT]
    for path in (world.home.root / "privacy").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


def test_a_plan_alone_changes_nothing(world: World) -> None:
    before = everything(world)
    assert plan(world).survey["removed"]["leads.leads"] == 1
    after = everything(world)
    assert before.count("anna.adler@example.org") == after.count("anna.adler@example.org")


def test_another_key_does_not_let_the_erased_back_in(world: World) -> None:
    erase(world.home, world.key, plan(world))
    other = Key.of(world.home, {"STAMMKUNDE_SECRET_KEY": "another key of 32 characters ..."})
    with pytest.raises(UserError, match="another secret key"):
        erase(world.home, other, plan_erasure(world.home, other, (BERT,), "DE", "Eva", "request", NOW))


def test_the_pseudonymised_copy_is_rewritten(world: World) -> None:
    write_pseudonymised(world.home, world.key)
    copy = world.home.published / PSEUDONYMISED
    assert count(copy) == 2
    erase(world.home, world.key, plan(world))
    assert count(copy) == 1


def count(database: Path) -> int:
    with duckdb.connect(str(database), read_only=True) as connection:
        (number,) = connection.execute("select count(*) from marts.customer").fetchall()[0]
    return int(number)
