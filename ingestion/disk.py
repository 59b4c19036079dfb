"""A full disk, told so that the user can mend it.

Belongs here: recognising that there is no room. Does not belong here: cleaning up (`ingestion/landing.py`).
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from stammkunde.errors import UserError


@contextmanager
def full_disk_explained(directory: Path) -> Iterator[None]:
    """Turns "no space left" from the system or from DuckDB into a UserError; other errors pass."""
    try:
        yield
    except (OSError, duckdb.Error) as error:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        if full or "no space left" in str(error).lower():
            raise UserError(
                f"The disk is full: {directory} cannot take another load. Nothing of it was kept; "
                "make room and run again."
            ) from error
        raise
