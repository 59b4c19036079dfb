"""What a person decided to leave in quarantine: `STAMMKUNDE_HOME/quarantine_drops.jsonl`, append-only.

A dropped entry stays where it is, with its reason and who dropped it; it is only no longer open. Belongs
here: the file. Does not belong here: what is in quarantine (`ingestion/raw.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from stammkunde.errors import UserError
from stammkunde.files import write_atomically
from stammkunde.home import Home


@dataclass(frozen=True)
class Drop:
    """One decision: all rows of one load and file that broke the same rule in the same field."""

    entry_id: str
    author: str
    reason: str
    at: str
    """Instant, UTC, ISO 8601."""


def drops_file(home: Home) -> Path:
    """Where the decisions stand."""
    return home.root / "quarantine_drops.jsonl"


def read_drops(home: Home) -> list[Drop]:
    """All decisions in their order. Raises UserError naming file and line."""
    path = drops_file(home)
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append(Drop(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise UserError(f"{path}, line {number}: no decision on quarantine ({error})") from error
    return found


def add_drops(home: Home, drops: Iterable[Drop]) -> None:
    """Appends decisions; all of them or none."""
    lines = [*read_drops(home), *drops]
    content = "".join(json.dumps(asdict(drop), ensure_ascii=False) + "\n" for drop in lines)
    write_atomically(drops_file(home), content.encode())
