"""`stammkunde run`: the same graph as in the UI, in this process, with progress and a closing summary."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg

from dagster_project.environments import create_home
from dagster_project.progress import SWITCH, say
from dagster_project.resources import ACCEPT_TAG, AS_OF_TAG, FULL_TAG, LOCK_HELD, Retailer, finish_erasures
from dagster_project.settings import check_settings
from dagster_project.state import fingerprint, is_current
from stammkunde.clock import check_clock
from stammkunde.config import Config
from stammkunde.errors import UserError
from stammkunde.home import Home
from stammkunde.versions import current_as_of
from stammkunde.warehouse import single_run

PROCESS_TAG = "stammkunde/process"


@dataclass
class RunSummary:
    """What a run did, for the closing lines."""

    as_of: date
    nothing_new: bool = False
    seconds: dict[str, float] = field(default_factory=dict)


class RunFailed(UserError):
    """A step failed; the message names it and what it said."""


def run(
    config_path: Path | None,
    as_of: date | None,
    full: bool,
    accept_identity_changes: bool = False,
    wait_seconds: float = 0.0,
) -> RunSummary:
    """Ingests, builds and exports; skips the build when nothing it is made from has changed.

    `accept_identity_changes` lets this run change any number of customer ids. It waits up to `wait_seconds`
    for another run to end.

    Raises UserError (ConfigError, BusyError, RunFailed …) with one clear message.
    """
    retailer = Retailer(config_path=str(config_path or ""))
    home = create_home(retailer.home)
    config = retailer.config
    check_settings()
    os.environ[SWITCH] = "1"
    with single_run(home, wait_seconds=wait_seconds, say=say), _lock_is_ours(), demo_servers(config, home):
        # Asked for once the home is ours: a run that we waited for may have taken us past midnight.
        day = as_of or config.as_of or datetime.now(UTC).astimezone(config.zone).date()
        if not (as_of or config.as_of):
            check_clock(day, current_as_of(home))
        from dagster_project.definitions import defs

        finish_erasures(home, say)
        instance = dg.DagsterInstance.get()
        _close_runs_of_dead_processes(instance)
        summary = RunSummary(as_of=day)
        tags = {
            AS_OF_TAG: day.isoformat(),
            FULL_TAG: str(full).lower(),
            ACCEPT_TAG: str(accept_identity_changes).lower(),
            PROCESS_TAG: str(os.getpid()),
        }

        def execute(job: str) -> None:
            began = time.monotonic()
            result = defs.resolve_job_def(job).execute_in_process(
                instance=instance,
                tags=tags,
                resources={"retailer": retailer},
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                raise_on_error=False,
            )
            summary.seconds[job] = time.monotonic() - began
            if not result.success:
                raise RunFailed(_describe_failure(result))

        execute("ingest")
        if not full and is_current(home, fingerprint(home, config, day)):
            summary.nothing_new = True
            say("nothing new since the last build: the published database is current")
        else:
            execute("build")
        execute("activate")
    return summary


@contextmanager
def _lock_is_ours() -> Iterator[None]:
    """Tells the run's resources that this process already holds the home."""
    os.environ[LOCK_HELD] = str(os.getpid())
    try:
        yield
    finally:
        del os.environ[LOCK_HELD]


def demo_servers(config: Config, home: Home) -> AbstractContextManager[object]:
    """The demo's servers for as long as they are needed; nothing for a real retailer."""
    if not config.demo:
        return nullcontext()
    from ingestion.demo.servers import serving

    return serving(home)


def _describe_failure(result: dg.ExecuteInProcessResult) -> str:
    """The first failed step and the innermost message, without a stack trace."""
    lines = []
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            message = (error.message if error else "no message").strip()
            name, _, text = message.partition(": ")
            lines.append(f"{event.step_key} failed: {text if text and '.' in name else message}")
    return "\n".join(lines) or "the run failed before its first step; see the Dagster UI (stammkunde ui)"


def _close_runs_of_dead_processes(instance: dg.DagsterInstance) -> None:
    """A killed run cannot say that it ended, so its successor says it."""
    open_runs = instance.get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    for open_run in open_runs:
        process = open_run.tags.get(PROCESS_TAG)
        if process and not Path(f"/proc/{process}").exists():
            instance.report_run_failed(open_run, "The process was killed before the run ended.")
