"""Versions of the published database: which are kept, which one is current, how readers open it.

`published/<version>.duckdb` holds the tables, `published/<version>.json` is its manifest. The manifest is
written last, so a file without one is a part and no version. The symbolic link `published/stammkunde.duckdb`
names the current version.

Does not belong here: making a version (`stammkunde/publish.py`).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from stammkunde.errors import UserError
from stammkunde.files import fsync_path, write_atomically
from stammkunde.hashes import TableHash
from stammkunde.home import Home

NAME_PREFIX = "stammkunde-"
UNFINISHED = ".publishing-"


@dataclass(frozen=True)
class Version:
    """A version that is kept. `number` counts the versions of this home from 1."""

    name: str
    number: int
    path: Path
    current: bool


def versions(home: Home) -> list[Version]:
    """The versions that are kept, oldest first."""
    current = current_name(home)
    found = []
    for path in home.published.glob(f"{NAME_PREFIX}*.duckdb"):
        if is_complete(home, path.stem):
            number = int(read_manifest(home, path.stem)["number"])
            found.append(Version(path.stem, number, path, path.stem == current))
    return sorted(found, key=lambda v: v.number)


@contextmanager
def open_published(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens the current version for reading; it stays that version until it is closed.

    Raises UserError when nothing is published.
    """
    with clear_errors(home):
        name = current_name(home)
        if name is None or not (home.published / f"{name}.duckdb").exists():
            raise UserError(
                f"{home.published_database}: nothing is published yet; run `stammkunde run` first."
            )
        connection = duckdb.connect(str(home.published / f"{name}.duckdb"), read_only=True)
    try:
        connection.execute("set TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def current_name(home: Home) -> str | None:
    """Name of the version that the link names, None before the first publication."""
    if not home.published_database.is_symlink():
        return None
    return home.published_database.readlink().stem


def current_as_of(home: Home) -> date | None:
    """The day of the current version, None before the first publication. UserError if its manifest is
    damaged.
    """
    name = current_name(home)
    if name is None or not is_complete(home, name):
        return None
    return date.fromisoformat(read_manifest(home, name)["as_of"])


def is_complete(home: Home, version: str) -> bool:
    """A version counts when its file and its manifest are there; the manifest is written last."""
    return all((home.published / f"{version}{suffix}").is_file() for suffix in (".duckdb", ".json"))


def read_manifest(home: Home, version: str) -> dict[str, Any]:
    """Manifest of a version: version, as_of, created_from, number, tables. UserError if it is damaged."""
    path = home.published / f"{version}.json"
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: not a manifest of a published version ({error}).") from error
    return manifest


def write_manifest(home: Home, number: int, hashes: dict[str, TableHash], meta: dict[str, str]) -> None:
    """Writes the manifest of the version `meta["version"]`, which is complete from then on."""
    tables = {table: {"rows": found.rows, "hash": found.hash} for table, found in sorted(hashes.items())}
    content = json.dumps({**meta, "number": number, "tables": tables}, indent=2) + "\n"
    write_atomically(home.published / f"{meta['version']}.json", content.encode())


def switch(home: Home, version: str) -> None:
    """Points the link to the version, in one step."""
    new_link = home.published / f"{UNFINISHED}link"
    new_link.unlink(missing_ok=True)
    new_link.symlink_to(f"{version}.duckdb")
    os.replace(new_link, home.published_database)
    fsync_path(home.published)


def remove_old(home: Home, keep: int) -> tuple[str, ...]:
    """Removes all but the newest `keep` versions, never the current one. Open readers keep what they have."""
    old = [v for v in versions(home)[: -max(keep, 1)] if not v.current]
    for version in old:
        # The manifest goes first: without it the file is no version any more.
        version.path.with_suffix(".json").unlink()
        version.path.unlink()
    return tuple(v.name for v in old)


def remove_unfinished(home: Home) -> None:
    """Removes what a killed publication left behind."""
    for path in home.published.glob(f"{UNFINISHED}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    for path in home.published.glob(f"{NAME_PREFIX}*.duckdb"):
        if not is_complete(home, path.stem) and path.stem != current_name(home):
            path.unlink()


@contextmanager
def clear_errors(home: Home) -> Iterator[None]:
    """Turns what disk and database say into a UserError that names the place."""
    try:
        yield
    except (OSError, duckdb.IOException) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error).splitlines()[0]
        raise UserError(
            f"{home.published}: cannot be used ({reason}); what was published before stays."
        ) from error
