"""What a source's reader hands to landing.

A reader (`ingestion/sources/<source>/…`) is a generator of these messages and knows nothing of files on
our side, state or databases. Landing (`ingestion/landing.py`) types the rows by the contract, quarantines
what breaks it and writes Parquet.

Order of messages: every `Rows` and `RejectedRow` of a file comes before that file's `FileRead` or
`FileRefused`. A file that ends in `FileRefused` contributes no row at all: landing throws its rows away,
so nothing is half-taken. The rows of a zip's or folder's member carry `<file>/<member>` as their file.
Rows of databases and APIs have no `FileRead`; they count as whole when the reader ends without an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa


@dataclass(frozen=True)
class Rows:
    """A batch of rows of one table, columns named as in the contract, values as text or native Arrow types.

    Columns that the contract does not know are ignored, columns that are missing are null. `lines` holds the
    line (files) or ordinal (databases, APIs) of each row, int64, counted from 1. An instant without a zone,
    as text or as an Arrow timestamp, is the company's local time; one with a zone or `Z` is what it says.
    """

    table: str
    data: pa.Table
    file: str
    lines: pa.Array
    decimal_mark: Literal[".", ","] | None = None


@dataclass(frozen=True)
class RejectedRow:
    """One row that the reader itself cannot read, for example a broken line of JSON."""

    table: str
    file: str
    line: int | None
    field: str | None
    value: str | None
    reason: str
    row: str = ""


@dataclass(frozen=True)
class FileRead:
    """The file was read to its end and is whole. `sha256` is that of its bytes."""

    file: str
    sha256: str


@dataclass(frozen=True)
class FileRefused:
    """The file cannot be trusted as a whole (truncated, not a zip, header changed …)."""

    table: str
    file: str
    sha256: str
    reason: str
    line: int | None = None
    field: str | None = None


@dataclass(frozen=True)
class Watermark:
    """The highest version seen of a table that is read incrementally."""

    table: str
    value: datetime


@dataclass(frozen=True)
class Notice:
    """Something the user should know and that is no error: an optional table is missing, for example."""

    text: str


Message = Rows | RejectedRow | FileRead | FileRefused | Watermark | Notice


@dataclass(frozen=True)
class SourceState:
    """What earlier loads of this source have committed."""

    known_files: frozenset[str] = frozenset()
    """sha256 of every file that was read or refused before: its content is not read again."""
    watermarks: dict[str, datetime] = field(default_factory=dict)
    """Highest version per table, UTC without zone. Read from it inclusively: landing drops rows it has."""


@dataclass(frozen=True)
class Context:
    """What a reader may know of the run."""

    as_of: date
    timezone: str = "Europe/Berlin"
    currency: str = "EUR"
    country: str = "DE"
    state: SourceState = SourceState()
    progress: Callable[[str], None] = lambda text: None
    full: bool = False
    """Read everything again, whatever the state says."""


Reader = Callable[[Any, Context], Iterator[Message]]
"""`extract(settings, context)`: settings is the source's section of the configuration."""


class SourceUnavailable(Exception):
    """The source cannot be reached or refuses us; the message says what to do. Nothing of it is landed."""


def relative_name(path: Path, root: Path) -> str:
    """Name of a file as shown to users: relative to the source's folder."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
