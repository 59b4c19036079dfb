"""The event log is Dagster's own, file for file; only its connections stay open."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from dagster_project.environments import create_home
from dagster_project.run_history import OPEN_DATABASES, RunHistory
from stammkunde.home import Home


@dg.asset(check_specs=[dg.AssetCheckSpec("has_rows", asset="customers")])
def customers() -> dg.MaterializeResult:
    check = dg.AssetCheckResult(check_name="has_rows", passed=False)
    return dg.MaterializeResult(metadata={"rows": 0}, check_results=[check])


JOB = dg.Definitions(assets=[customers], jobs=[dg.define_asset_job("build")]).resolve_job_def("build")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = create_home(Home(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(home.dagster))
    return home


@pytest.fixture
def instance(home: Home) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.get() as instance:
        yield instance


def history(instance: dg.DagsterInstance) -> RunHistory:
    storage = instance.event_log_storage
    assert isinstance(storage, RunHistory), "dagster.yaml of a new home names it"
    return storage


def test_dagster_reads_what_was_written_and_the_ui_sees_check_and_row_count(
    home: Home, instance: dg.DagsterInstance
) -> None:
    run = JOB.execute_in_process(instance=instance)
    (record,) = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(dg.AssetKey("customers"), "has_rows"), limit=5
    )
    assert record.status.value == "FAILED"
    events = [e.message for e in history(instance).get_logs_for_run(run.run_id)]
    assert any("RUN_SUCCESS" in e or "Finished execution of run" in e for e in events)

    plain = SqliteEventLogStorage(str(home.dagster / "history" / "runs"))
    assert [e.message for e in plain.get_logs_for_run(run.run_id)] == events
    assert plain.all_asset_keys() == [dg.AssetKey("customers")]


def test_an_earlier_process_is_read_by_the_next(home: Home) -> None:
    with dg.DagsterInstance.get() as first:
        run = JOB.execute_in_process(instance=first)
    with dg.DagsterInstance.get() as second:
        assert second.get_run_by_id(run.run_id).is_success
        event = second.get_latest_materialization_event(dg.AssetKey("customers"))
        assert event.asset_materialization.metadata["rows"].value == 0


def test_the_ui_can_follow_a_run(instance: dg.DagsterInstance) -> None:
    run = JOB.execute_in_process(instance=instance)
    told = threading.Event()
    history(instance).watch(run.run_id, None, lambda event, cursor: told.set())
    instance.report_engine_event("still there", instance.get_run_by_id(run.run_id))
    assert told.wait(30)


def test_only_so_many_databases_stay_open_and_none_after_the_end(home: Home) -> None:
    with dg.DagsterInstance.get() as instance:
        runs = [JOB.execute_in_process(instance=instance).run_id for _ in range(2)]
        storage = history(instance)
        for number in range(OPEN_DATABASES):
            storage.get_logs_for_run(f"run-{number}")
            assert len(storage._engines) <= OPEN_DATABASES
        assert all(storage.get_logs_for_run(run) for run in runs)
    files = {path.name for path in (home.dagster / "history" / "runs").iterdir()}
    assert not [name for name in files if name.endswith("-wal")], "a closed database has no log beside it"


def test_wiped_history_is_gone_and_can_be_written_again(instance: dg.DagsterInstance) -> None:
    run = JOB.execute_in_process(instance=instance).run_id
    instance.event_log_storage.wipe()
    assert history(instance).get_logs_for_run(run) == []
    again = JOB.execute_in_process(instance=instance).run_id
    assert history(instance).get_logs_for_run(again)
