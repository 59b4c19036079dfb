"""Members of the loyalty card, from a folder of CSV files.

Belongs here: which files hold members. Does not belong here: how CSV is read (`ingestion/readers/`),
receipts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ingestion.extract import Context, Message
from ingestion.readers.csv import read_csv
from ingestion.readers.files import Pattern, read_folder
from ingestion.sources.shop.contract import LOYALTY

PATTERNS = (Pattern("*.csv", LOYALTY, read_csv), Pattern("*.csv.gz", LOYALTY, read_csv))


def extract(folder: Path, context: Context) -> Iterator[Message]:
    """Reads the members of every new file in the folder. Raises SourceUnavailable if there is no folder."""
    yield from read_folder(folder, PATTERNS, context)
