"""Homes of earlier versions are upgraded, whatever interrupts it; homes of later ones are refused."""

import json
import stat

import duckdb
import pytest

from expectations.results import COLUMNS
from stammkunde import migrations
from stammkunde.errors import UserError
from stammkunde.home import Home
from stammkunde.migrations import CURRENT_FORMAT, migrate
from stammkunde.warehouse import single_run

# As version 0.1.0 wrote it.
OLD_CHECK_RESULT = """
create schema quality;
create table quality.check_result (
    run_id varchar, source varchar, table_name varchar, rule varchar, severity varchar,
    checked bigint, failed bigint, quality_pct double, passed boolean, details varchar
);
insert into quality.check_result values
    ('2026-11-01', 'shop', 'loyalty', 'email_filled', 'warn', 10, 5, 50.0, true, '5 of 10 fail'),
    ('2026-11-01', 'shop', 'loyalty', 'key_unique', 'error', 10, 0, 100.0, true, '0 of 10 fail'),
    ('2026-11-01', 'branch', 'sales_order_line', 'amount_follows_quantity', 'warn', 9, 0, 100.0, true, ''),
    ('2026-11-01', 'marts', 'customer', 'email_shape', 'warn', 10, 0, 100.0, true, '0 of 10 fail');
"""


@pytest.fixture
def old(tmp_path) -> Home:
    home = Home(tmp_path / "home").create()
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(OLD_CHECK_RESULT)
    home.warehouse.chmod(0o644)
    (home.dagster / "storage").mkdir()
    (home.dagster / "storage").chmod(0o755)
    (home.dagster / "storage" / "index.db").touch()
    (home.dagster / "storage" / "index.db").chmod(0o644)
    return home


def results(home: Home) -> list[tuple]:
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        found = connection.execute("describe quality.check_result").fetchall()
        assert {name: kind.replace(",", ", ").lower() for name, kind, *_ in found} == COLUMNS
        return connection.execute(
            "select rule, border, dimension, scope, scope_value, quality_pct "
            "from quality.check_result order by rule"
        ).fetchall()


EXPECTED = [
    ("amount_follows_quantity", "raw", "consistency", "table", "", 100.0),
    ("email_filled", "raw", "completeness", "table", "", 50.0),
    ("email_shape", "customer", "validity", "table", "", 100.0),
    ("key_unique", "raw", "uniqueness", "table", "", 100.0),
]


def test_a_home_of_the_release_before_is_upgraded_once(old):
    said: list[str] = []
    assert migrate(old, said.append) == CURRENT_FORMAT - 1
    assert results(old) == EXPECTED
    assert json.loads((old.root / "home.json").read_text()) == {"format": CURRENT_FORMAT}
    assert "check results say" in said[0] and len(said) == CURRENT_FORMAT - 1
    assert stat.S_IMODE(old.warehouse.stat().st_mode) == 0o600
    assert stat.S_IMODE((old.dagster / "storage" / "index.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((old.dagster / "storage").stat().st_mode) == 0o700
    assert migrate(old, said.append) == 0 and len(said) == CURRENT_FORMAT - 1


@pytest.mark.parametrize("step", range(CURRENT_FORMAT - 1))
def test_an_upgrade_that_was_killed_after_a_step_goes_on(old, monkeypatch, step):
    """The step is done, its format not yet written."""
    original = migrations._write_format

    def killed(home, number):
        if number == step + 2:
            raise KeyboardInterrupt
        original(home, number)

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "_write_format", killed)
        with pytest.raises(KeyboardInterrupt):
            migrate(old)
    assert migrate(old) == CURRENT_FORMAT - 1 - step
    assert results(old) == EXPECTED


def test_a_run_upgrades_the_home_it_takes(old):
    with single_run(old):
        pass
    assert results(old) == EXPECTED


def test_an_empty_home_has_the_current_format(tmp_path):
    home = Home(tmp_path / "home").create()
    assert migrate(home) == 0
    assert migrations.format_of(home) == CURRENT_FORMAT


def test_a_home_of_a_later_version_is_left_alone(tmp_path):
    home = Home(tmp_path / "home").create()
    (home.root / "home.json").write_text('{"format": 99}')
    with pytest.raises(UserError, match="written by a later version"), single_run(home):
        pass
    (home.root / "home.json").write_text("{")
    with pytest.raises(UserError, match=r"home\.json is damaged"):
        migrate(home)
