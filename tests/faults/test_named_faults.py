"""Faults with a name: clock, read-only disk, two runs at once, a source that goes away."""

import errno
import os
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path

import duckdb
import pytest
import small_pipeline
from test_kill_campaign import fill

import ingestion.readers.files as files
from ingestion.raw import register_raw
from ingestion.run import ingest
from stammkunde.clock import check_clock
from stammkunde.errors import BusyError, UserError
from stammkunde.home import PROJECT_ROOT, Home
from stammkunde.versions import current_as_of
from stammkunde.warehouse import open_warehouse, single_run

AS_OF = date(2026, 11, 20)


# -- the clock ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "message"),
    [
        (date(1970, 1, 1), "The clock says 1970-01-01, but 2026-11-20 has been published already"),
        (date(2026, 11, 19), "say --as-of 2026-11-19"),
        (date(2036, 1, 1), "The clock says 2036-01-01, 3,329 days after the last run"),
    ],
)
def test_a_clock_that_has_jumped_is_noticed(day, message):
    with pytest.raises(UserError, match=message):
        check_clock(day, AS_OF)


@pytest.mark.parametrize("last", [None, date(2026, 11, 20), date(2026, 11, 19), date(2026, 1, 1)])
def test_a_clock_that_goes_right_is_not(last):
    check_clock(AS_OF, last)


def test_a_run_asks_for_the_clock_before_it_touches_anything(retailer):
    retailer.run(as_of=date(2199, 1, 1))
    assert current_as_of(retailer.home) == date(2199, 1, 1)
    config = retailer.folder.parent / "stammkunde.yml"
    config.write_text("sources: {leads: {path: nowhere}}\n")
    done = subprocess.run(
        [sys.executable, "-m", "dagster_project.cli", "run", "--config", str(config)],
        env={**os.environ, "STAMMKUNDE_HOME": str(retailer.home.root), "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1
    assert "but 2199-01-01 has been published already: set the clock right" in done.stderr
    assert "Traceback" not in done.stderr and "nowhere" not in done.stderr


# -- a home that cannot be written -------------------------------------------------------------------------


def test_a_read_only_disk_is_named(tmp_path, monkeypatch):
    def refuse(*arguments, **named):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError, match=r"home cannot be made \(Read-only file system\).*STAMMKUNDE_HOME"):
        Home(tmp_path / "home").create()


def test_a_lock_that_cannot_be_written_is_named(tmp_path):
    home = Home(tmp_path / "home").create()
    home.lock.mkdir()
    with pytest.raises(UserError, match=r"run\.lock cannot be written \(Is a directory\)"), single_run(home):
        pass


def test_a_warehouse_that_cannot_be_opened_is_named_at_once_also_in_a_folder_called_lock(tmp_path):
    path = tmp_path / "lock" / "warehouse.duckdb"
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1000)
    with (
        pytest.raises(UserError, match=r"warehouse\.duckdb cannot be opened") as caught,
        open_warehouse(path),
    ):
        pass
    assert not isinstance(caught.value, BusyError)


# -- two at once -------------------------------------------------------------------------------------------


def test_two_runs_at_once_wait_for_each_other_and_load_everything_once(tmp_path):
    fill(tmp_path, 0)
    command = [sys.executable, str(Path(small_pipeline.__file__)), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    with single_run(Home(tmp_path / "home")):
        runs = [
            subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            for _ in range(2)
        ]
        for run in runs:
            assert run.stdout.readline() == f"waiting for the run of process {os.getpid()} to end …\n"
    for run in runs:
        output, _ = run.communicate(timeout=120)
        assert run.returncode == 0, output
    with duckdb.connect(str(tmp_path / "home" / "warehouse.duckdb"), read_only=True) as connection:
        counted = connection.execute(
            "select count(*), count(distinct member_no) from marts.customer"
        ).fetchone()
    assert counted == (107, 107), "three files of 29 good rows, 20 leads"
    assert len(list((tmp_path / "home" / "landing" / "shop").iterdir())) == 1


def test_a_warehouse_in_use_is_waited_for(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    duckdb.connect(str(path)).close()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import duckdb; c = duckdb.connect({str(path)!r}); print('open', flush=True); input()",
        ],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(BusyError, match="in use by another process"), open_warehouse(path, wait_seconds=0.3):
        pass
    threading.Timer(0.5, lambda: holder.communicate("\n")).start()
    with open_warehouse(path, wait_seconds=60) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_schedule_that_fires_during_a_manual_run_waits_and_then_says_who_holds_the_home(
    tmp_path, monkeypatch
):
    from dagster import build_init_resource_context

    from dagster_project.resources import LOCK_HELD, Retailer

    monkeypatch.setenv("STAMMKUNDE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(LOCK_HELD, raising=False)
    scheduled = Retailer(config_path="unused", wait_for_other_run_seconds=0.2)
    context = build_init_resource_context()
    with (
        single_run(Home(tmp_path / "home")),
        pytest.raises(BusyError, match=f"Another run \\(process {os.getpid()}\\)"),
        scheduled.yield_for_execution(context),
    ):
        pass
    with scheduled.yield_for_execution(context) as retailer:
        assert retailer.home.root == tmp_path / "home"


# -- a source that goes away -------------------------------------------------------------------------------


def members(home: Home) -> list[str]:
    with duckdb.connect() as connection:
        register_raw(connection, home)
        found = connection.execute("select distinct member_no from raw.shop__loyalty order by 1").fetchall()
    return [number for (number,) in found]


def test_files_that_vanish_while_they_are_read_are_refused_and_read_when_they_are_back(retailer, monkeypatch):
    kept = {path.name: path.read_bytes() for path in retailer.folder.iterdir()}
    original = files.sha256_of

    def vanishing(path: Path) -> str:
        found = original(path)
        if path.name == "b.csv":
            for other in retailer.folder.iterdir():
                other.unlink()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(files, "sha256_of", vanishing)
        result = ingest("shop", retailer.config, retailer.home, AS_OF)
    assert result.tables["loyalty"].files_refused == 2
    assert members(retailer.home) == ["M1"]
    for name, content in kept.items():
        (retailer.folder / name).write_bytes(content)
    ingest("shop", retailer.config, retailer.home, AS_OF)
    assert members(retailer.home) == ["M1", "M3", "M4"]


def test_a_folder_that_vanishes_fails_clearly_and_leaves_what_was(retailer):
    from ingestion.extract import SourceUnavailable

    retailer.run()
    before = retailer.published()
    moved = retailer.folder.rename(retailer.folder.with_name("away"))
    with pytest.raises(SourceUnavailable, match="does not exist; create it or correct its path"):
        ingest("shop", retailer.config, retailer.home, AS_OF)
    assert retailer.published() == before
    moved.rename(retailer.folder)
    retailer.run()
    assert retailer.published() == before
