"""Tombstones: keyed hashes of what identified an erased person, so that no later file brings them back.

They stand in `privacy/tombstones.jsonl` of the home, one JSON object a line; the first line checks the key.
A tombstone holds for rows that came to be up to `until`: who comes back of their own accord later is a new
customer. A source record stays erased for good.

Belongs here: the file. Does not belong here: comparing rows with it (`privacy/suppression.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from privacy.key import Key
from stammkunde.errors import UserError
from stammkunde.files import write_atomically
from stammkunde.home import Home

PURPOSE = "tombstone"
_CHECK = "stammkunde"


@dataclass(frozen=True)
class Tombstone:
    """`hash` of a comparable value of `kind`; `until` is null when it holds for good."""

    kind: str
    hash: str
    until: datetime | None
    erasure_id: str


def path_of(home: Home) -> Path:
    """The file of the tombstones."""
    return home.root / "privacy" / "tombstones.jsonl"


def read_tombstones(home: Home, key: Key) -> list[Tombstone]:
    """All tombstones; no file means none.

    Raises UserError for a damaged file and for another key than the one they were made with: with it none
    would be recognised, and everyone erased would come back.
    """
    path = path_of(home)
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            content = json.loads(line)
            if number == 1:
                if content["key_check"] != key.hash(PURPOSE, _CHECK):
                    raise UserError(
                        f"{path}: was made with another secret key; with this one, erased people would come "
                        "back. Set STAMMKUNDE_SECRET_KEY (or restore secret.key) to the key of that time."
                    )
                continue
            until = content["until"] and datetime.fromisoformat(content["until"])
            found.append(Tombstone(content["kind"], content["hash"], until or None, content["erasure_id"]))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path}, line {number}: not a tombstone ({type(error).__name__}); restore it from a backup"
            ) from error
    return found


def add_tombstones(home: Home, key: Key, new: Iterable[Tombstone]) -> int:
    """Adds those that are not there yet; returns how many. On disk when this returns."""
    known = read_tombstones(home, key)
    latest = {(t.kind, t.hash): t for t in known}
    added = 0
    for tombstone in new:
        before = latest.get((tombstone.kind, tombstone.hash))
        if before is None or (before.until is not None and _later(tombstone.until, before.until)):
            latest[(tombstone.kind, tombstone.hash)] = tombstone
            added += before is None
    lines = [json.dumps({"key_check": key.hash(PURPOSE, _CHECK)})]
    for _, tombstone in sorted(latest.items()):
        until = tombstone.until and tombstone.until.isoformat()
        lines.append(json.dumps({**tombstone.__dict__, "until": until}))
    path = path_of(home)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(path, ("\n".join(lines) + "\n").encode())
    return added


def _later(new: datetime | None, old: datetime) -> bool:
    return new is None or new > old


def as_table(tombstones: Iterable[Tombstone]) -> pa.Table:
    """Columns kind, hash, until (UTC without zone, null for good); one row per kind and hash."""
    rows = [
        {"kind": t.kind, "hash": t.hash, "until": t.until and t.until.replace(tzinfo=None)}
        for t in tombstones
    ]
    schema = pa.schema([("kind", pa.string()), ("hash", pa.string()), ("until", pa.timestamp("us"))])
    return pa.Table.from_pylist(rows, schema=schema)
