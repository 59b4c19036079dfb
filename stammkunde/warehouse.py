"""The warehouse: one DuckDB file with one writer.

DuckDB excludes every other process while one writes, so each step opens the warehouse, does its work and
closes it; `single_run` keeps two runs from interleaving.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from stammkunde.errors import BusyError, UserError
from stammkunde.home import Home
from stammkunde.migrations import migrate

WRITABLE = "the home must be on a disk that can be written, and belong to the user who runs stammkunde"


def is_taken(error: duckdb.IOException) -> bool:
    """Whether DuckDB says that another process has the file; the path itself may hold any word."""
    return "could not set lock on file" in str(error).lower()


@contextmanager
def open_warehouse(
    path: Path, *, read_only: bool = False, wait_seconds: float = 30.0
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens the warehouse for one step; waits while another process has it.

    Raises BusyError when it stays taken for `wait_seconds`, UserError when the file cannot be opened.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            connection = duckdb.connect(str(path), read_only=read_only)
            break
        except duckdb.IOException as error:
            if not is_taken(error):
                reason = str(error).splitlines()[0].removeprefix("IO Error: ")
                raise UserError(f"{path} cannot be opened: {reason}") from error
            if time.monotonic() >= deadline:
                raise BusyError(
                    f"{path} is in use by another process; close it or wait, then run again."
                ) from error
            time.sleep(0.2)
    if not read_only:
        path.chmod(0o600)
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set preserve_insertion_order = false")
        yield connection
    finally:
        connection.close()


@contextmanager
def single_run(
    home: Home,
    *,
    wait_seconds: float = 0.0,
    say: Callable[[str], None] = lambda text: None,
) -> Iterator[None]:
    """Holds the home for one run and brings it to the current format.

    The lock goes with the process, so a killed run leaves none behind.

    Raises BusyError, naming the process that holds it, and UserError for a home that cannot be written.
    """
    home.create()
    try:
        descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UserError(f"{home.lock} cannot be written ({error.strerror}); {WRITABLE}") from error
    deadline = time.monotonic() + wait_seconds
    waiting = False
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
                if time.monotonic() >= deadline:
                    raise BusyError(
                        f"Another run (process {owner}) is working on {home.root}; "
                        "wait until it has ended, then run again."
                    ) from None
                if not waiting:
                    say(f"waiting for the run of process {owner} to end …")
                    waiting = True
                time.sleep(0.5)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        migrate(home, say)
        yield
    finally:
        os.close(descriptor)
