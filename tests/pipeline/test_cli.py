"""The command line as a user meets it: real processes, exit codes, messages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

STAMMKUNDE = Path(sys.executable).parent / "stammkunde"


def call(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(STAMMKUNDE), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "STAMMKUNDE_HOME": str(home), **environment},
    )


@pytest.mark.parametrize("command", ["demo", "run", "ui", "sql", "rollback", "doctor"])
def test_every_command_explains_itself(command: str, tmp_path: Path) -> None:
    result = call(command, "--help", home=tmp_path)
    assert result.returncode == 0
    assert "Usage" in result.stdout


def test_help_does_not_import_the_heavy_libraries(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['stammkunde', '--help']\n"
        "from dagster_project.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'dagster', 'pandas', 'duckdb', 'dbt', 'sklearn', 'great_expectations'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_a_typo_in_the_configuration_names_the_key_and_the_nearest_right_one(tmp_path: Path) -> None:
    config = tmp_path / "stammkunde.yml"
    config.write_text("sources:\n  lead: {path: x}\n")
    result = call("run", "--config", str(config), home=tmp_path / "home")
    assert result.returncode == 1
    assert f"{config}: unknown key 'sources.lead'; did you mean 'leads'?" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_missing_variable_is_named(tmp_path: Path) -> None:
    config = tmp_path / "stammkunde.yml"
    config.write_text("sources:\n  branch: {url: '${NOBODY_SETS_THIS}'}\n")
    result = call("run", "--config", str(config), home=tmp_path / "home")
    assert result.returncode == 1
    assert "sources.branch.url needs the environment variable NOBODY_SETS_THIS" in result.stderr


def test_a_day_that_is_none_is_refused(tmp_path: Path) -> None:
    result = call("run", "--as-of", "31.02.2026", home=tmp_path)
    assert result.returncode != 0
    assert "is no day" in result.stderr


def test_sql_before_the_first_run_says_what_to_do(tmp_path: Path) -> None:
    result = call("sql", "select 1", home=tmp_path)
    assert result.returncode == 1
    assert "'stammkunde run' publishes it" in result.stderr


def test_doctor_finds_what_is_wrong_and_does_not_show_the_password(tmp_path: Path) -> None:
    config = tmp_path / "stammkunde.yml"
    config.write_text(
        "sources:\n  branch: {url: '${ERP_URL}'}\n  leads: {path: not-there}\n", encoding="utf-8"
    )
    result = call(
        "doctor", "--config", str(config), home=tmp_path / "home",
        ERP_URL="postgresql+psycopg://reader:topsecret@127.0.0.1:1/erp",
    )  # fmt: skip
    assert result.returncode == 1
    assert "WRONG  source branch" in result.stdout
    assert "WRONG  source leads" in result.stdout
    assert "topsecret" not in result.stdout + result.stderr


def test_a_second_run_at_once_is_told_who_holds_the_home(tmp_path: Path) -> None:
    from stammkunde.home import Home
    from stammkunde.warehouse import single_run

    config = tmp_path / "stammkunde.yml"
    config.write_text("sources: {}\n")
    with single_run(Home(tmp_path / "home")):
        result = call("run", "--config", str(config), "--wait-minutes", "0.02", home=tmp_path / "home")
    assert result.returncode == 1
    assert f"waiting for the run of process {os.getpid()} to end" in result.stderr
    assert f"Another run (process {os.getpid()})" in result.stderr
