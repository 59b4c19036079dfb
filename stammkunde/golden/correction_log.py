"""The file of corrections, `STAMMKUNDE_HOME/corrections.jsonl`: append-only, one JSON object a line.

Belongs here: writing and reading lines. Does not belong here: which customer a correction belongs to today
(`corrections.py`).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from stammkunde.errors import UserError
from stammkunde.files import fsync_path
from stammkunde.golden.survivorship import FIELDS
from stammkunde.golden.values import ATTRIBUTES, LONGEST_TEXT

WHOLE_GROUPS = ("address",)
"""Groups whose correction holds all fields: a corrected street must not meet the city of a later move."""
LONGEST_REASON = 2000


class CorrectionError(UserError):
    """A correction that cannot be made, or a file of corrections that cannot be read."""


@dataclass(frozen=True)
class Correction:
    """One line of the file. `at` is in UTC; `values` is attribute → value or None for "there is none".

    `record_id` is the source record that the correction hangs on, `customer_id` its customer when it was
    made. A line whose `values` is empty withdraws what was corrected before.
    """

    correction_id: str
    customer_id: str
    record_id: str
    attribute: str
    values: Mapping[str, str | None]
    author: str
    reason: str
    at: datetime

    @property
    def covers(self) -> tuple[str, ...]:
        """The attributes that this line speaks of."""
        return covered_by(self.attribute)


def covered_by(attribute: str) -> tuple[str, ...]:
    """The attributes that a correction of this one speaks of: itself, or its whole group."""
    group = ATTRIBUTES[attribute]
    return FIELDS[group] if group in WHOLE_GROUPS else (attribute,)


def read_corrections(path: Path) -> list[Correction]:
    """All lines in their order; no file means none. Raises CorrectionError naming file and line.

    A last line without its end is what a crash left of a correction that was never confirmed: it is left out.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    corrections = []
    lines = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            corrections.append(_parse(line))
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                break
            what = type(error).__name__
            raise CorrectionError(f"{path}, line {number}: not a correction ({what})") from error
    return corrections


def append_correction(
    path: Path,
    *,
    customer_id: str,
    record_id: str,
    attribute: str,
    values: Mapping[str, str | None],
    author: str,
    reason: str,
    at: datetime,
) -> Correction:
    """Appends a line; when this returns, it is on disk. Empty `values` withdraw.

    Raises CorrectionError when author or reason is missing or too long.
    """
    author, reason = author.strip(), reason.strip()
    for name, text, longest in (("author", author, LONGEST_TEXT), ("reason", reason, LONGEST_REASON)):
        if not text:
            raise CorrectionError(f"a correction needs its {name}: --{name}")
        if len(text) > longest:
            raise CorrectionError(f"the {name} has more than {longest} characters")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        content = file.read()
        confirmed = content.rfind(b"\n") + 1
        rest = content[confirmed:]
        if _is_complete(rest):  # only its line end is missing
            confirmed = len(content)
        count = content[:confirmed].count(b"\n") + (confirmed == len(content) and bool(rest))
        identity = "\0".join((str(count), customer_id, record_id, attribute, at.isoformat()))
        correction = Correction(
            "k_" + hashlib.sha256(identity.encode()).hexdigest()[:16],
            customer_id, record_id, attribute, dict(values), author, reason, at,
        )  # fmt: skip
        file.truncate(confirmed)
        file.seek(confirmed)
        file.write((b"\n" if rest and confirmed == len(content) else b"") + _line(correction))
        file.flush()
        os.fsync(file.fileno())
    fsync_path(path.parent)
    return correction


def _line(correction: Correction) -> bytes:
    content = asdict(correction) | {"at": correction.at.isoformat()}
    return json.dumps(content, ensure_ascii=False).encode() + b"\n"


def _is_complete(line: bytes) -> bool:
    try:
        _parse(line)
    except (ValueError, KeyError, TypeError):
        return False
    return True


def _parse(line: bytes) -> Correction:
    content = json.loads(line)
    correction = Correction(**{**content, "at": datetime.fromisoformat(content["at"])})
    if correction.attribute not in ATTRIBUTES or not set(correction.values) <= set(correction.covers):
        raise ValueError("unknown attribute")
    texts = (correction.correction_id, correction.customer_id, correction.record_id, correction.author)
    if not all(isinstance(text, str) for text in (*texts, correction.reason)):
        raise TypeError("expected texts")
    return correction
