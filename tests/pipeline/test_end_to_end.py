"""The main job on the demo's real source systems: a database server, an API, tills, files."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import duckdb
import pytest
from installation import STAMMKUNDE, Installation, new_demo

pytestmark = pytest.mark.slow

CONTRACT = [
    *("customer", "customer_identity", "customer_id_history", "customer_attribute", "household", "account"),
    *("sale", "sale_line", "touchpoint", "consent", "customer_metrics", "lifecycle_event"),
    *("customer_segment", "customer_clv", "customer_churn", "lead_score", "recommendation"),
    *("model_report", "data_quality", "customer_360"),
]
KILLS = int(os.environ.get("STAMMKUNDE_TEST_KILLS", "4"))


@pytest.fixture
def published(demo: Installation) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(demo.home.published_database), read_only=True)


@pytest.mark.parametrize("table", CONTRACT)
def test_every_table_of_the_contract_has_rows(published: duckdb.DuckDBPyConnection, table: str) -> None:
    row = published.execute(f"select count(*) from marts.{table}").fetchone()
    assert row is not None and row[0] > 0


def test_every_source_record_has_exactly_one_customer(published: duckdb.DuckDBPyConnection) -> None:
    records, distinct, assigned = published.execute(
        "select count(*), count(distinct (source_system, source_record_id)), count(customer_id)"
        " from marts.customer_identity"
    ).fetchall()[0]
    assert records == distinct == assigned > 0
    assert published.execute(
        "select count(*) from marts.customer_identity i left join marts.customer c using (customer_id)"
        " where c.customer_id is null"
    ).fetchall() == [(0,)]


def test_identity_is_precise_on_the_demos_truth(
    demo: Installation, published: duckdb.DuckDBPyConnection
) -> None:
    truth = demo.home.demo / "truth" / "records.parquet"
    right, wrong = published.execute(
        f"""
        with record as (
            select
                customer_id,
                source_system || source_record_id as record_id,
                -- A test record is nobody else's.
                coalesce(person_id, company_id, source_system || source_record_id) as truth_id
            from marts.customer_identity
            join read_parquet('{truth}') using (source_system, source_record_id)
        )
        select
            count(*) filter (where a.truth_id = b.truth_id),
            count(*) filter (where a.truth_id <> b.truth_id)
        from record as a
        join record as b on a.customer_id = b.customer_id and a.record_id < b.record_id
        """
    ).fetchall()[0]
    assert right > 100
    assert right / (right + wrong) >= 0.97


def test_read_is_loaded_plus_quarantined_in_every_load(demo: Installation) -> None:
    manifests = [json.loads(p.read_text()) for p in demo.home.landing.glob("*/*/manifest.json")]
    assert len(manifests) >= 5
    with duckdb.connect(str(demo.home.warehouse), read_only=True) as warehouse:
        broken = warehouse.execute(
            "select * from raw.ingestion_load where rows_read <> rows_loaded + rows_quarantined"
        ).fetchall()
        quarantined = warehouse.execute("select count(*) from raw.quarantine").fetchall()[0][0]
    assert broken == []
    assert quarantined > 0, "the demo's dirty rows must be in quarantine"


def test_only_consented_customers_are_exported(
    demo: Installation, published: duckdb.DuckDBPyConnection
) -> None:
    file = demo.home.exports / "consented_customers" / "latest" / "consented_customers.parquet"
    leaked = published.execute(
        f"""
        select count(*) from read_parquet('{file}') as e
        where not exists (
            select 1 from marts.consent as c
            where c.customer_id = e.customer_id and c.channel = 'email' and c.purpose = 'marketing'
              and c.status = 'granted'
        )
        """
    ).fetchall()[0][0]
    assert leaked == 0


def test_a_second_run_changes_nothing_and_lands_nothing(demo: Installation) -> None:
    before, landed = demo.hashes(), demo.landed()
    result = demo.must("run")
    assert "nothing new" in result.stdout
    assert demo.hashes() == before
    assert demo.landed() == landed


def test_building_again_from_the_same_loads_gives_the_same_rows(demo: Installation) -> None:
    before = demo.hashes()
    (demo.home.root / "last_build.json").unlink()
    demo.must("run")
    assert demo.hashes() == before


def test_killed_runs_leave_no_trace(demo: Installation, tmp_path: Path) -> None:
    """Kill -9 at random moments, then run: the same tables as an undisturbed run."""
    seed = int(os.environ.get("STAMMKUNDE_TEST_SEED", "20261121"))
    moments = random.Random(seed)
    victim = new_demo(tmp_path / "home")
    print(f"seed {seed}, {KILLS} kills")
    for _ in range(KILLS):
        process = subprocess.Popen(
            [STAMMKUNDE, "run"], env=victim.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        time.sleep(moments.uniform(1, 45))
        if moments.random() < 0.5:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
    victim.must("run")
    assert victim.hashes() == demo.hashes()


def test_a_source_that_is_away_fails_clearly_and_the_next_run_repairs(tmp_path: Path) -> None:
    leads = tmp_path / "leads"
    leads.mkdir()
    (leads / "a.jsonl").write_text(
        '{"lead_id": "L1", "captured_at": "2026-01-02T10:00:00Z", "source": "form", "last_name": "Müller",'
        ' "email": "a.mueller@example.org"}\n'
    )
    config = tmp_path / "stammkunde.yml"
    away = "as_of: 2026-06-01\nsources:\n  leads: {path: leads}\n  branch: {url: 'sqlite:///erp.db'}\n"
    config.write_text(away.replace("erp.db", str(tmp_path / "missing" / "erp.db")))
    from stammkunde.home import Home

    installation = Installation(Home(tmp_path / "home"))
    failed = installation.call("run", "--config", str(config))
    assert failed.returncode == 1
    assert "branch" in failed.stderr
    assert "Traceback" not in failed.stderr
    config.write_text("as_of: 2026-06-01\nsources:\n  leads: {path: leads}\n")
    installation.must("run", "--config", str(config))
    with duckdb.connect(str(installation.home.published_database), read_only=True) as published:
        assert published.execute("select last_name, is_customer from marts.customer").fetchall() == [
            ("Müller", False)
        ]
