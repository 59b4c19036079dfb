"""dbt in the process of the tests: loaded and parsed once, because that takes longer than most runs.

`build` of a test stays a real one; only a test about the command line itself needs `command`.
"""

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from stammkunde.home import PROJECT_ROOT

FOLDER = str(PROJECT_ROOT / "dbt")


def run_dbt(warehouse: Path, *arguments: str, variables: dict[str, Any]) -> None:
    """Runs dbt on a warehouse file; artefacts go to `target` beside it. Fails with dbt's own messages."""
    # A copy: a model that is compiled once in a manifest stays as it is, whatever the variables say.
    result = _invoke(warehouse, _manifest().deepcopy(), *arguments, "--vars", json.dumps(variables))
    assert result.exception is None, result.exception
    failed = [
        f"{r.node.name}: {r.message}"
        for r in getattr(result.result, "results", [])
        if str(r.status) in ("error", "fail", "runtime error")
    ]
    assert result.success, "\n".join(failed)


def command(warehouse: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """dbt as a command of its own, for tests about what it says."""
    return subprocess.run(
        [str(Path(sys.executable).parent / "dbt"), "--no-use-colors", *arguments, *_folders(warehouse)],
        env=os.environ | {"STAMMKUNDE_WAREHOUSE": str(warehouse), "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@functools.cache
def _manifest() -> Any:
    """The project, parsed once. No model's place in the graph depends on a variable."""
    with tempfile.TemporaryDirectory() as folder:
        result = _invoke(Path(folder) / "warehouse.duckdb", None, "parse")
    assert result.success, result.exception
    return result.result


def _invoke(warehouse: Path, manifest: Any, *arguments: str) -> Any:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DO_NOT_TRACK", "1")
        patch.setenv("STAMMKUNDE_WAREHOUSE", str(warehouse))
        try:
            return dbtRunner(manifest=manifest).invoke(
                [*arguments, "--quiet", "--log-level-file", "none", *_folders(warehouse)]
            )
        finally:
            # dbt keeps the file open; the test reads it.
            DuckDBConnectionManager.close_all_connections()


def _folders(warehouse: Path) -> list[str]:
    beside = warehouse.parent
    return [
        "--project-dir", FOLDER, "--profiles-dir", FOLDER,
        "--target-path", str(beside / "target"), "--log-path", str(beside / "logs"),
    ]  # fmt: skip
