"""Kills runs at counted steps and looks at what is left.

Belongs here: starting a command that dies at its n-th step, and the questions asked of a home after it. Which
commands and how many: `benchmarks/faults.py` (the whole pipeline, hundreds of kills) and `tests/faults/` (a
few).

A step is a change of the file system seen from Python or a statement to DuckDB, counted over all processes of
a run (`benchmarks/fault_hook`). Points are drawn from a seed, so a campaign can be repeated.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from ingestion.state import QUARANTINE, manifests
from stammkunde.files import sha256_of
from stammkunde.hashes import combined_hash, table_hashes
from stammkunde.home import Home
from stammkunde.versions import current_name, read_manifest

HOOK = Path(__file__).resolve().parent / "fault_hook"


@dataclass(frozen=True)
class Outcome:
    """How a command ended: `killed`, or with the status and what it said."""

    killed: bool
    status: int
    steps: int
    output: str


def run_until(
    command: Sequence[str],
    environment: Mapping[str, str],
    counter: Path,
    at: int = 0,
    delay_ms: float = 0.0,
    timeout: float = 1800,
) -> Outcome:
    """Runs the command and kills it with all its processes at the step `at`; 0 lets it end."""
    counter.unlink(missing_ok=True)
    paths = [str(HOOK), environment.get("PYTHONPATH", "")]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={
            **environment,
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
            "STAMMKUNDE_FAULT_COUNTER": str(counter),
            "STAMMKUNDE_FAULT_AT": str(at),
            "STAMMKUNDE_FAULT_DELAY_MS": str(delay_ms),
        },
    )
    output, _ = process.communicate(timeout=timeout)
    steps = counter.stat().st_size if counter.exists() else 0
    return Outcome(process.returncode == -signal.SIGKILL, process.returncode, steps, output)


def published_hash(home: Home) -> str | None:
    """Content of what readers see, computed from the tables; None when nothing is published."""
    if not home.published_database.exists():
        return None
    return combined_hash(table_hashes(home.published_database))


def faults(home: Home, allowed: Sequence[str | None]) -> list[str]:
    """What is wrong with a home after a kill; `allowed` are the contents that may be published."""
    found = []
    content = published_hash(home)
    if content not in allowed:
        found.append(
            f"published is {current_name(home)}, which is neither the version before nor the new one"
        )
    name = current_name(home)
    if name is not None:
        told = {table: entry["hash"] for table, entry in read_manifest(home, name)["tables"].items()}
        held = {table: entry.hash for table, entry in table_hashes(home.published_database).items()}
        if told != held:
            found.append(f"{name} does not hold what its manifest says")
    for source in sorted(path for path in home.landing.iterdir() if path.is_dir()):
        found += _landing_faults(source)
    return found + _export_faults(home)


def _export_faults(home: Home) -> list[str]:
    found = []
    for manifest in home.exports.glob("*/latest/manifest.json"):
        for file in json.loads(manifest.read_text(encoding="utf-8")).get("files", []):
            if sha256_of(manifest.parent / file["name"]) != file["sha256"]:
                found.append(f"{manifest.parent}: {file['name']} is not what the manifest says")
    return found


def _landing_faults(source: Path) -> list[str]:
    found = []
    for load in manifests(source):
        directory = source / load.load_id
        quarantined: dict[str, int] = {}
        if (directory / QUARANTINE).exists():
            for row in pq.read_table(directory / QUARANTINE, columns=["table_name", "kind"]).to_pylist():
                if row["kind"] == "row":
                    quarantined[row["table_name"]] = quarantined.get(row["table_name"], 0) + 1
        for name, entry in load.tables.items():
            counts = entry.counts
            landed = sum(pq.read_metadata(p).num_rows for p in (directory / name).glob("*.parquet"))
            place = f"{source.name}/{load.load_id}/{name}"
            if landed != counts.rows_loaded or quarantined.get(name, 0) != counts.rows_quarantined:
                found.append(f"{place}: the files hold other rows than the manifest counts")
            if counts.rows_read != counts.rows_loaded + counts.rows_quarantined:
                found.append(f"{place}: {counts.rows_read} read are not loaded and quarantined")
    return found


def landed_rows(home: Home) -> dict[str, list[tuple[str, int]]]:
    """Per raw table the hash of every row and how often it is there: equal for homes with the same rows."""
    from ingestion.contracts import catalogue
    from ingestion.raw import register_raw

    result = {}
    with duckdb.connect() as connection:
        register_raw(connection, home)
        for tables in catalogue().values():
            for table in tables.values():
                result[table.raw_name] = connection.execute(
                    f"select _row_hash, count(*) from raw.{table.raw_name} group by all order by all"
                ).fetchall()
    return result
