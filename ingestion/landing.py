"""One load: a reader's messages become Parquet parts, a quarantine and a manifest, committed by one rename.

Belongs here: holding the rows of a file back until the file proves whole, and the commit.
Does not belong here: reading sources (`ingestion/sources/`), typing (`ingestion/typing_rows.py`), Parquet
(`ingestion/parts.py`), duplicates and counts (`ingestion/finishing.py`).

Memory: rows wait for their file's `FileRead` as Arrow; beyond `BUFFER_BYTES` they go to part files of their
own, which are deleted if the file is refused in the end.
"""

from __future__ import annotations

import shutil
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Self

import pyarrow as pa

from ingestion import state
from ingestion.batches import Arrived, Batches, Typing, alike
from ingestion.contracts import Table
from ingestion.disk import full_disk_explained
from ingestion.extract import FileRead, FileRefused, Message, Notice, RejectedRow, Rows, Watermark
from ingestion.finishing import Finishing
from ingestion.parts import ROW_GROUP_ROWS, Part, TableLoad, connect
from ingestion.quarantine import Spool, refused_file, rejected_rows
from ingestion.state import FileEntry, Manifest, TableCounts, TableEntry
from privacy.suppression import Suppressor
from stammkunde.files import move_directory_atomically, write_atomically

BUFFER_BYTES = 384 * 1024 * 1024
REJECTED_ROWS = 10_000


@dataclass
class _OpenFile:
    """What has arrived of a file that has not yet proved whole."""

    file: str
    number: int
    spool: Spool
    rows: list[Rows] = field(default_factory=list)
    bytes: int = 0
    rejected: list[RejectedRow] = field(default_factory=list)
    parts: dict[str, Part] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    erased: Counter[str] = field(default_factory=Counter)

    def count(self, table: str, rows: int) -> None:
        self.counts[table] = self.counts.get(table, 0) + rows


