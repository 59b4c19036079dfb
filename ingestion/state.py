"""What earlier loads have committed, read from their manifests and from nowhere else.

Belongs here: the manifest's shape, finding committed loads, the state that readers get, the next load's id.
Does not belong here: how a load is written (`ingestion/landing.py`).

A load is committed when its directory `landing/<source>/<six digits>/` exists: it is renamed into place as
the last step, so whatever else lies beside it was left by a run that did not finish.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from ingestion.extract import SourceState
from stammkunde.errors import UserError

MANIFEST = "manifest.json"
QUARANTINE = "quarantine.parquet"
HEALED = "healed.parquet"
LOAD_PATTERN = "[0-9]" * 6
_LOAD_ID = re.compile(r"\d{6}")
_TEMPORARY = ".tmp-"


@dataclass(frozen=True)
class FileEntry:
    """A file of a load: `status` is read or refused, `tables` are those that it had rows of.

    An empty `sha256` means that the file could not be read and is to be tried again.
    """

    file: str
    sha256: str
    status: str
    tables: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class TableCounts:
    """What happened to one table's rows in one load.

    `seen_again` rows are in no other count, and neither are `rows_erased`, those of erased people.
    """

    files_read: int = 0
    files_refused: int = 0
    rows_read: int = 0
    rows_loaded: int = 0
    rows_quarantined: int = 0
    seen_again: int = 0
    rows_erased: int = 0


@dataclass(frozen=True)
class TableEntry:
    """A table of a load: its counts and the contract's columns (name, Arrow type) at that time."""

    counts: TableCounts
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Manifest:
    """Everything that later runs need to know of a load. `watermarks` are UTC, ISO 8601, without zone."""

    source: str
    load_id: str
    as_of: str
    full: bool = False
    files: tuple[FileEntry, ...] = ()
    watermarks: dict[str, str] = field(default_factory=dict)
    tables: dict[str, TableEntry] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        return (json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        content = json.loads(text)
        content["files"] = tuple(FileEntry(**{**f, "tables": tuple(f["tables"])}) for f in content["files"])
        content["tables"] = {
            name: TableEntry(TableCounts(**entry["counts"]), tuple((n, t) for n, t in entry["columns"]))
            for name, entry in content["tables"].items()
        }
        content["notices"] = tuple(content["notices"])
        return cls(**content)


def manifests(landing: Path) -> list[Manifest]:
    """Manifests of the committed loads of one source's directory, oldest first.

    Raises UserError for a load whose manifest is missing or damaged: its files would be read twice.
    """
    result = []
    for directory in committed(landing):
        path = directory / MANIFEST
        try:
            result.append(Manifest.from_json(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path}: the manifest of this load cannot be read ({error}). "
                f"Restore it from a backup, or remove {directory} to have its data read again."
            ) from error
    return result


def committed(landing: Path) -> list[Path]:
    """Directories of the committed loads of one source, oldest first."""
    if not landing.is_dir():
        return []
    return sorted(p for p in landing.iterdir() if p.is_dir() and _LOAD_ID.fullmatch(p.name))


def source_state(loads: list[Manifest], again: frozenset[str] = frozenset()) -> SourceState:
    """The state that a reader gets: known contents and the highest watermark per table.

    The contents of files named `again` are not among the known ones.
    """
    files = [file for load in loads for file in load.files if file.sha256]
    known = {file.sha256 for file in files} - {file.sha256 for file in files if file.file in again}
    watermarks: dict[str, datetime] = {}
    for load in loads:
        for table, text in load.watermarks.items():
            value = datetime.fromisoformat(text)
            watermarks[table] = max(value, watermarks.get(table, value))
    return SourceState(known_files=frozenset(known), watermarks=watermarks)


def next_load_id(landing: Path) -> str:
    """The id after the last committed load."""
    done = committed(landing)
    return f"{int(done[-1].name) + 1 if done else 1:06d}"


def temporary_directory(landing: Path, load_id: str) -> Path:
    """Where a load is written before it is renamed into place."""
    return landing / f"{_TEMPORARY}{load_id}"


def remove_leftovers(landing: Path) -> int:
    """Removes what interrupted runs left behind; returns how many directories that were."""
    if not landing.is_dir():
        return 0
    leftovers = [p for p in landing.iterdir() if p.name.startswith(_TEMPORARY)]
    for path in leftovers:
        shutil.rmtree(path)
    return len(leftovers)
