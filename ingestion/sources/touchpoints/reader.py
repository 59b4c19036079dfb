"""Touchpoints from a folder: mail events, service tickets, surveys, web events; the file's name says which.

Belongs here: which files hold touchpoints. Does not belong here: how the formats are read
(`ingestion/readers/`).
"""

from __future__ import annotations

from collections.abc import Iterator

from ingestion.extract import Context, Message
from ingestion.readers.csv import read_csv
from ingestion.readers.files import Pattern, read_folder
from ingestion.readers.jsonl import read_jsonl
from ingestion.sources.touchpoints.contract import MAIL_EVENTS, SURVEYS, TICKETS, WEB_EVENTS
from stammkunde.config import FolderSource

PATTERNS = tuple(
    Pattern(f"{table.name}*.{suffix}{packed}", table, reader)
    for table, suffix, reader in (
        (MAIL_EVENTS, "jsonl", read_jsonl),
        (TICKETS, "csv", read_csv),
        (SURVEYS, "csv", read_csv),
        (WEB_EVENTS, "jsonl", read_jsonl),
    )
    for packed in ("", ".gz")
)


def extract(settings: FolderSource, context: Context) -> Iterator[Message]:
    """Reads every new file in the folder. Raises SourceUnavailable if there is no folder."""
    yield from read_folder(settings.path, PATTERNS, context)
