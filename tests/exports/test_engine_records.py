"""What is kept and told: private files, no values in records, logs and plans; the log in SQL; the
commands.
"""

import stat

import duckdb
import pytest
from engine_world import Person, World, crm_sync
from fakes.fake_crm import FakeCrm
from typer.testing import CliRunner

import dagster_project.cli as cli
from exports.destinations import registry
from exports.engine.destination import Row
from exports.engine.log import history_of, last_runs, register_log, rejected_rows
from exports.engine.masking import masked
from exports.engine.report import as_html, as_text, write_plan

SECRETS = ("Zwetlana", "zwetlana@quittenbaum.example", "Pfefferminzgasse")


@pytest.fixture
def world(home):
    with FakeCrm().serving() as crm:
        world = World(home, crm)
        world.have(
            "c_1", Person("c_2", SECRETS[0], SECRETS[2], email=SECRETS[1]), Person("c_3", consent=None)
        )
        yield world


def test_reasons_are_masked():
    row = Row(
        "c_1", SECRETS[1], fields={"first_name": SECRETS[0], "tags": [SECRETS[2]], "phone": "+49301234567"}
    )
    reason = masked(f"ZWETLANA: {SECRETS[1]} of {SECRETS[2]}, 0049 30 1234567, is like {'x@y.example'}", row)
    assert reason == "<first_name>: <identity> of <tags>, <number>, is like <address>"


def test_nothing_that_is_kept_for_people_to_read_holds_values(world, capfd):
    world.crm.refused_values = {SECRETS[1]}
    told = []
    plan = world.plan()
    write_plan(world.home, plan)
    result = world.apply(tell=lambda progress: told.append(str(progress)))
    assert result.rejected == 1
    kept = [path.read_bytes() for path in world.home.exports.rglob("*.parquet")]
    kept += [path.read_bytes() for path in (world.home.exports / "plans").iterdir()]
    kept += [
        text.encode() for text in (as_text(plan), as_html(plan), str(result), *told, *capfd.readouterr())
    ]
    kept += ["\n".join(rejected_rows(world.home, crm_sync())).encode()]
    assert len(kept) > 8
    for secret in SECRETS:
        assert not [content for content in kept if secret.encode().lower() in content.lower()], secret


def test_files_are_private(world):
    write_plan(world.home, world.plan())
    world.apply()
    files = [path for path in world.home.exports.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert [path.name for path in files if stat.S_IMODE(path.stat().st_mode) != 0o600] == []


def test_the_audit_is_append_only_and_says_who_was_sent_what(world):
    world.apply()
    world.have(Person("c_1", city="Ulm"))
    world.apply()
    lines = history_of(world.home, crm_sync(), "c_1")
    assert len(lines) == 2 and all("upsert  ok  200  t" in line for line in lines)
    assert "done, 1 of 2 customers" in last_runs(world.home, crm_sync())[0]
    import sqlite3

    with sqlite3.connect(world.home.exports / "crm.sqlite") as connection:
        for statement in ("delete from audit", "update audit set outcome = 'ok'"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)


def test_sql_sees_runs_contacts_and_rejections(world):
    world.crm.refused_values = {SECRETS[1]}
    world.apply()
    world.have(Person("c_1", city="Ulm"))
    world.apply()
    with duckdb.connect() as connection:
        assert register_log(connection, world.home) == [
            "sync_run", "sync_contact", "sync_rejected", "sync_waiting", "sync_audit",
        ]  # fmt: skip
        assert connection.execute(
            "select customer_id, outcome, count(*) from sync_audit group by all order by all"
        ).fetchall() == [("c_1", "ok", 2), ("c_2", "rejected", 1)]
        assert connection.execute("select destination, customer_id, state from sync_contact").fetchall() == [
            ("crm", "c_1", "present")
        ]
        assert connection.execute("select reason from sync_rejected").fetchall() == [
            ("value <email> is not allowed",)
        ]


@pytest.fixture
def command(world, monkeypatch, tmp_path):
    """command(*words): what the command line says."""
    monkeypatch.setenv("STAMMKUNDE_HOME", str(world.home.root))
    config = tmp_path / "stammkunde.yml"
    config.write_text("company: {name: X}\nas_of: 2026-11-20\nsources: {}\n")
    monkeypatch.setenv("STAMMKUNDE_CONFIG", str(config))
    monkeypatch.setattr("exports.sync.find_sync", lambda name: crm_sync())
    monkeypatch.setattr("exports.sync.load_syncs", lambda: {"crm_profiles": crm_sync()})
    monkeypatch.setattr(registry, "connect", lambda name: world.destination())

    def run(*words: str) -> str:
        done = CliRunner().invoke(cli.app, ["sync", *words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    return run


def test_commands(world, command):
    assert "crm_profiles: upsert to crm, not yet run" in command("list")
    text = command("plan", "crm_profiles")
    plan_id = world.plan().plan_id
    assert "2  create or update (new)" in text and f"--plan {plan_id}" in text
    assert "sent 2 upsert; 0 rejected" in command("apply", "crm_profiles", "--plan", plan_id)
    assert "done, 2 of 2 customers" in command("log", "crm_profiles")
    assert "upsert  ok" in command("log", "crm_profiles", "--customer", "c_1")
    world.crm.unsubscribe("c_1")
    command("apply", "crm_profiles")
    output = command(
        "resubscribe", "c_1", "--address", "c_1@example.org", "--confirmed-at", "2026-11-20T00:00:00",
        "--proof", "doi-1", "--author", "kim",
    )  # fmt: skip
    assert "1 opt-outs lifted" in output
    assert '"mapping"' in command("schema")