class Landing:
    """Takes a reader's messages and commits them as one load, or as none if there is nothing new.

    `root` is the source's landing directory. Use as a context manager: leaving it without `commit` removes
    everything that was written. A full disk raises UserError. `suppressor` takes erased people out.
    """

    def __init__(
        self,
        root: Path,
        source: str,
        tables: dict[str, Table],
        timezone: str,
        as_of: date,
        full: bool = False,
        suppressor: Suppressor | None = None,
    ) -> None:
        self.root, self.tables, self.timezone, self.full = root, tables, timezone, full
        self.suppressor, self.erased = suppressor, Counter[str]()
        with full_disk_explained(root):
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            state.remove_leftovers(root)
        self.earlier = state.manifests(root)
        self.manifest = Manifest(source, state.next_load_id(root), as_of.isoformat(), full)
        self.directory = state.temporary_directory(root, self.manifest.load_id)
        self.files: list[FileEntry] = []
        self.watermarks: dict[str, datetime] = {}
        self.notices: list[str] = []
        self.rows_received = 0
        self._loads: dict[str, TableLoad] = {}
        self._file_order: list[dict[str, object]] = []
        self._open: dict[str, _OpenFile] = {}
        self._opened_count = self._part_count = 0

    def __enter__(self) -> Self:
        with full_disk_explained(self.root):
            self.directory.mkdir(mode=0o700)
        self.spool = Spool(self.directory / state.QUARANTINE)
        self._connection = connect(self.directory / ".spill")
        self._writer_connection = connect(self.directory / ".spill")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="landing")
        self._writing: Future[None] | None = None
        self._typing = Typing(self.timezone, self._connection, self.manifest.source, self.suppressor)
        self._batches = Batches(self._type)
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.shutdown(wait=True)
        self._writer_connection.close()
        self._connection.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    # -- messages ------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> None:
        """Takes one message. Raises ValueError for a table without a contract, UserError for a full disk."""
        with full_disk_explained(self.root):
            match message:
                case Rows():
                    self._take_rows(message)
                case RejectedRow():
                    opened = self._opened(message.file, message.table)
                    opened.count(message.table, 1)
                    opened.rejected.append(message)
                    self.rows_received += 1
                    if len(opened.rejected) >= REJECTED_ROWS:
                        self._spool_rejected(opened)
                case FileRead():
                    members = self._members(message.file)
                    tables = tuple(sorted({table for member in members for table in member.counts}))
                    self._accept(message.file, members, from_files=True)
                    self.files.append(FileEntry(message.file, message.sha256, "read", tables))
                case FileRefused():
                    self._refuse(message)
                case Watermark():
                    table, value = message.table, message.value
                    self.watermarks[table] = max(value, self.watermarks.get(table, value))
                case Notice():
                    self.notices.append(message.text)

    def _opened(self, file: str, table: str) -> _OpenFile:
        if table not in self.tables:
            raise ValueError(f"{file}: source {self.manifest.source} has no contract for a table {table!r}")
        if file not in self._open:
            number = self._opened_count
            self._opened_count += 1
            spool = Spool(self.directory / f".quarantine-{number}.parquet")
            self._open[file] = _OpenFile(file, number, spool)
        return self._open[file]

    def _take_rows(self, message: Rows) -> None:
        opened = self._opened(message.file, message.table)
        if len(message.lines) != message.data.num_rows:
            raise ValueError(f"{message.file}: {message.data.num_rows} rows, but {len(message.lines)} lines")
        opened.rows.append(message)
        opened.bytes += message.data.nbytes
        opened.count(message.table, message.data.num_rows)
        self.rows_received += message.data.num_rows
        if sum(o.bytes for o in self._open.values()) > BUFFER_BYTES:
            self._spill(max(self._open.values(), key=lambda o: o.bytes))

    def _members(self, file: str) -> list[_OpenFile]:
        """The open files that belong to `file`: itself and, for a zip or folder, its members."""
        return [self._open.pop(n) for n in list(self._open) if n == file or n.startswith(f"{file}/")]

    def _refuse(self, message: FileRefused) -> None:
        if message.table not in self.tables:
            raise ValueError(f"{message.file}: no contract for a table {message.table!r}")
        self._wait()
        for opened in self._members(message.file):
            opened.spool.discard()
            for part in opened.parts.values():
                part.discard()
        self.files.append(
            FileEntry(message.file, message.sha256, "refused", (message.table,), message.reason)
        )
        self.spool.add(refused_file(message))

    def _accept(self, container: str, members: list[_OpenFile], from_files: bool) -> None:
        number = len(self._file_order)
        for opened in members:
            self._file_order.append({"file": opened.file, "container": container, "file_no": number})
            if opened.parts:
                self._spill(opened)
                self._wait()
            else:
                self._batches.add([Arrived(rows, opened.number, container) for rows in opened.rows])
            for name, part in opened.parts.items():
                part.close()
                self._load(name).parts.append(part)
            for name, count in opened.counts.items():
                load = self._load(name)
                load.from_files = load.from_files or from_files
                load.counts = replace(load.counts, rows_read=load.counts.rows_read + count)
            self._spool_rejected(opened)
            self.erased.update(opened.erased)
            opened.spool.move_to(self.spool, container)

    def _load(self, table: str) -> TableLoad:
        return self._loads.setdefault(table, TableLoad(self.tables[table]))

    # -- rows ----------------------------------------------------------------------------------------------

    def _spool_rejected(self, opened: _OpenFile) -> None:
        if opened.rejected:
            rows = rejected_rows(self.tables, opened.rejected)
            opened.spool.add(self._typing.without_erased(rows, opened.erased))
            opened.rejected = []

    def _spill(self, opened: _OpenFile) -> None:
        """Types what has arrived of a large file; its rows go to parts and a spool of its own."""
        arrived = [Arrived(rows, opened.number, opened.file) for rows in opened.rows]
        opened.rows, opened.bytes = [], 0
        for group in alike(arrived):
            table = self.tables[group[0].rows.table]
            good, bad = self._typing.batch(table, group, opened.erased)
            if bad is not None:
                opened.spool.add(bad)
            if good.num_rows:
                part = opened.parts.get(table.name) or self._new_part(table)
                opened.parts[table.name] = part
                self._submit(part, [good])

    def _type(self, arrived: list[Arrived]) -> None:
        """Types rows of files that are whole; good ones go to the table's shared part."""
        table = self.tables[arrived[0].rows.table]
        good, bad = self._typing.batch(table, arrived, self.erased)
        if bad is not None:
            self.spool.add(bad)
        if good.num_rows:
            load = self._load(table.name)
            load.waiting.append(good)
            load.waiting_rows += good.num_rows
            if load.waiting_rows >= ROW_GROUP_ROWS:
                self._flush(load)

    def _flush(self, load: TableLoad) -> None:
        if not load.waiting:
            return
        if load.shared is None:
            load.shared = self._new_part(load.table)
            load.parts.append(load.shared)
        self._submit(load.shared, load.waiting)
        load.waiting, load.waiting_rows = [], 0

    def _new_part(self, table: Table) -> Part:
        path = self.directory / table.name / f"part-{self._part_count:05d}.parquet"
        self._part_count += 1
        return Part(path, table, self.manifest.load_id)

    def _submit(self, part: Part, chunks: list[pa.Table]) -> None:
        """Writes in the background, one row group at a time."""
        self._wait()
        self._writing = self._writer.submit(part.write, chunks, self._writer_connection)

    def _wait(self) -> None:
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    # -- commit --------------------------------------------------------------------------------------------

    def commit(self) -> Manifest | None:
        """Finishes the load and renames it into place; None, and nothing on disk, if nothing is new.

        Raises LostRows if the counts do not add up.
        """
        with full_disk_explained(self.root):
            for name in list(self._open):
                self._accept(name, [self._open.pop(name)], from_files=False)
            self._batches.flush()
            for load in self._loads.values():
                self._flush(load)
            self._wait()
            for part in [part for load in self._loads.values() for part in load.parts]:
                part.close()
            finishing = Finishing(self._connection, self.directory, self.root, self.earlier)
            counts = finishing.finish(self._loads, self.spool, self._file_order, self.erased, self.full)
            self.manifest = manifest = self._completed(counts)
            if not self.files and not any(c.rows_read for c in counts.values()):
                return None
            shutil.rmtree(self.directory / ".spill", ignore_errors=True)
            for path in self.directory.rglob("*.parquet"):
                path.chmod(0o600)
            write_atomically(self.directory / state.MANIFEST, manifest.to_json())
            move_directory_atomically(self.directory, self.root / manifest.load_id)
        return manifest

    def _completed(self, counts: dict[str, TableCounts]) -> Manifest:
        entries = {}
        for name, table in self.tables.items():
            read = sum(f.status == "read" and name in f.tables for f in self.files)
            refused = sum(f.status == "refused" and name in f.tables for f in self.files)
            if name in counts or read or refused:
                counted = replace(counts.get(name, TableCounts()), files_read=read, files_refused=refused)
                columns = tuple((f.name, str(f.type)) for f in table.raw_schema)
                entries[name] = TableEntry(counted, columns)
        return replace(
            self.manifest,
            files=tuple(self.files),
            watermarks={table: value.isoformat() for table, value in sorted(self.watermarks.items())},
            tables=entries,
            notices=tuple(self.notices),
        )
