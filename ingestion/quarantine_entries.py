"""The quarantine as people look at it: entries of rows that broke the same rule, and what becomes of them.

An entry is what one load rejected of one file for one reason in one field; its id follows from these, so it
stays the same in every run.

Belongs here: listing, showing, dropping, reading again. Does not belong here: finding the faults
(`ingestion/typing_rows.py`) and what a later load heals by itself (`ingestion/healing.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from ingestion.contracts import catalogue
from ingestion.drops import Drop, add_drops
from ingestion.run import LoadResult, ingest
from stammkunde.config import Config
from stammkunde.errors import UserError
from stammkunde.home import Home
from stammkunde.settings import nearest


@dataclass(frozen=True)
class Entry:
    """Rows, or one refused file, with the same fate. `state` is open, healed or dropped."""

    entry_id: str
    source: str
    table_name: str
    load_id: str
    file: str
    container: str
    field: str | None
    reason: str
    kind: str
    rows: int
    state: str


@dataclass(frozen=True)
class Row:
    """One rejected row; `value_masked` shows at most the first character of personal values."""

    line: int | None
    value_masked: str | None
    row: str | None
    """The whole row as JSON, personal data included; None unless asked for."""


_ENTRIES = """
    select
        entry_id, source, table_name, load_id, file, container, field, reason, kind, count(*) as row_count,
        case
            when bool_and(healed_by_load_id is not null) then 'healed'
            when bool_or(dropped_by is not null) then 'dropped'
            else 'open'
        end as state
    from raw.quarantine
    group by all
"""


def entries(
    connection: duckdb.DuckDBPyConnection, source: str | None = None, everything: bool = False
) -> list[Entry]:
    """Open entries, or all of them; most rows first. Needs `register_raw`. Raises UserError for an unknown
    source.
    """
    if source is not None and source not in catalogue():
        raise UserError(f"there is no source {source!r}; {nearest(source, catalogue())}")
    rows = connection.execute(
        f"""
        select * from ({_ENTRIES})
        where (? is null or source = ?) and (? or state = 'open')
        order by row_count desc, source, table_name, load_id, file, field, reason
        """,
        [source, source, everything],
    ).fetchall()
    return [Entry(*row) for row in rows]


def find(connection: duckdb.DuckDBPyConnection, entry_ids: list[str]) -> list[Entry]:
    """The entries of these ids, or of the beginnings of ids. Raises UserError for one that is unknown or
    ambiguous.
    """
    known = entries(connection, everything=True)
    found = []
    for wanted in entry_ids:
        matching = [entry for entry in known if entry.entry_id.startswith(wanted)]
        if len(matching) != 1:
            what = "is no entry" if not matching else f"means {len(matching)} entries"
            raise UserError(
                f"{wanted!r} {what} of the quarantine; 'stammkunde quarantine list --all' shows them"
            )
        found += matching
    return found


def rows_of(
    connection: duckdb.DuckDBPyConnection, home: Home, entry: Entry, values: bool = False, limit: int = 100
) -> list[Row]:
    """The rows of an entry in the order of their lines; with `values` as a whole, personal data included."""
    path = home.landing / entry.source / entry.load_id / "quarantine.parquet"
    whole = 'q."row"' if values else "null"
    found = connection.execute(
        f"""
        select line, value_masked, {whole} from read_parquet(?) as q
        where table_name = ? and file = ? and field is not distinct from ? and reason = ? and kind = ?
        order by line nulls first, "row"
        limit ?
        """,
        [str(path), entry.table_name, entry.file, entry.field, entry.reason, entry.kind, limit],
    ).fetchall()
    return [Row(*row) for row in found]


def drop(home: Home, found: list[Entry], author: str, reason: str, at: datetime) -> int:
    """Marks open entries as seen and left; returns how many rows that are. Raises UserError for one that is
    not open.
    """
    for entry in found:
        if entry.state != "open":
            raise UserError(f"{entry.entry_id} is {entry.state} already")
    if not reason.strip():
        raise UserError("say why with --reason; it is kept with the decision")
    add_drops(
        home, [Drop(entry.entry_id, author, reason, at.isoformat(timespec="seconds")) for entry in found]
    )
    return sum(entry.rows for entry in found)


def retry(
    found: list[Entry],
    config: Config,
    home: Home,
    as_of: date,
    progress: Callable[[str], None] = lambda text: None,
) -> list[LoadResult]:
    """Reads the files of these entries again, though their content is known; a database or an API as a whole.

    What is good now heals; what is still bad comes back as an entry of the new load.
    """
    results = []
    for source in sorted({entry.source for entry in found}):
        files = frozenset(entry.container for entry in found if entry.source == source)
        results.append(ingest(source, config, home, as_of, progress, again=files))
    return results
