"""What assets need from outside: the home, the configuration, the day of the run, dbt.

Resources are typed and hold no secrets; the configuration keeps those as SecretStr.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.dbt_process import Dbt
from dagster_project.environments import DBT_DIRECTORY, create_home, dbt_executable, default_config_path
from stammkunde.clock import check_clock
from stammkunde.config import Config, load_config
from stammkunde.golden.lifecycle import load_lifecycle
from stammkunde.golden.survivorship import load_survivorship
from stammkunde.home import Home
from stammkunde.matching import load_matching
from stammkunde.versions import current_as_of
from stammkunde.warehouse import single_run

AS_OF_TAG = "stammkunde/as_of"
FULL_TAG = "stammkunde/full"
ACCEPT_TAG = "stammkunde/accept_identity_changes"
"""A run with this tag set to true may change any number of customer ids."""
LOCK_HELD = "STAMMKUNDE_RUN_LOCK_HELD_BY"


class Retailer(dg.ConfigurableResource):
    """The installation that a run works for. Holds the run lock for as long as the run lasts."""

    config_path: str = ""
    """Empty: STAMMKUNDE_CONFIG, else config/stammkunde.yml, else the demo's."""
    wait_for_other_run_seconds: float = 3600.0

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Retailer]:
        home = create_home(self.home)
        if os.environ.get(LOCK_HELD) == str(os.getpid()):
            yield self
            return
        say = context.log.info if context.log else print
        with single_run(home, wait_seconds=self.wait_for_other_run_seconds, say=say):
            finish_erasures(home, say)
            yield self

    @property
    def home(self) -> Home:
        return Home.from_environment()

    @property
    def config_file(self) -> Path:
        return Path(self.config_path) if self.config_path else default_config_path(self.home)

    @property
    def config(self) -> Config:
        if load_demo_secrets := self._demo_secrets():
            load_demo_secrets(self.home)
        return load_config(self.config_file)

    def _demo_secrets(self) -> Any:
        """The demo keeps its own secrets beside its servers; a real retailer's stand in the environment."""
        if self.config_file.parent != self.home.demo:
            return None
        from ingestion.demo.servers import load_secrets

        return load_secrets

    def as_of(self, run: dg.DagsterRun, instance: dg.DagsterInstance) -> date:
        """The day of the run: its tag, else the configuration's, else the day on which the run began.

        Raises UserError when the clock cannot be right.
        """
        tag = run.tags.get(AS_OF_TAG)
        if tag:
            return date.fromisoformat(tag)
        config = self.config
        if config.as_of:
            return config.as_of
        record = instance.get_run_record_by_id(run.run_id)
        began = record.create_timestamp if record else datetime.now(UTC)
        day = began.astimezone(config.zone).date()
        check_clock(day, current_as_of(self.home))
        return day


def finish_erasures(home: Home, say: Callable[[str], None]) -> None:
    """An erasure that was interrupted goes before everything else. The caller holds the home."""
    from privacy.plan import open_plans

    if open_plans(home):
        from privacy.erase import resume
        from privacy.key import Key

        resume(home, Key.from_environment(home), say)


def dbt_resource() -> Dbt:
    """dbt of this environment on our project."""
    return Dbt(
        project_dir=str(DBT_DIRECTORY), profiles_dir=str(DBT_DIRECTORY), dbt_executable=dbt_executable()
    )


def dbt_vars(config: Config, as_of: date) -> str:
    """The vars that a run passes to dbt, as JSON. Raises ConfigError for settings that cannot be used."""
    return json.dumps(
        {
            "as_of": as_of.isoformat(),
            "company_country": config.company.country,
            "company_currency": config.company.currency,
            "default_margin_pct": config.company.default_margin_pct,
            "survivorship": load_survivorship().dbt_var(),
            **load_lifecycle().dbt_vars(),
            **load_matching().dbt_vars(),
        }
    )
