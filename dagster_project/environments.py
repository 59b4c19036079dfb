"""Our defaults for the processes we start: no telemetry, quiet threads, where state lives.

Called by the command line and by `definitions.py`; a variable that the user has set stays as it is.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

from stammkunde.errors import UserError
from stammkunde.home import PROJECT_ROOT, Home

DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    # Threads that spin beside a busy core cost up to 50 times their gain.
    "OMP_WAIT_POLICY": "PASSIVE",
}

DAGSTER_YAML = """\
# Written by stammkunde. One run at a time, because DuckDB takes one writer; no telemetry.
event_log_storage:
  module: dagster_project.run_history
  class: RunHistory
  config:
    dagster_home: {env: DAGSTER_HOME}
nux:
  enabled: false
telemetry:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1
freshness:
  enabled: true
"""

DBT_DIRECTORY = PROJECT_ROOT / "dbt"


def apply_defaults(home: Home) -> None:
    """Sets the variables that dagster, dbt and Great Expectations read, unless the user has set them."""
    # What any of our processes writes is its owner's only.
    os.umask(0o077)
    # dagster-dbt asks for an extra of sqlglot that this sqlglot calls deprecated; both work together.
    warnings.filterwarnings("ignore", message=r"sqlglot\[rs\] is deprecated")
    # dagster warns of a beta parameter that it passes itself when it shows an asset selection.
    warnings.filterwarnings("ignore", message=r"Parameter `include_sources` of function `AssetSelection.all`")
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("DAGSTER_HOME", str(home.dagster))
    os.environ["STAMMKUNDE_HOME"] = str(home.root)
    os.environ["STAMMKUNDE_WAREHOUSE"] = str(home.warehouse)


def create_home(home: Home) -> Home:
    """Makes the home and Dagster's part of it."""
    home.create()
    settings = home.dagster / "dagster.yaml"
    if not settings.exists():
        try:
            settings.write_text(DAGSTER_YAML, encoding="utf-8")
        except OSError as error:
            raise UserError(f"{settings} cannot be written ({error.strerror})") from error
    return home


def dbt_executable() -> str:
    """The dbt of this Python environment, which need not be on the PATH."""
    return str(Path(sys.executable).parent / "dbt")


def default_config_path(home: Home) -> Path:
    """STAMMKUNDE_CONFIG, else the retailer's own configuration, else the demo's."""
    named = os.environ.get("STAMMKUNDE_CONFIG")
    if named:
        return Path(named)
    own = PROJECT_ROOT / "config" / "stammkunde.yml"
    return own if own.exists() else home.demo / "stammkunde.yml"
