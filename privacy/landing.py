"""Rewrites committed loads: Parquet files without the erased rows, quarantine, manifests that fit.

Every file is replaced in one step, and every step can be done again: a killed erasure goes on where it stood.
A manifest is made to fit what its files hold, so it may be written after them. Its list of files stays, so
nothing is read again.

Belongs here: rewriting landing. Does not belong here: which rows go (`privacy/suppression.py`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingestion.contracts import Table, catalogue
from ingestion.parts import hexadecimal
from ingestion.state import HEALED, MANIFEST, QUARANTINE, Manifest, committed, manifests
from privacy.suppression import Suppressor
from stammkunde.files import fsync_path, write_atomically
from stammkunde.home import Home

_PART = ".erasing"


@dataclass
class Rewritten:
    """Rows removed and rows that lost a reference, by `source.table` (quarantine: `source.quarantine`)."""

    removed: dict[str, int] = field(default_factory=dict)
    blanked: dict[str, int] = field(default_factory=dict)

    def count(self, where: str, removed: int, blanked: int = 0) -> None:
        for counts, number in ((self.removed, removed), (self.blanked, blanked)):
            if number:
                counts[where] = counts.get(where, 0) + number


def rewrite_landing(
    home: Home,
    suppressor: Suppressor,
    say: Callable[[str], None] = lambda text: None,
    personal_texts: tuple[str, ...] = (),
    dry_run: bool = False,
) -> Rewritten:
    """Takes what the suppressor finds out of all committed loads, whenever it came to be.

    With `dry_run` it only counts. `personal_texts` in names of source files are replaced, such as the
    address in `anna@example.org.vcf`.
    """
    result = Rewritten()
    for source, tables in catalogue().items():
        root = home.landing / source
        known = {m.load_id: m for m in manifests(root)}
        for directory in committed(root):
            for leftover in directory.rglob(f"*{_PART}"):
                leftover.unlink()
            for name, table in tables.items():
                if suppressor.concerns(table):
                    for path in sorted((directory / name).glob("*.parquet")):
                        removed, blanked = _rewrite_part(path, table, suppressor, dry_run)
                        result.count(f"{source}.{name}", removed, blanked)
            gone = _rewrite_quarantine(directory, source, suppressor, dry_run)
            result.count(f"{source}.quarantine", gone)
            if not dry_run:
                _mend_manifest(directory, known[directory.name], personal_texts)
        say(f"landing: {source} done")
    return result


def _rewrite_part(path: Path, table: Table, suppressor: Suppressor, dry_run: bool) -> tuple[int, int]:
    """Row group by row group; the file is only replaced if something was found."""
    file = pq.ParquetFile(path)
    removed = blanked = 0
    touched = set()
    for number in range(file.num_row_groups):
        found = suppressor.apply(table, _with_contract(file.read_row_group(number), table), ever=True)
        if found.dropped or found.blanked:
            removed, blanked = removed + found.dropped, blanked + found.blanked
            touched.add(number)
    if not touched or dry_run:
        return removed, blanked
    beside = path.with_name(f"{path.name}{_PART}")
    writer: pq.ParquetWriter | None = None
    with duckdb.connect() as connection:
        for number in range(file.num_row_groups):
            rows = file.read_row_group(number)
            if number in touched:
                found = suppressor.apply(table, _with_contract(rows, table), ever=True)
                rows = _rehashed(found.rows, found.changed, table, connection).select(rows.column_names)
                rows = rows.cast(file.schema_arrow)
            if writer is None:
                beside.touch(mode=0o600)
                writer = pq.ParquetWriter(beside, file.schema_arrow, compression="zstd", store_schema=False)
            writer.write_table(rows, row_group_size=max(rows.num_rows, 1))
    assert writer is not None
    writer.close()
    _put(beside, path)
    return removed, blanked


def _with_contract(rows: pa.Table, table: Table) -> pa.Table:
    """Columns that the contract has had since an older load are null there."""
    for field_ in table.content_schema:
        if field_.name not in rows.column_names:
            rows = rows.append_column(field_, pa.nulls(rows.num_rows, field_.type))
    return rows


def _rehashed(
    rows: pa.Table, changed: pa.BooleanArray, table: Table, connection: duckdb.DuckDBPyConnection
) -> pa.Table:
    """Blanked rows get the hash that they would have had, so that ingestion knows them again."""
    if not rows.num_rows or not pc.any(changed).as_py():
        return rows
    connection.register("chunk", rows)
    names = ", ".join(f'"{name}"' for name in table.field_names)
    hashes = connection.execute(f"select hash({names}) as h from chunk").fetchnumpy()["h"]
    connection.unregister("chunk")
    fresh = hexadecimal(np.asarray(hashes).astype(np.uint64, copy=False))
    at = rows.column_names.index("_row_hash")
    old = rows.column(at).cast(pa.string())
    return rows.set_column(at, "_row_hash", pc.if_else(changed, fresh, old))


def _rewrite_quarantine(directory: Path, source: str, suppressor: Suppressor, dry_run: bool) -> int:
    path = directory / QUARANTINE
    if not path.exists():
        return 0
    rows = pq.read_table(path)
    kept = suppressor.keep_quarantined(rows, source)
    gone = rows.num_rows - int(pc.sum(kept).as_py() or 0)
    if gone and not dry_run:
        _write_table(rows.filter(kept), path)
        _forget_healed(directory.parent, rows.filter(pc.invert(kept)))
    return gone


def _forget_healed(root: Path, gone: pa.Table) -> None:
    """Keys of erased quarantine rows also stand in the notes of the loads that mended them."""
    keys = gone.column("row_key").drop_null()
    for path in root.glob(f"[0-9]*/{HEALED}"):
        healed = pq.read_table(path)
        stays = pc.invert(pc.is_in(healed.column("row_key"), value_set=keys.combine_chunks()))
        if len(keys) and not pc.all(stays).as_py():
            _write_table(healed.filter(pc.fill_null(stays, True)), path)


def _write_table(rows: pa.Table, path: Path) -> None:
    beside = path.with_name(f"{path.name}{_PART}")
    beside.touch(mode=0o600)
    pq.write_table(rows, beside, compression="zstd", store_schema=False)
    _put(beside, path)


def _put(beside: Path, path: Path) -> None:
    beside.chmod(0o600)
    fsync_path(beside)
    os.replace(beside, path)
    fsync_path(path.parent)


def _mend_manifest(directory: Path, manifest: Manifest, personal_texts: tuple[str, ...]) -> None:
    """Counts as the files now are; what is missing was erased."""
    entries = {}
    quarantined = _quarantined(directory)
    for name, entry in manifest.tables.items():
        before = entry.counts
        parts = sorted((directory / name).glob("*.parquet"))
        loaded = sum(pq.read_metadata(part).num_rows for part in parts)
        rejected = quarantined.get(name, 0)
        gone = before.rows_loaded + before.rows_quarantined - loaded - rejected
        counts = replace(
            before,
            rows_read=before.rows_read - gone,
            rows_loaded=loaded,
            rows_quarantined=rejected,
            rows_erased=before.rows_erased + gone,
        )
        entries[name] = replace(entry, counts=counts)
    files = tuple(replace(f, file=_without(f.file, personal_texts)) for f in manifest.files)
    notices = tuple(_without(n, personal_texts) for n in manifest.notices)
    mended = replace(manifest, tables=entries, files=files, notices=notices)
    if mended != manifest:
        write_atomically(directory / MANIFEST, mended.to_json())


def _quarantined(directory: Path) -> dict[str, int]:
    path = directory / QUARANTINE
    if not path.exists():
        return {}
    rows = pq.read_table(path, columns=["table_name", "kind"])
    rows = rows.filter(pc.equal(rows.column("kind"), "row"))
    counted = pc.value_counts(rows.column("table_name")).to_pylist()
    return {entry["values"]: entry["counts"] for entry in counted}


def _without(text: str, personal_texts: tuple[str, ...]) -> str:
    for personal in personal_texts:
        text = text.replace(personal, "erased")
    return text
