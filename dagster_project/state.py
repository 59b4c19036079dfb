"""What the last finished build was made from, so that a run with nothing new can stop early.

A build follows from five things: the committed loads, the decisions of stewards, the configuration, the day
and the code. When all are as they were and its publication still stands, doing it again would give the same
tables.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date

from ingestion.drops import drops_file
from stammkunde.config import Config
from stammkunde.files import write_atomically
from stammkunde.home import PROJECT_ROOT, Home

_CODE = (
    "stammkunde",
    "ingestion",
    "ml",
    "expectations",
    "dagster_project",
    "dbt",
    "config",
    "exports",
    "privacy",
)
_SUFFIXES = {".py", ".sql", ".yml", ".csv"}


def fingerprint(home: Home, config: Config, as_of: date) -> str:
    """SHA-256 over loads, decisions, configuration, day and code."""
    digest = hashlib.sha256()
    for manifest in sorted(home.landing.glob("*/[0-9]*/manifest.json")):
        digest.update(manifest.relative_to(home.landing).as_posix().encode())
        digest.update(manifest.read_bytes())
    if home.decisions.exists():
        digest.update(home.decisions.read_bytes())
    # Secrets print as asterisks here, so a rotated password does not force a rebuild.
    digest.update(config.model_dump_json(exclude={"as_of"}).encode())
    digest.update(as_of.isoformat().encode())
    if home.corrections.exists():
        digest.update(home.corrections.read_bytes())
    if drops_file(home).exists():
        digest.update(drops_file(home).read_bytes())
    for folder in _CODE:
        for path in sorted((PROJECT_ROOT / folder).rglob("*")):
            if path.suffix in _SUFFIXES and "target" not in path.parts and path.is_file():
                digest.update(path.relative_to(PROJECT_ROOT).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def remember_build(home: Home, made_from: str, version: str) -> None:
    """Records that `version` is what `made_from` gives."""
    content = json.dumps({"made_from": made_from, "version": version}, indent=1)
    write_atomically(home.root / "last_build.json", content.encode())


def is_current(home: Home, made_from: str) -> bool:
    """Whether the published database is already what a build from `made_from` would give."""
    record = home.root / "last_build.json"
    if not record.exists() or not home.published_database.exists():
        return False
    last = json.loads(record.read_text(encoding="utf-8"))
    linked = home.published_database.resolve().name
    return last["made_from"] == made_from and str(last["version"]) in linked
