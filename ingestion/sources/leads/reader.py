"""Leads from a folder: web forms as JSON lines, lists as CSV, business cards as vCards.

Belongs here: which files hold leads. Does not belong here: how the formats are read (`ingestion/readers/`).
"""

from __future__ import annotations

from collections.abc import Iterator

from ingestion.extract import Context, Message
from ingestion.readers.csv import read_csv
from ingestion.readers.files import Pattern, read_folder
from ingestion.readers.jsonl import read_jsonl
from ingestion.readers.vcard import read_vcards
from ingestion.sources.leads.contract import LEADS
from stammkunde.config import FolderSource

PATTERNS = (
    Pattern("*.jsonl", LEADS, read_jsonl),
    Pattern("*.jsonl.gz", LEADS, read_jsonl),
    Pattern("*.csv", LEADS, read_csv),
    Pattern("*.csv.gz", LEADS, read_csv),
    Pattern("*.vcf", LEADS, read_vcards),
)


def extract(settings: FolderSource, context: Context) -> Iterator[Message]:
    """Reads the leads of every new file in the folder. Raises SourceUnavailable if there is no folder."""
    yield from read_folder(settings.path, PATTERNS, context)
