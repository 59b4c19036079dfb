"""Looks for what is left of a person in the whole home.

Files are searched byte by byte; Parquet and DuckDB also as what they hold, because both compress. The demo's
source systems are not searched: they play the retailer's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from privacy.database import Erased
from privacy.tombstones import path_of
from stammkunde.hashes import quoted
from stammkunde.home import Home

_CHUNK_BYTES = 16 * 1024 * 1024
NameAddress = tuple[str, ...]
"""Names, street without its number, postal code: found where all stand in one row as words."""


@dataclass(frozen=True)
class Finding:
    """Something was left in `path`; `what` is address or name, never the value."""

    path: str
    where: str
    what: str
    count: int


def search_home(
    home: Home,
    erased: Erased,
    persons: Iterable[NameAddress],
    plans: Path,
    say: Callable[[str], None] = lambda text: None,
) -> list[Finding]:
    """Everything that is left of the persons, empty if nothing is. `plans` are the erasure's own notes."""
    texts = [text.lower() for text in erased.texts]
    names = [tuple(part.lower() for part in person) for person in persons]
    found: list[Finding] = []
    for path in sorted(p for p in home.root.rglob("*") if p.is_file() and not p.is_symlink()):
        if home.demo in path.parents or path == path_of(home) or plans in path.parents:
            continue
        name = path.relative_to(home.root).as_posix()
        count = _in_bytes(path, texts)
        if count:
            found.append(Finding(name, "bytes", "address", count))
        if path.suffix in (".duckdb", ".parquet"):
            found += _in_tables(path, name, texts, names)
    say(f"search: {len(found)} places left")
    return found


def _in_bytes(path: Path, texts: list[str]) -> int:
    needles = [text.encode() for text in texts]
    overlap = max((len(n) for n in needles), default=1)
    count, tail = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            content = (tail + chunk).lower()
            count += sum(content.count(needle) for needle in needles)
            tail = chunk[-overlap:]
    return count


def _in_tables(path: Path, name: str, texts: list[str], names: list[NameAddress]) -> list[Finding]:
    found = []
    with duckdb.connect() as connection:
        literal = "'" + str(path).replace("'", "''") + "'"
        if path.suffix == ".parquet":
            relations = [(path.parent.name, f"read_parquet({literal})")]
        else:
            connection.execute(f"attach {literal} as searched (read_only)")
            relations = [
                (f"{schema}.{table}", f"searched.{quoted(schema)}.{quoted(table)}")
                for schema, table in connection.execute(
                    "select schema_name, table_name from duckdb_tables() where database_name = 'searched' "
                    "order by all"
                ).fetchall()
            ]
        for where, relation in relations:
            columns = [
                (column, kind)
                for column, kind, *_ in connection.execute(f"describe select * from {relation}").fetchall()
                if "VARCHAR" in kind or kind == "JSON"
            ]
            if not columns:
                continue
            written = [f"{quoted(column)}::varchar" for column, _ in columns]
            row = f"lower(concat_ws(chr(31), {', '.join(written)}))"
            # A name inside an address that a family shares is not the name of a row.
            named = [f"case when contains({text}, '@') then null else {text} end" for text in written]
            line = f"lower(concat_ws(chr(31), {', '.join(named)}))"
            for what, condition, values in _conditions(texts, names):
                hit = connection.execute(
                    f"select count(*) from (select {row} as line, {line} as named from {relation}) "
                    f"where {condition}",
                    values,
                ).fetchone()
                if hit and hit[0]:
                    found.append(Finding(name, where, what, int(hit[0])))
    return found


def _conditions(texts: list[str], names: list[NameAddress]) -> list[tuple[str, str, list[str]]]:
    result = []
    if texts:
        result.append(("address", " or ".join("contains(line, ?)" for _ in texts), texts))
    if names:
        word = "regexp_matches(named, '(^|[^\\pL])' || regexp_escape(?) || '([^\\pL]|$)')"
        each = [" and ".join(word for _ in name) for name in names]
        values = [part for name in names for part in name]
        result.append(("name and address", " or ".join(f"({one})" for one in each), values))
    return result
