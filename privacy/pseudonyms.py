"""The pseudonymised copy: `published/stammkunde_pseudonymised.duckdb`, for those who need no persons.

It fails closed: a text column is only copied if it is listed here, an id becomes a keyed pseudonym,
everything else that is text is left out. Pseudonyms are HMAC-SHA-256 of the id, cut to 64 bits and stable for
one key, so that analyses can be continued and nobody without the key can tell who is meant. Postal codes keep
three digits, a birth date its year. It stays personal data (recital 26 GDPR): a rare combination may give
somebody away.

Belongs here: what may be in the copy, and writing it. It is written from the current published version.
"""

from __future__ import annotations

import os

import duckdb

from privacy.key import Key
from stammkunde.files import fsync_path
from stammkunde.hashes import quoted, tables_of
from stammkunde.home import Home
from stammkunde.versions import UNFINISHED, clear_errors, current_name

PURPOSE = "pseudonym"
PSEUDONYMISED = "stammkunde_pseudonymised.duckdb"

LEFT_OUT = ("customer_attribute", "previous_customer_id")
"""Tables that are made of values of persons, or are of no use under pseudonyms."""

IDS = {
    "customer_id": "c", "previous_customer_id": "c", "recipient_customer_id": "c",
    "referrer_customer_id": "c",
    "referred_by_customer_id": "c", "member_customer_ids": "c", "person_customer_ids": "c",
    "household_id": "h", "account_id": "a", "parent_account_id": "a", "lead_id": "l", "record_id": "r",
    "sale_id": "s", "sale_line_id": "sl", "touchpoint_id": "t", "consent_event_id": "e", "sales_rep_id": "v",
}  # fmt: skip
"""Columns that become pseudonyms, and what those begin with."""

TEXTS = frozenset({
    "attribute", "baseline_name", "branch_id", "category", "cause", "channel", "churn_reasons",
    "churn_risk_band", "country", "currency", "dimension", "email_consent", "event", "favourite_category",
    "favourite_channel", "first_branch_id", "first_campaign", "first_source", "from_stage", "grade", "kind",
    "lifecycle_stage", "line_kind", "linked_by", "location_id", "matched_by", "metric", "model",
    "model_version", "next_best_product_name", "next_best_product_no", "note", "parent_linked_by",
    "phone_consent", "population", "post_consent", "previous_segment", "product_name", "product_no",
    "purpose", "reasons", "resolved_by", "risk_band", "rule", "run_id", "salutation", "scope", "scope_value",
    "segment", "severity", "source", "source_system", "source_systems", "split", "status", "strategy",
    "table_name", "text_version", "to_stage", "validity", "value_class", "from_segment", "to_segment",
    "campaign_id", "campaign_name", "segment_view", "description", "stage", "needs_segment",
})  # fmt: skip
"""Text columns that tell nothing about who somebody is."""


def refresh_pseudonymised(home: Home, key: Key) -> bool:
    """Writes the copy if it is not that of the current version under this key; returns whether it did."""
    path = home.published / PSEUDONYMISED
    if path.exists():
        with duckdb.connect(str(path), read_only=True) as connection:
            made = connection.execute("select version, key_check from meta.publication").fetchone()
        if made == (current_name(home), key.hash(PURPOSE, "check")[:16]):
            return False
    return write_pseudonymised(home, key) > 0


def write_pseudonymised(home: Home, key: Key) -> int:
    """Replaces the copy in one step; returns its number of tables.

    Raises UserError when nothing is published or the disk is full.
    """
    with clear_errors(home):
        version = current_name(home)
        if version is None:
            return 0
        source = home.published / f"{version}.duckdb"
        path = home.published / PSEUDONYMISED
        beside = home.published / f"{UNFINISHED}{PSEUDONYMISED}"
        for leftover in (beside, beside.with_name(f"{beside.name}.wal")):
            leftover.unlink(missing_ok=True)
        with duckdb.connect() as connection:
            key.prepare(connection, PURPOSE)
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(f"attach {_literal(source)} as published (read_only)")
            connection.execute(f"attach {_literal(beside)} as target")
            beside.chmod(0o600)
            connection.execute("create schema target.marts; create schema target.meta")
            connection.execute(
                "create table target.meta.publication as "
                "select *, left(keyed_hash('check'), 16) as key_check from published.meta.publication"
            )
            tables = [t for t in tables_of(connection, "published", "marts") if t not in LEFT_OUT]
            for table in tables:
                _copy(connection, table)
            connection.execute("checkpoint target")
            connection.execute("detach target")
        fsync_path(beside)
        beside.chmod(0o400)
        os.replace(beside, path)
        fsync_path(home.published)
    return len(tables)


def _copy(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    relation = f"published.marts.{quoted(table)}"
    described = connection.execute(f"describe {relation}").fetchall()
    columns = [sql for name, kind, *_ in described if (sql := column_sql(name, kind))]
    if columns:
        connection.execute(
            f"create table target.marts.{quoted(table)} as "
            f"select {', '.join(columns)} from {relation} order by all nulls last"
        )


def column_sql(name: str, kind: str) -> str | None:
    """SQL of a column as the copy holds it; None if it is left out."""
    column = quoted(name)
    if name in IDS and kind == "VARCHAR":
        return f"{_pseudonym(column, IDS[name])} as {column}"
    if name in IDS and kind == "VARCHAR[]":
        return f"list_transform({column}, item -> {_pseudonym('item', IDS[name])}) as {column}"
    if name == "postal_code":
        return f"left({column}, 3) as postal_code_prefix"
    if name == "birth_date":
        return f"year({column})::integer as birth_year"
    textual = not kind.startswith(("DECIMAL", "TIMESTAMP")) and kind not in _PLAIN
    return None if textual and name not in TEXTS else column


_PLAIN = (
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UBIGINT",
    "FLOAT",
    "DOUBLE",
    "DATE",
)


def _pseudonym(value: str, prefix: str) -> str:
    return f"('{prefix}_' || left(keyed_hash('{prefix}:' || {value}), 16))"


def _literal(path: object) -> str:
    return "'" + str(path).replace("'", "''") + "'"
