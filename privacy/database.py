"""Takes persons out of a DuckDB file: warehouse, or a published version.

The marts are derived: the next run builds them anew from what landing still holds. This makes sure that
nothing of the person stands in the file until then, and that the file keeps no deleted blocks.

Belongs here: which rows of derived tables are a person's, and rewriting the file. Does not belong here:
source rows (`privacy/landing.py`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from privacy.rules import RULES
from stammkunde.files import fsync_path
from stammkunde.hashes import quoted

_SALES = ("sale", "sale_line", "int_sales", "int_sale_heads", "int_sale_lines", "stg_shop__receipts",
          "stg_branch__orders", "stg_webshop__orders")  # fmt: skip
"""Tables that lose the reference to a person and keep their rows: turnover stays."""

_RECORD_COLUMNS = ("record_id", "record_id_a", "record_id_b")
_ID_COLUMNS = ("account_id", "parent_account_id", "household_id", "representative_id", "first_of_name_id")
_CARD_COLUMNS = ("card_no", "card_key", "key_value", "identifier_value", "customer_reference", "kunde_id")
_NEVER_PERSONAL = ("product_no", "product_name", "category", "channel", "status", "currency", "line_kind",
                   "source_system", "source", "table_name", "model_version")  # fmt: skip
HISTORY_REASON = "erased at the person's request"


@dataclass(frozen=True)
class Erased:
    """Whom to take out. `texts` are addresses and telephone numbers as they are written anywhere."""

    customer_ids: tuple[str, ...]
    record_ids: tuple[str, ...]
    texts: tuple[str, ...]
    cards: tuple[str, ...] = ()


def scrub(connection: duckdb.DuckDBPyConnection, erased: Erased) -> dict[str, int]:
    """Removes the persons from all tables of the connection's database; rows removed or changed by table.

    All or nothing, so that a repetition counts everything.
    """
    connection.execute("begin")
    connection.execute("create or replace temp table erased_id as select unnest(?::varchar[]) as id",
                       [list(erased.customer_ids)])  # fmt: skip
    connection.execute("set variable erased_ids = ?::varchar[]", [list(erased.customer_ids)])
    connection.execute("create or replace temp table erased_record as select unnest(?::varchar[]) as id",
                       [list(erased.record_ids)])  # fmt: skip
    connection.execute("create or replace temp table erased_text as select unnest(?::varchar[]) as text",
                       [list(erased.texts)])  # fmt: skip
    connection.execute("create or replace temp table erased_card as select unnest(?::varchar[]) as text",
                       [list(erased.cards)])  # fmt: skip
    touched: dict[str, int] = {}
    for schema, table, columns in _tables(connection):
        name = f"{quoted(schema)}.{quoted(table)}"
        count = 0
        for statement in _statements(schema, table, columns):
            row = connection.execute(statement.format(name=name)).fetchone()
            count += int(row[0]) if row else 0
        if count:
            touched[f"{schema}.{table}"] = count
    for temporary in ("erased_id", "erased_record", "erased_text", "erased_card"):
        connection.execute(f"drop table temp.{temporary}")
    connection.execute("commit")
    return touched


def _tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, dict[str, str]]]:
    rows = connection.execute(
        """
        select columns.schema_name, columns.table_name, column_name, data_type
        from duckdb_columns() as columns
        join duckdb_tables() as tables using (database_name, schema_name, table_name)
        where database_name = current_database() and not columns.internal
        order by all
        """
    ).fetchall()
    found: dict[tuple[str, str], dict[str, str]] = {}
    for schema, table, column, kind in rows:
        found.setdefault((schema, table), {})[column] = kind
    return [(schema, table, columns) for (schema, table), columns in sorted(found.items())]


def _statements(schema: str, table: str, columns: dict[str, str]) -> list[str]:
    ids, records = "(select id from erased_id)", "(select id from erased_record)"
    statements = []
    if schema == "staging":
        statements += _staging(table, columns)
    else:
        own = [f"{c} in {ids}" for c in ("customer_id",) if c in columns]
        own += [f"{c} in {records}" for c in _RECORD_COLUMNS if c in columns]
        if {"source_system", "source_record_id"} <= columns.keys() and table not in _SALES:
            own.append(f"source_system || ':' || source_record_id in {records}")
        if own and table in _SALES:
            blank = [c for c in ("customer_id", "customer_reference") if c in columns]
            statements.append(_blank(blank, f"customer_id in {ids}"))
        elif own:
            statements.append("delete from {name} where " + " or ".join(own))
        if {"referrer_customer_id", "referred_by"} <= columns.keys():
            statements.append(_blank(["referred_by"], f"referrer_customer_id in {ids}"))
        for column, kind in columns.items():
            known = column in _ID_COLUMNS or (column.endswith("customer_id") and column != "customer_id")
            if known and kind == "VARCHAR":
                condition = f"{quoted(column)} in {ids} or {quoted(column)} in {records}"
                statements.append(_blank([column], condition))
            if column.endswith("customer_ids") and kind == "VARCHAR[]":
                erased = "getvariable('erased_ids')"
                statements.append(
                    f"update {{name}} set {column} = "
                    f"list_filter({column}, x -> not list_contains({erased}, x)) "
                    f"where list_has_any({column}, {erased})"
                )
    for column, kind in columns.items():
        if kind == "VARCHAR" and column in _CARD_COLUMNS:
            statements.append(_blank([column], f"{column} in (select text from erased_card)"))
        if kind == "VARCHAR" and column not in _NEVER_PERSONAL:
            text = quoted(column)
            inside = f"contains(text, '@') and contains(lower({text}), lower(text))"
            written = f"{text} in (select text from erased_text)"
            statements.append(_blank([column], f"{written} or exists (from erased_text where {inside})"))
    return statements


def _staging(table: str, columns: dict[str, str]) -> list[str]:
    """Staging calls a source's key by its own name, so the sources' rules say which column that is."""
    source = table.removeprefix("stg_").split("__")[0]
    keys = {
        column
        for rule in RULES
        if rule.source == source
        for column in rule.columns.get("record", ())
        if column in columns
    }
    if table in _SALES and "card_no" in columns:
        return []  # by card; the next statements find it by its text
    matches = " or ".join(
        f"'{source}:' || {quoted(key)} in (select id from erased_record)" for key in sorted(keys)
    )
    if not matches:
        return []
    return [_blank(sorted(keys), matches)] if table in _SALES else ["delete from {name} where " + matches]


def _blank(columns: Sequence[str], condition: str) -> str:
    listed = ", ".join(f"{quoted(column)} = null" for column in columns)
    return f"update {{name}} set {listed} where {condition}"


def write_erasure_events(
    connection: duckdb.DuckDBPyConnection, customer_ids: Sequence[str], at: datetime
) -> None:
    """The ids end in the history as `erased`; their earlier events were removed. `at` is in UTC."""
    for customer_id in customer_ids:
        connection.execute(
            """
            insert into identity.customer_id_event by name
            select coalesce(max(event_no), 0) + 1 as event_no, 'erased' as event, $id as customer_id,
                null as previous_customer_id, $at::timestamp as happened_at, 'erasure' as cause,
                $reason as reason
            from identity.customer_id_event
            having not bool_or(customer_id = $id and event = 'erased') or count(*) = 0
            """,
            {"id": customer_id, "at": at.replace(tzinfo=None), "reason": HISTORY_REASON},
        )


def compact(path: Path) -> None:
    """Writes the database into a fresh file and puts it in place: deleted blocks do not come along."""
    beside = path.with_name(f".erasing-{path.name}")
    for leftover in (beside, beside.with_name(f"{beside.name}.wal")):
        leftover.unlink(missing_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"attach {_literal(path)} as source")
        connection.execute("checkpoint source")
        connection.execute(f"attach {_literal(beside)} as target")
        connection.execute("copy from database source to target")
        connection.execute("checkpoint target")
    beside.chmod(0o600)
    fsync_path(beside)
    os.replace(beside, path)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
    fsync_path(path.parent)
    shutil.rmtree(path.with_name(f"{path.name}.tmp"), ignore_errors=True)


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
