"""Takes erased people out of rows: those that arrive, and those that are there already.

Belongs here: which rows and columns a list of tombstones means. Does not belong here: making the list
(`privacy/tombstones.py`) or reading and writing files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.contracts import Table
from privacy.key import Key
from privacy.retention_limits import Limits, limits_of
from privacy.rules import Rule, rules_of, value_sql
from privacy.tombstones import PURPOSE, Tombstone, as_table, path_of, read_tombstones
from stammkunde.home import Home

_TOKENS = r"""[;,\t|"{}\[\]]+"""
_TOKEN_KINDS = ("email", "phone", "card")


@dataclass(frozen=True)
class Suppressed:
    """`rows` without those of erased people, and with the references to them blanked.

    `kept` marks which rows of the input are left; `blanked` counts rows that stay, but lost a reference.
    """

    rows: pa.Table
    kept: pa.BooleanArray
    dropped: int
    blanked: int
    changed: pa.BooleanArray
    """Which of `rows` were blanked."""


class Suppressor:
    """Compares rows with tombstones, on a connection of its own. Close it, or use it as a context manager.

    `ever` ignores when a row came to be: for rows that are there already, and for those that broke their
    contract, whose times nobody knows.
    """

    def __init__(
        self, tombstones: Iterable[Tombstone], key: Key, country: str, limits: Limits | None = None
    ) -> None:
        self.country = country
        self.limits = limits or Limits()
        self._connection = duckdb.connect()
        self._connection.execute("set TimeZone = 'UTC'")
        key.prepare(self._connection, PURPOSE)
        table = as_table(tombstones)
        self._connection.register("tombstone_given", table)
        self._connection.execute("create temp table tombstone as from tombstone_given")
        self._connection.unregister("tombstone_given")
        self._kinds = set(table.column("kind").to_pylist())

    def __enter__(self) -> Suppressor:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def concerns(self, table: Table) -> bool:
        """Whether rows of the table can be anybody's, or too old."""
        return bool(self._kinds and rules_of(table)) or self.limits.of(table) is not None

    def apply(self, table: Table, rows: pa.Table, ever: bool = False) -> Suppressed:
        """Typed rows of one table; columns beyond the contract's are kept as they are."""
        dropped = np.zeros(rows.num_rows, bool)
        changed = np.zeros(rows.num_rows, bool)
        if rows.num_rows and self.concerns(table):
            number = pa.array(np.arange(rows.num_rows))
            self._connection.register("incoming", rows.append_column("_n", number))
            try:
                oldest = self.limits.of(table)
                if oldest is not None:
                    dropped[self._older(*oldest)] = True
                for rule in rules_of(table) if self._kinds else ():
                    found = self._found(rule, ever)
                    if not rule.blank:
                        dropped[found] = True
                    else:
                        rows = _blanked(rows, rule.blank, found)
                        changed[found] = True
            finally:
                self._connection.unregister("incoming")
        kept = pa.array(~dropped)
        blanked = pa.array(changed[~dropped])
        left = rows.filter(kept) if dropped.any() else rows
        return Suppressed(left, kept, int(dropped.sum()), int(changed[~dropped].sum()), blanked)

    def _found(self, rule: Rule, ever: bool) -> np.ndarray:
        queries = []
        for kind, value in rule.expressions(self.country):
            if kind not in self._kinds:
                continue
            time = f'"{rule.time}"' if rule.time else "null::timestamp"
            holds = "true" if ever else "(until is null or row_time is null or row_time <= until)"
            queries.append(
                f"select _n from (select _n, {time} as row_time, keyed_hash({value}) as hash from incoming "
                f"where {value} is not null) as hashed join tombstone using (hash) "
                f"where tombstone.kind = '{kind}' and {holds}"
            )
        return self._numbers(" union ".join(queries)) if queries else np.zeros(0, np.int64)

    def _older(self, column: str, day: date) -> np.ndarray:
        return self._numbers(f'select _n from incoming where "{column}" < ?::date', [day])

    def _numbers(self, query: str, values: list[Any] | None = None) -> np.ndarray:
        found = self._connection.execute(query, values or []).fetchnumpy()["_n"]
        return np.asarray(found, np.int64)

    def keep_quarantined(self, quarantined: pa.Table, source: str) -> pa.BooleanArray:
        """Which rows of a source's quarantine are nobody's who was erased.

        Such a row is broken, so it is taken apart at its separators; an e-mail address, telephone number or
        card of the person in it suffices, and so does the key of an erased record.
        """
        kept = np.ones(quarantined.num_rows, bool)
        if quarantined.num_rows and self._kinds:
            number = pa.array(np.arange(quarantined.num_rows))
            self._connection.register("quarantined", quarantined.append_column("_n", number))
            tokens = " union all ".join(
                f"select _n, '{kind}' as kind, {value_sql(kind, 'token', self.country)} as value from tokens"
                for kind in _TOKEN_KINDS
            )
            kept[
                self._numbers(
                    f"""
                    with tokens as (
                        select _n, trim(unnest(string_split_regex("row", '{_TOKENS}'))) as token
                        from quarantined
                    ),
                    named as (
                        {tokens}
                        union all
                        select _n, 'record', '{source}:' || trim(json_extract_string(row_key, '$[0]'))
                        from quarantined where json_array_length(row_key) = 1
                    )
                    select distinct named._n
                    from (
                        select _n, kind, keyed_hash(value) as hash from named
                        where length(value) >= 4 and (kind <> 'card' or length(value) >= 6)
                    ) as named
                    join tombstone using (kind, hash)
                    """
                )
            ] = False
            self._connection.unregister("quarantined")
        return pa.array(kept)


def suppressor_of(home: Home, country: str) -> Suppressor | None:
    """What ingestion must not take, None if nobody was ever erased and nothing is too old.

    Raises UserError when the key is another one than that of the tombstones.
    """
    limits = limits_of(home)
    if not path_of(home).exists() and not limits.days:
        return None
    key = Key.from_environment(home)
    return Suppressor(read_tombstones(home, key), key, country, limits)


def _blanked(rows: pa.Table, columns: tuple[str, ...], found: np.ndarray) -> pa.Table:
    mask = np.zeros(rows.num_rows, bool)
    mask[found] = True
    if not mask.any():
        return rows
    for column in columns:
        at = rows.column_names.index(column)
        values = rows.column(at)
        emptied = pc.if_else(pa.array(mask), pa.scalar(None, values.type), values)
        rows = rows.set_column(at, rows.schema.field(at).with_nullable(True), emptied)
    return rows
