"""Receipts from the export that every German till writes (DSFinV-K 2.x).

Belongs here: finding exports in a folder, their order, reading them side by side.
Does not belong here: zips and folders (`ingestion/sources/shop/export.py`), CSV
(`ingestion/sources/shop/members.py`).

An export is a zip or a folder with one set of CSV files or several, in subfolders of the zip. It is taken as
a whole or refused as a whole. Exports come in the order in which the tills wrote them, so a corrected export
of a closing comes after the one that it replaces.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.contracts import Table
from ingestion.extract import (
    Context,
    FileRead,
    FileRefused,
    Message,
    Notice,
    Rows,
    SourceUnavailable,
    relative_name,
)
from ingestion.sources.shop.contract import CLOSINGS, LINES, LINES_VAT, LOCATIONS, PAYMENTS, TRANSACTIONS
from ingestion.sources.shop.export import Export, FolderExport, Member, Refused, WrittenAt, ZipExport
from ingestion.sources.shop.members import MemberReader

MEMBERS: dict[str, Table] = {
    "transactions.csv": TRANSACTIONS,
    "lines.csv": LINES,
    "lines_vat.csv": LINES_VAT,
    "datapayment.csv": PAYMENTS,
    "location.csv": LOCATIONS,
    "cashpointclosing.csv": CLOSINGS,
}
_REQUIRED = ("transactions.csv", "lines.csv", "lines_vat.csv")
_OTHER_ARCHIVES = (".7z", ".rar", ".tar", ".gz", ".tgz")
_TEMPORARY = (".part", ".tmp", ".filepart", ".crdownload")
_THREADS = 2
_AHEAD_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class _Planned:
    """An export that is to be read. `size` is what it unpacks to; larger ones are not read ahead."""

    export: Export
    sha256: str
    fingerprint: tuple[object, ...]
    members: tuple[Member, ...]
    size: int
    missing: list[tuple[str, str]] = field(default_factory=list)
    """File name and column that the export leaves out; known once it is read."""


def extract(folder: Path, context: Context) -> Iterator[Message]:
    """Reads every export that is not known. Raises SourceUnavailable if the folder cannot be listed."""
    exports, notices = _find(folder)
    yield from notices
    if not exports:
        yield Notice(f"{folder} holds no DSFinV-K export (a zip, or a folder with {', '.join(_REQUIRED)})")
    lacking: Counter[tuple[str, str]] = Counter()
    planned = _plan(exports, context)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="dsfinvk") as pool:
        ahead: deque[tuple[_Planned, Future[list[Message]] | None]] = deque()
        waiting = 0
        more = True
        while more or ahead:
            while more and len(ahead) <= 2 * _THREADS and waiting < _AHEAD_BYTES:
                entry = next(planned, None)
                if entry is None:
                    more = False
                elif isinstance(entry, FileRefused):
                    yield entry
                else:
                    large = entry.size > _AHEAD_BYTES
                    ahead.append((entry, None if large else pool.submit(_read_all, entry)))
                    waiting += entry.size
            if ahead:
                entry, future = ahead.popleft()
                context.progress(entry.export.name)
                yield from _read(entry) if future is None else future.result()
                waiting -= entry.size
                lacking.update(entry.missing)
    for (member, column), count in sorted(lacking.items()):
        effect = "; their receipts count as guest receipts" if column == "kunde_id" else ""
        yield Notice(f"{count} {member} without the column {column.upper()}{effect}")


def _find(folder: Path) -> tuple[list[Export], list[Notice]]:
    root = folder.resolve()
    if not root.is_dir():
        kind = "is no folder" if root.exists() else "does not exist"
        raise SourceUnavailable(f"The folder {folder} of the tills {kind}; correct sources.shop.dsfinvk")

    def fail(error: OSError) -> None:
        raise SourceUnavailable(f"The folder {error.filename} cannot be read: {error.strerror}") from error

    exports: list[Export] = []
    notices: list[Notice] = []
    for directory, subfolders, files in os.walk(root, onerror=fail):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        base = Path(directory)
        if {name.lower() for name in files} & set(_REQUIRED):
            name = root.name if base == root else relative_name(base, root)
            exports.append(FolderExport(base, name))
        for name in sorted(files):
            path = base / name
            if name.startswith(".") or name.lower().endswith(_TEMPORARY):
                notices.append(Notice(f"{relative_name(path, root)}: hidden or unfinished file, not read"))
            elif name.lower().endswith(_OTHER_ARCHIVES):
                notices.append(Notice(f"{relative_name(path, root)}: not read; pack it as zip or unpack it"))
            elif name.lower().endswith(".zip"):
                exports.append(ZipExport(path, relative_name(path, root)))
    return exports, notices


def _plan(exports: list[Export], context: Context) -> Iterator[_Planned | FileRefused]:
    """What is new, oldest first; exports that cannot be opened are refused here."""
    planned: list[tuple[WrittenAt, _Planned]] = []
    for export in exports:
        try:
            fingerprint = export.fingerprint()
            sha256 = export.sha256()
            if sha256 in context.state.known_files and not context.full:
                continue
            written_at, found = export.look()
            members = tuple(m for m in found if m.file_name in MEMBERS)
            _check_complete(members)
        except Refused as refused:
            yield _refusal(export, sha256, refused)
        except OSError as error:
            yield _unreadable(export, error)
        else:
            size = sum(m.size for m in members)
            planned.append((written_at, _Planned(export, sha256, fingerprint, members, size)))
    planned.sort(key=lambda entry: (entry[0], Path(entry[1].export.name).stem, entry[1].export.name))
    yield from (entry for _, entry in planned)


def _check_complete(members: tuple[Member, ...]) -> None:
    folders: dict[str, set[str]] = {}
    for member in members:
        names = folders.setdefault(member.folder, set())
        if member.file_name in names:
            raise Refused(f"{member.path} is there twice, in different case", member.path)
        names.add(member.file_name)
    if not folders:
        raise Refused(f"{_REQUIRED[0]} is missing: not a DSFinV-K export")
    for folder, names in folders.items():
        for required in _REQUIRED:
            if required not in names:
                where = "" if folder == "." else f" in {folder}"
                raise Refused(f"{required} is missing{where}", required)


def _read_all(planned: _Planned) -> list[Message]:
    return list(_read(planned))


def _read(planned: _Planned) -> Iterator[Message]:
    export = planned.export
    try:
        readers = []
        with export.reading() as open_member:
            for member in planned.members:
                reader = MemberReader(MEMBERS[member.file_name], member.path)
                readers.append(reader)
                with open_member(member) as stream:
                    for data, lines in reader.read(stream, member.size):
                        yield Rows(reader.table.name, data, f"{export.name}/{member.path}", lines, ",")
        _check_cut(readers)
        if export.fingerprint() != planned.fingerprint:
            reason = "it changed while it was read; it is read in the next run"
            yield FileRefused(TRANSACTIONS.name, export.name, "", reason)
            return
    except Refused as refused:
        yield _refusal(export, planned.sha256, refused)
        return
    except OSError as error:
        yield _unreadable(export, error)
        return
    for reader in readers:
        planned.missing.extend((Path(reader.path).name.lower(), column) for column in reader.missing)
    yield FileRead(export.name, planned.sha256)


def _check_cut(readers: list[MemberReader]) -> None:
    """A writer that leaves out the last line break does so everywhere; where some lack it, they are cut."""
    ends = [reader for reader in readers if reader.rows]
    cut = [reader for reader in ends if not reader.ends_in_break]
    if cut and len(cut) < len(ends):
        first = cut[0]
        reason = f"{first.path}: line {first.last_line} has no end: the file is cut off"
        raise Refused(reason, first.path, first.last_line)


def _refusal(export: Export, sha256: str, refused: Refused) -> FileRefused:
    member = Path(refused.member or "").name.lower()
    table = MEMBERS.get(member, TRANSACTIONS)
    return FileRefused(table.name, export.name, sha256, refused.reason, refused.line, refused.field)


def _unreadable(export: Export, error: OSError) -> FileRefused:
    reason = f"it cannot be read: {error.strerror or error}"
    return FileRefused(TRANSACTIONS.name, export.name, "", reason)
