"""The commands of stewards, on a home with a small warehouse."""

import pytest
from steward_world import World
from typer.testing import CliRunner

from dagster_project.cli import app
from stammkunde.errors import UserError


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("STAMMKUNDE_HOME", str(tmp_path))
    world = World().write(["branch:1", "branch:2", "shop:7"], [("branch:1", "shop:7", 0.92)])
    world.resolve()
    world.connection.execute(f"attach '{tmp_path / 'warehouse.duckdb'}' as file")
    world.connection.execute("create schema file.identity")
    for (table,) in world.query("select table_name from duckdb_tables() where schema_name = 'identity'"):
        world.connection.execute(f"create table file.identity.{table} as from memory.identity.{table}")
    world.connection.execute(
        """
        alter table file.identity.int_source_records add column company_name varchar;
        create table file.identity.review_queue as
        select 1 as review_rank, *, 99.5 as revenue_at_stake_amount from file.identity.review_candidate
        """
    )
    world.connection.execute("detach file")
    return world, tmp_path


def call(*arguments):
    result = CliRunner().invoke(app, list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_decision_is_kept_and_the_answer_says_when_it_holds(home):
    _, root = home
    answer = call("unlink", "branch:1", "shop:7", "--reason", "two brothers", "--author", "kim")
    assert answer.exit_code == 0
    assert "unlink branch:1 – shop:7 (kim, " in answer.stdout
    assert "next 'stammkunde run'" in answer.stdout
    assert "two brothers" in (root / "decisions.jsonl").read_text()
    again = call("link", "shop:7", "branch:1", "--reason", "no, one", "--author", "kim")
    assert "replaces the earlier decision: unlink" in again.stderr


def test_an_unknown_record_is_refused_and_nothing_is_kept(home):
    _, root = home
    with pytest.raises(
        UserError, match="no source has a record 'branch:3'; the nearest are branch:1, branch:2"
    ):
        call("link", "branch:3", "shop:7", "--reason", "x")
    assert not (root / "decisions.jsonl").exists()


def test_a_decision_needs_a_reason(home):
    assert call("link", "branch:1", "shop:7").exit_code == 2


def test_whois_tells_the_customer_and_the_life_of_the_id(home):
    world, _ = home
    customer = world.ids()["branch:1"]
    assert call("whois", customer).stdout.splitlines() == [customer, "  2024-01-01: created (first seen)"]


def test_review_asks_about_the_weak_link(home):
    answer = call("review", "--limit", "5")
    assert "branch:1 (no name) – shop:7 (no name)" in answer.stdout
    assert "Only this pair holds its records together." in answer.stdout
    assert "99.50" in answer.stdout


@pytest.mark.parametrize("command", [["review"], ["whois", "c_0000000000000000"], ["explain", "a:1", "b:2"]])
def test_before_the_first_run_it_says_what_to_do(command, tmp_path, monkeypatch):
    monkeypatch.setenv("STAMMKUNDE_HOME", str(tmp_path))
    with pytest.raises(UserError, match="'stammkunde run' makes it"):
        call(*command)
