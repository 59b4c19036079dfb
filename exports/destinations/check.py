"""Looking at a destination before anything is sent: credentials, scopes, limits, fields of its syncs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from exports.destinations.registry import (
    DESTINATIONS,
    FILE_KINDS,
    connect,
    connect_delivery,
    find_destination,
)
from exports.engine.destination import Field, Finding
from exports.engine.errors import Retryable
from exports.engine.rows import fields_of
from exports.select import check_columns
from exports.sync import SYNCS, Sync, load_syncs
from stammkunde.home import Home
from stammkunde.publish import open_published


def check_destination(
    name: str, home: Home, destinations: Path = DESTINATIONS, syncs: Path = SYNCS
) -> tuple[list[Finding], list[str]]:
    """Findings on a destination, and the names of the syncs that go there. Changes nothing there.

    Raises ConfigError if there is no such destination or a variable of the environment is not set, UserError
    if syncs go there and nothing is published yet, which their fields are read from.
    """
    settings = find_destination(name, destinations)
    used = [sync for sync in load_syncs(syncs).values() if _goes_to(sync, name)]
    names = [sync.name for sync in used]
    try:
        if settings.kind in FILE_KINDS:
            return connect_delivery(name, destinations).check(), names
        with closing(connect(name, destinations)) as destination:
            return destination.check(_fields(used, home)), names
    except Retryable as error:
        return [Finding(False, f"{error}; try again later")], names


def _goes_to(sync: Sync, name: str) -> bool:
    return (sync.file.deliver_to if sync.is_file else sync.destination) == name


def _fields(syncs: Sequence[Sync], home: Home) -> list[Field]:
    """The fields of all syncs to one place, each once."""
    if not syncs:
        return []
    with open_published(home) as connection:
        found = [field for sync in syncs for field in fields_of(sync, check_columns(connection, sync))]
    return list(dict.fromkeys(found))
