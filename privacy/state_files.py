"""Takes persons out of what is neither landing nor a database: stewards' files, exports, logs.

Belongs here: those files, and the queue of deletions for the receivers of exports.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from exports.deletions import Deletion, queue_deletions
from exports.engine import queue_erasure
from exports.run import export
from exports.state import STATE, ExportDirectory
from exports.sync import SYNCS, load_syncs
from privacy.database import Erased
from stammkunde.files import write_atomically
from stammkunde.home import Home


def rewrite_steward_files(home: Home, erased: Erased) -> dict[str, int]:
    """Decisions on their records and corrections of their values go; lines removed by file."""
    records, customers = set(erased.record_ids), set(erased.customer_ids)

    def theirs(line: dict[str, Any]) -> bool:
        named = {line.get(key) for key in ("record_id", "record_id_a", "record_id_b")}
        return bool(named & records) or line.get("customer_id") in customers

    removed = {}
    for path in (home.decisions, home.corrections):
        gone = _rewrite_lines(path, theirs)
        if gone:
            removed[path.name] = gone
    return removed


def _rewrite_lines(path: Path, goes: Callable[[dict[str, Any]], bool]) -> int:
    if not path.exists():
        return 0
    lock = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            lines = file.read().splitlines(keepends=True)
            kept = [line for line in lines if not line.strip() or not goes(_parsed(line))]
            if len(kept) < len(lines):
                write_atomically(path, b"".join(kept))
        return len(lines) - len(kept)
    finally:
        os.close(lock)


def _parsed(line: bytes) -> dict[str, Any]:
    """A torn last line is nobody's: it was never confirmed, and whoever appends next cuts it off."""
    try:
        content = json.loads(line)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def rewrite_exports(home: Home, erased: Erased, erasure_id: str, syncs: Path = SYNCS) -> dict[str, int]:
    """Queues the deletion at every receiver and writes the files anew; rows that were exported, by sync.

    A receiver may hold somebody from an export long replaced, so every sync gets the deletion.
    """
    exported: dict[str, int] = {}
    known = load_syncs(syncs)
    deletions = []
    for sync in known.values():
        directory = home.exports / sync.name
        current = ExportDirectory(directory).current() if directory.is_dir() else None
        if current is not None and (current / STATE).is_file():
            count = _exported(current / STATE, erased)
            if count:
                exported[sync.name] = count
        deletions += [Deletion(sync.name, sync.key, c, erasure_id) for c in erased.customer_ids]
    queue_deletions(home, deletions)
    queue_erasure(home, erased.customer_ids)
    for name in exported:
        day = _published_day(home)
        if day is None:
            shutil.rmtree(home.exports / name)
        else:
            export(known[name], home, day, syncs)
    return exported


def _exported(state: Path, erased: Erased) -> int:
    with duckdb.connect() as connection:
        row = connection.execute(
            "select count(*) from read_parquet($state) where key in (select unnest($ids::varchar[]))",
            {"state": str(state), "ids": list(erased.customer_ids)},
        ).fetchone()
    return int(row[0]) if row else 0


def _published_day(home: Home) -> date | None:
    if not home.published_database.exists():
        return None
    with duckdb.connect(str(home.published_database.resolve()), read_only=True) as connection:
        row = connection.execute("select as_of_date from meta.publication").fetchone()
    return row[0] if row else None


def mask_logs(home: Home, texts: tuple[str, ...]) -> dict[str, int]:
    """Logs should hold no personal data; if some do after all, it is masked in place. Files by name."""
    if not texts:
        return {}
    pattern = re.compile(b"|".join(re.escape(text.encode()) for text in texts), re.IGNORECASE)
    masked = {}
    places = [*home.logs.rglob("*"), *home.dagster.rglob("compute_logs/*")]
    for path in sorted(p for p in places if p.is_file()):
        content = path.read_bytes()
        clean, count = pattern.subn(lambda found: b"*" * len(found.group()), content)
        if count:
            write_atomically(path, clean)
            masked[path.relative_to(home.root).as_posix()] = count
    return masked
