"""vCards (2.1, 3.0, 4.0; many a file): business cards from fairs as leads.

Belongs here: splitting a file into cards and choosing what of a card becomes a lead. The grammar of a card is
vobject's. Does not belong here: types of the values (landing).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import vobject
from vobject.base import VObjectError

from ingestion.contracts import Table
from ingestion.extract import Context, Message, Notice, RejectedRow, Rows
from ingestion.readers.files import Refused, read_whole_file
from ingestion.readers.text import KEPT_BYTES, MAX_FIELD_BYTES, Text, inspect

_PICTURE = re.compile(r"(?:[\w-]+\.)?(?:PHOTO|LOGO|SOUND|KEY)[;:]", re.IGNORECASE)
_NOT_CONTENT = re.compile(r"(?:[\w-]+\.)?(?:REV|PRODID|VERSION)[;:]", re.IGNORECASE)
_FULL_DAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ].*)?")
_BATCH = 10_000
# What vobject raises on cards that it cannot read, besides its own errors.
_UNREADABLE = (VObjectError, ValueError, LookupError, AttributeError, TypeError, AssertionError)


def read_vcards(content: Path, table: Table, context: Context, *, name: str) -> Iterator[Message]:
    """Reads a file of vCards as leads of the source `fair`, captured when the file was last changed.

    `lead_id` comes from the card's UID, or else from its content, so that a card read again is the same lead.
    A card without a name and company is rejected; a file that ends inside a card is refused.
    """
    yield from read_whole_file(
        content, table, context, name, lambda: _VcardFile(content, table, context, name).messages()
    )


@dataclass(frozen=True)
class _Card:
    line: int
    text: str
    problem: str | None = None


class _VcardFile:
    """State of reading one file."""

    def __init__(self, path: Path, table: Table, context: Context, name: str) -> None:
        changed = datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
        self._captured_at = changed.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._text = inspect(path)
        self._table, self._context, self._name = table, context, name
        self._left_out: Counter[str] = Counter()

    def messages(self) -> Iterator[Message]:
        leads: list[dict[str, str | None]] = []
        lines: list[int] = []
        read = 0
        for card in _cards(self._text):
            read += 1
            lead = self._lead(card)
            if isinstance(lead, RejectedRow):
                yield lead
                continue
            leads.append(lead)
            lines.append(card.line)
            if len(leads) == _BATCH:
                yield self._rows(leads, lines)
                self._context.progress(f"{self._name}: {read:,} cards")
                leads, lines = [], []
        if leads:
            yield self._rows(leads, lines)
        for what, count in sorted(self._left_out.items()):
            yield Notice(f"{self._name}: {what} ({count} cards)")

    def _rows(self, leads: list[dict[str, str | None]], lines: list[int]) -> Rows:
        columns = {f: pa.array([lead.get(f) for lead in leads], pa.string()) for f in self._table.field_names}
        return Rows(self._table.name, pa.table(columns), self._name, pa.array(lines, pa.int64()))

    def _lead(self, card: _Card) -> dict[str, str | None] | RejectedRow:
        problem = card.problem
        if problem is None:
            try:
                properties = vobject.readOne(card.text, allowQP=True).contents
                lead = self._mapped(properties)
            except _UNREADABLE as error:
                line = getattr(error, "lineNumber", None)
                problem = f"no valid vCard{f': line {card.line + line - 1} cannot be read' if line else ''}"
            else:
                if any(lead.get(field) for field in ("name", "first_name", "last_name", "company")):
                    return lead | {"lead_id": _lead_id(properties, card.text)}
                problem = "vCard without a name"
        return RejectedRow(
            self._table.name, self._name, card.line, None, None, problem, card.text[:KEPT_BYTES]
        )

    def _mapped(self, properties: dict[str, list[Any]]) -> dict[str, str | None]:
        lead: dict[str, str | None] = {"captured_at": self._captured_at, "source": "fair"}
        name = _best(properties.get("n"))
        if name is not None:
            lead["first_name"] = _joined(name.value.given, name.value.additional)
            lead["last_name"] = _joined(name.value.family)
        if not (lead.get("first_name") or lead.get("last_name")):
            lead["name"] = _text(_best(properties.get("fn")))
        organisation = _best(properties.get("org"))
        if organisation is not None:
            parts = organisation.value if isinstance(organisation.value, list) else [organisation.value]
            lead["company"] = next((part.strip() for part in parts if part.strip()), None)
        lead["email"] = (
            self._one(properties, "email", "further e-mail addresses are left out").lower() or None
        )
        lead["phone"] = (
            re.sub("(?i)^tel:", "", self._one(properties, "tel", "further phone numbers are left out"))
            or None
        )
        address = _best(properties.get("adr"))
        if address is not None:
            lead["street"] = _joined(address.value.street)
            lead["postal_code"], lead["city"] = _joined(address.value.code), _joined(address.value.city)
            lead["country"] = _joined(address.value.country)
        lead["birth_date"] = self._birth_date(_text(_best(properties.get("bday"))))
        lead["message"] = "\n".join(filter(None, map(_text, properties.get("note", [])))) or None
        interests = [part.strip() for entry in properties.get("categories", []) for part in entry.value]
        lead["interests"] = json.dumps([part for part in interests if part]) if any(interests) else None
        return lead

    def _one(self, properties: dict[str, list[Any]], key: str, notice: str) -> str:
        entries = [entry for entry in properties.get(key, []) if _text(entry) and "FAX" not in _kinds(entry)]
        if len({_text(entry) for entry in entries}) > 1:
            self._left_out[notice] += 1
        return _text(_best(entries)) or ""

    def _birth_date(self, value: str | None) -> str | None:
        if value is None:
            return None
        match = _FULL_DAY.fullmatch(value)
        partial = re.fullmatch(r"[-\d]{2,7}(?:T.*)?", value)
        if partial or (match and match[1] == "1604"):  # 1604: address books write it when the year is unknown
            self._left_out["birthdays without day or year are left out"] += 1
            return None
        return "-".join(match.groups()) if match else value


def _cards(text: Text) -> Iterator[_Card]:
    """The cards of the file with the line of their BEGIN. Raises Refused if the last one does not end."""
    begin = size = 0
    card: list[bytes] = []
    is_stray = in_picture = False
    for number, line in enumerate((line for block in text.blocks() for line in block.splitlines(True)), 1):
        tag = line.strip().upper()
        if tag == b"BEGIN:VCARD":
            if begin:
                yield _Card(begin, _shown(card), f"the card has no END:VCARD before line {number}")
            begin, card, size, is_stray, in_picture = number, [], 0, False, False
        elif not begin:
            if tag and not line.endswith(b"\n") and b"BEGIN:VCARD".startswith(tag):
                raise Refused("the file ends inside the first line of a vCard", number)
            if tag and not is_stray:
                is_stray = True
                yield _Card(number, _shown([line]), "text outside of a vCard")
            continue
        in_picture = in_picture and line.startswith((b" ", b"\t"))
        in_picture = in_picture or _PICTURE.match(line[:100].decode("latin-1")) is not None
        if not in_picture:
            size += len(line)
            if size <= MAX_FIELD_BYTES:
                card.append(line)
        if tag == b"END:VCARD":
            yield _decoded(text, begin, card, size)
            begin = 0
    if begin:
        raise Refused(f"the file ends inside the vCard that begins in line {begin}", begin)


def _decoded(text: Text, line: int, lines: list[bytes], size: int) -> _Card:
    card = b"".join(lines)
    if size > MAX_FIELD_BYTES:
        return _Card(line, _shown(lines), f"the card is longer than {MAX_FIELD_BYTES >> 20} MiB")
    if b"\0" in card:
        return _Card(line, _shown(lines), "the card holds a NUL byte")
    try:
        return _Card(line, text.decode(card).replace("\r\n", "\n"))
    except UnicodeDecodeError:
        return _Card(line, _shown(lines), "the card is in another encoding than the rest of the file")


def _shown(lines: list[bytes]) -> str:
    return b"".join(lines)[:KEPT_BYTES].decode("utf-8", errors="replace")


def _lead_id(properties: dict[str, list[Any]], text: str) -> str:
    uid = _text(_best(properties.get("uid")))
    lines = text.splitlines()
    content = uid or "\n".join(line.rstrip() for line in lines if not _NOT_CONTENT.match(line))
    return f"vcf_{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def _kinds(entry: Any) -> set[str]:
    """TYPE parameters in capitals; version 2.1 writes them without `TYPE=`."""
    values = [value for group in entry.params.get("TYPE", []) for value in group.split(",")]
    return {value.strip('"').upper() for value in [*values, *getattr(entry, "singletonparams", [])]}


def _best(entries: list[Any] | None) -> Any:
    """The preferred entry (PREF=1 or the type `pref`), for phones a mobile one, else the first."""

    def rank(entry: Any) -> tuple[int, int]:
        kinds = _kinds(entry)
        stated = "".join(entry.params.get("PREF", []))
        preference = int(stated) if stated.isdecimal() else 1 if "PREF" in kinds else 101
        return preference, 0 if "CELL" in kinds else 1

    return min(entries, key=rank) if entries else None


def _text(entry: Any) -> str | None:
    value = entry.value if entry is not None else None
    return value.strip() or None if isinstance(value, str) else None


def _joined(*parts: Any) -> str | None:
    flat = [piece for part in parts for piece in (part if isinstance(part, list) else [part])]
    return " ".join(piece.strip() for piece in flat if piece and piece.strip()) or None
