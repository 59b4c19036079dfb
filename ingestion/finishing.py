"""The last steps before a load is committed: duplicates out, rows seen before out, everything counted.

Belongs here: the order of those steps and the proof that no row was lost.
Does not belong here: each step's SQL (`ingestion/duplicates.py`, `ingestion/healing.py`).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion import duplicates, healing
from ingestion.contracts import Table
from ingestion.parts import TableLoad
from ingestion.quarantine import Spool
from ingestion.state import QUARANTINE, Manifest, TableCounts

_FILE_ORDER = pa.schema([("file", pa.string()), ("container", pa.string()), ("file_no", pa.int64())])


class LostRows(Exception):
    """Rows read are not the rows loaded and quarantined: a defect of ours, so nothing is committed."""


class Finishing:
    """Finishes the tables of one load in `directory`; `root` holds the earlier loads of the source."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, directory: Path, root: Path, earlier: list[Manifest]
    ) -> None:
        self.connection, self.directory, self.root, self.earlier = connection, directory, root, earlier
        self.quarantine: Path | None = None

    def finish(
        self,
        loads: dict[str, TableLoad],
        spool: Spool,
        file_order: list[dict[str, object]],
        erased: Mapping[str, int],
        full: bool,
    ) -> dict[str, TableCounts]:
        """Removes what must not be committed and counts the rest; `erased` rows per table were not taken.

        Raises LostRows.
        """
        files = pa.Table.from_pylist(file_order, schema=_FILE_ORDER)
        for load in loads.values():
            if load.fingerprints.suspicious():
                parts = self._parts(load.table)
                duplicates.remove_duplicates(self.connection, load.table, parts, files, spool.add)
        if spool.close():
            self.quarantine = self.directory / QUARANTINE
        quarantined = dict(spool.counts)
        known_bad = healing.collect_quarantine(self.connection, self.root, self.earlier)
        seen: dict[str, duplicates.SeenAgain] = {}
        if not full:
            for name, load in loads.items():
                if not load.from_files:
                    seen[name] = self._drop_seen(load.table, quarantined.get(name, 0), known_bad)
            self._remove_from_quarantine([name for name, s in seen.items() if s.quarantined])
        counts = {}
        for name, load in loads.items():
            again = seen.get(name, duplicates.SeenAgain())
            counts[name] = self._counted(load, quarantined.get(name, 0), again, erased.get(name, 0))
        if known_bad:
            live = {name: load.table for name, load in loads.items() if not load.from_files}
            landed = {name for name in live if counts[name].rows_loaded}
            healing.write_healed(self.connection, self.directory, live, landed, self.quarantine)
        return counts

    def _parts(self, table: Table) -> Path:
        return self.directory / table.name

    def _counted(
        self, load: TableLoad, quarantined: int, again: duplicates.SeenAgain, erased: int
    ) -> TableCounts:
        name = load.table.name
        loaded = sum(pq.read_metadata(p).num_rows for p in self._parts(load.table).glob("*.parquet"))
        seen = again.rows + again.quarantined
        read = load.counts.rows_read - seen - erased
        bad = quarantined - again.quarantined
        if read != loaded + bad:
            raise LostRows(
                f"{load.table.source}, table {name}: {read} rows read, but {loaded} loaded and "
                f"{bad} quarantined; nothing was committed. This is a defect of Stammkunde, please report it."
            )
        return replace(
            load.counts,
            rows_read=read,
            rows_loaded=loaded,
            rows_quarantined=bad,
            seen_again=seen,
            rows_erased=erased,
        )

    # -- rows that an earlier load holds -----------------------------------------------------------------

    def _drop_seen(self, table: Table, quarantined: int, known_bad: bool) -> duplicates.SeenAgain:
        holding = [m.load_id for m in self.earlier if self._holds(m, table.name)]
        directory = self._parts(table)
        has_rows = directory.is_dir()
        bad = self._known_bad(table) if quarantined and known_bad else 0
        if not table.replace_by:
            same_bad = bad == quarantined and bad == self._open_bad(table, known_bad)
            if not (same_bad and holding and has_rows):
                return duplicates.SeenAgain()
            if not duplicates.snapshot_unchanged(
                self.connection, directory, self._part_files(holding[-1:], table)
            ):
                return duplicates.SeenAgain()
            rows = sum(pq.read_metadata(p).num_rows for p in directory.glob("*.parquet"))
            shutil.rmtree(directory)
            return duplicates.SeenAgain(rows, bad)
        rows = 0
        if has_rows and holding:
            rows = duplicates.drop_unchanged_groups(
                self.connection, table, directory, self._part_files(holding, table)
            )
        return duplicates.SeenAgain(rows, bad)

    @staticmethod
    def _holds(load: Manifest, table: str) -> bool:
        return table in load.tables and load.tables[table].counts.rows_loaded > 0

    def _part_files(self, load_ids: list[str], table: Table) -> list[str]:
        return [str(p) for i in load_ids for p in sorted((self.root / i / table.name).glob("*.parquet"))]

    _SAME_BAD = """exists (
        select 1 from earlier_quarantine as earlier
        where earlier.table_name = new.table_name and earlier.reason = new.reason
            and earlier.row_md5 = md5(new."row") and earlier.healed_by_load_id is null
    )"""

    def _new_quarantine(self) -> str:
        return f"read_parquet({duplicates.quoted(self.quarantine)})"

    def _known_bad(self, table: Table) -> int:
        """How many of this load's quarantined rows stand open in an earlier quarantine."""
        row = self.connection.execute(
            f"select count(*) from {self._new_quarantine()} as new where table_name = ? and {self._SAME_BAD}",
            [table.name],
        ).fetchone()
        return int(row[0]) if row else 0

    def _open_bad(self, table: Table, known_bad: bool) -> int:
        if not known_bad:
            return 0
        row = self.connection.execute(
            "select count(*) from earlier_quarantine where table_name = ? and healed_by_load_id is null",
            [table.name],
        ).fetchone()
        return int(row[0]) if row else 0

    def _remove_from_quarantine(self, tables: list[str]) -> None:
        """Rewrites this load's quarantine without the rows that an earlier one holds."""
        if not tables or self.quarantine is None:
            return
        fresh = self.quarantine.with_suffix(".fresh")
        fresh.touch(mode=0o600)
        (kept,) = self.connection.execute(
            f"copy (select * from {self._new_quarantine()} as new where not (table_name in "
            f"(select unnest(?)) and {self._SAME_BAD}) order by all) "
            f"to {duplicates.quoted(fresh)} (format parquet)",
            [tables],
        ).fetchone() or (0,)
        fresh.replace(self.quarantine)
        if not kept:
            self.quarantine.unlink()
            self.quarantine = None
