"""Identity resolution on given source records, apart from sources and staging: for benchmarks and for tuning.

Belongs here: loading records as `identity.int_source_records`, running the models behind it and the
clustering,
with time and memory. Does not belong here: worlds (`worlds/`) and measures (`scorecard.py`).
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from ml.identity.resolve import resolve_identity
from ml.identity.weights.score import score_pairs
from stammkunde.home import PROJECT_ROOT
from stammkunde.matching import MatchingSettings

AS_OF = date(2026, 11, 1)
SELECTED = ("path:models/intermediate/identity", "path:seeds")
"""What lies between the source records and the scoring, and the lists that it reads."""

T = TypeVar("T")


@dataclass(frozen=True)
class Resolution:
    """What one run found and what it cost."""

    assignment: pa.Table
    """record_id, customer_id; in the order of record_id."""
    seconds: dict[str, float]
    """Wall time of the stages load, models, clusters; their sum is `total`."""
    model_seconds: dict[str, float]
    """Wall time of each dbt model."""
    cpu_seconds: float
    """Of all threads together; says more than wall time where others use the machine."""
    candidate_pairs: int
    peak_mb: float
    """Highest resident memory of this process during the run."""
    warehouse: Path
    """The DuckDB file with all tables of the schema `identity`."""


def run_identity(
    records: pa.Table, workdir: Path, as_of: date = AS_OF, target: Path | None = None
) -> Resolution:
    """Resolves `records` (columns of `identity.int_source_records`) in a fresh warehouse below `workdir`.

    dbt runs in this process and keeps what it has parsed in `target` (default `workdir/target`): give the
    same
    folder again and again when tuning, and only changed files are parsed. RuntimeError with dbt's messages
    when a model fails.
    """
    warehouse = _fresh_warehouse(workdir)
    seconds: dict[str, float] = {}

    def stage(name: str, work: Callable[[], T]) -> T:
        started = time.perf_counter()
        result = work()
        seconds[name] = round(time.perf_counter() - started, 3)
        return result

    target = target or workdir / "target"
    # Outside the measure: a run in production has the project parsed already.
    manifest = _dbt(warehouse, target, as_of, "parse")
    _forget_peak()
    cpu = time.process_time()
    stage("load", lambda: _load(records, warehouse))
    model_seconds = stage("models", lambda: _models(warehouse, target, as_of, manifest))
    assignment, candidates = stage("clusters", lambda: _clusters(warehouse, as_of))
    seconds["total"] = round(sum(seconds.values()), 3)
    cpu = round(time.process_time() - cpu, 3)
    return Resolution(assignment, seconds, model_seconds, cpu, candidates, peak_mb(), warehouse)


def compare_pairs(records: pa.Table, workdir: Path, as_of: date = AS_OF, target: Path | None = None) -> Path:
    """Runs the models up to `identity.int_pair_comparisons` only and returns the warehouse's path."""
    warehouse = _fresh_warehouse(workdir)
    target = target or workdir / "target"
    manifest = _dbt(warehouse, target, as_of, "parse")
    _load(records, warehouse)
    _models(warehouse, target, as_of, manifest)
    return warehouse


def _fresh_warehouse(workdir: Path) -> Path:
    workdir.mkdir(parents=True, exist_ok=True)
    warehouse = workdir / "warehouse.duckdb"
    for leftover in (warehouse, warehouse.with_suffix(".duckdb.wal")):
        leftover.unlink(missing_ok=True)
    return warehouse


def _load(records: pa.Table, warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema identity")
        connection.register("given_records", records)
        connection.execute("create table identity.int_source_records as select * from given_records")
        (count, distinct) = connection.execute(
            "select count(*), count(distinct record_id) from identity.int_source_records"
        ).fetchall()[0]
    if count != distinct:
        raise ValueError(f"records: {count - distinct} of {count} rows repeat a record_id or have none")


def _models(warehouse: Path, target: Path, as_of: date, manifest: Any) -> dict[str, float]:
    done = _dbt(
        warehouse, target, as_of, "build", "--exclude", "int_source_records",
        "--exclude-resource-type", "test", "unit_test", "--select", *SELECTED, manifest=manifest,
    )  # fmt: skip
    return {r.node.name: round(r.execution_time, 3) for r in done.results}


def _clusters(warehouse: Path, as_of: date) -> tuple[pa.Table, int]:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        score_pairs(connection, MatchingSettings(), as_of)
        resolve_identity(connection, as_of)
        assignment = connection.execute(
            "select record_id, customer_id from identity.identity_assignment order by record_id"
        ).to_arrow_table()
        (candidates,) = connection.execute("select count(*) from identity.int_candidate_pairs").fetchall()[0]
    return assignment, int(candidates)


def _dbt(warehouse: Path, target: Path, as_of: date, *arguments: str, manifest: Any = None) -> Any:
    """Runs dbt in this process and returns what it returns; `manifest`: a project that is parsed already."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    os.environ["STAMMKUNDE_WAREHOUSE"] = str(warehouse)
    folder = PROJECT_ROOT / "dbt"
    options = {
        "--project-dir": folder, "--profiles-dir": folder, "--target-path": target, "--log-path": target /
        "logs",
        "--vars": json.dumps({"as_of": as_of.isoformat()}),
    }  # fmt: skip
    given = [str(part) for option in options.items() for part in option]
    try:
        result = dbtRunner(manifest=manifest).invoke([arguments[0], "--quiet", *given, *arguments[1:]])
    finally:
        # dbt keeps the file open, and the next run puts another one in its place.
        DuckDBConnectionManager.close_all_connections()
    if not result.success:
        failures = [
            f"{r.node.name}: {r.message}"
            for r in getattr(result.result, "results", [])
            if str(r.status) in ("error", "fail", "runtime error")
        ]
        raise RuntimeError("\n".join(failures) or str(result.exception))
    return result.result


def _forget_peak() -> None:
    """Starts the measure of memory anew where the kernel offers it."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def peak_mb() -> float:
    """Highest resident memory of this process so far, or since a run has begun."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
