"""People whom the receivers of exports have to delete: `exports/deletions.jsonl` of the home.

One JSON object a line, with the key that the receiver knows and no other value. An erasure adds lines; a
destination that can delete takes them with `pending` and confirms them with `confirm`; for files, whoever
gets them does so by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from stammkunde.errors import UserError
from stammkunde.files import write_atomically
from stammkunde.home import Home


@dataclass(frozen=True)
class Deletion:
    """`key` is the name of the field by which the receiver knows the person, `value` its value."""

    sync: str
    key: str
    value: str
    erasure_id: str
    confirmed: bool = False


def path_of(home: Home) -> Path:
    """The file of deletions."""
    return home.exports / "deletions.jsonl"


def read_deletions(home: Home) -> list[Deletion]:
    """All deletions in the order queued. Raises UserError for a damaged line."""
    path = path_of(home)
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append(Deletion(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise UserError(f"{path}, line {number}: not a deletion ({type(error).__name__})") from error
    return found


def pending(home: Home, sync: str) -> list[Deletion]:
    """What a sync's destination has still to delete."""
    return [d for d in read_deletions(home) if d.sync == sync and not d.confirmed]


def queue_deletions(home: Home, new: Iterable[Deletion]) -> int:
    """Adds deletions; the same person and sync once per erasure. Returns how many were added."""
    known = read_deletions(home)
    keys = {(d.sync, d.value, d.erasure_id) for d in known}
    added = [d for d in new if (d.sync, d.value, d.erasure_id) not in keys]
    if added:
        _write(home, [*known, *added])
    return len(added)


def confirm(home: Home, done: Iterable[Deletion]) -> None:
    """Marks deletions as carried out."""
    keys = {(d.sync, d.value, d.erasure_id) for d in done}
    _write(
        home,
        [
            replace(d, confirmed=d.confirmed or (d.sync, d.value, d.erasure_id) in keys)
            for d in read_deletions(home)
        ],
    )


def _write(home: Home, deletions: list[Deletion]) -> None:
    path = path_of(home)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(path, "".join(json.dumps(asdict(d)) + "\n" for d in deletions).encode())
