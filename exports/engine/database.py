"""SQLite as the engine's memory: durable to the last acknowledged batch, private to its owner."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stammkunde.errors import UserError


def open_database(path: Path, schema: str, version: int) -> sqlite3.Connection:
    """Opens or makes a database: WAL, synchronous FULL, readable by the owner only.

    `version` is the schema's; UserError for a database of a later one.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    # Statements outside of `transaction` commit at once; threads share it under the caller's lock.
    connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("pragma cache_size = -65536")
    found = connection.execute("pragma user_version").fetchone()[0]
    if found > version:
        connection.close()
        raise UserError(f"{path} was written by a later version of Stammkunde; update this one")
    if found < version:
        # In one transaction, so that a crash leaves no half of a schema.
        connection.executescript(f"begin immediate; {schema}; pragma user_version = {version}; commit;")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, and on disk when it is left."""
    connection.execute("begin immediate")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")
