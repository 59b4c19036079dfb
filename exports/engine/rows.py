"""Rows of a mart as JSON payloads with hashes, in DuckDB.

Belongs here: types, payloads, hashes. Does not belong here: who may go (`exports/select.py`), what changed
(`exports/engine/plan.py`).
"""

from __future__ import annotations

import duckdb

from exports.engine.destination import Field
from exports.select import SEND
from exports.sync import FieldType, Mapped, Sync
from stammkunde.errors import ConfigError
from stammkunde.hashes import quoted

_INFERRED: dict[str, FieldType] = {
    "VARCHAR": "text", "BOOLEAN": "boolean", "DATE": "date", "VARCHAR[]": "list",
    "FLOAT": "number", "DOUBLE": "number",
    "TINYINT": "integer", "SMALLINT": "integer", "INTEGER": "integer", "BIGINT": "integer",
    "UTINYINT": "integer", "USMALLINT": "integer", "UINTEGER": "integer", "UBIGINT": "integer",
    "HUGEINT": "integer",
}  # fmt: skip
_ALLOWED: dict[FieldType, tuple[FieldType, ...]] = {
    "text": ("text", "number", "integer", "boolean", "date", "instant"),
    "number": ("number", "integer"),
    "integer": ("integer", "number"),
    "boolean": ("boolean",),
    "date": ("date", "instant"),
    "instant": ("instant", "date"),
    "list": ("list", "text"),
}
_EXPRESSIONS: dict[FieldType, str] = {
    "text": "nullif(trim({0}::varchar), '')",
    "number": "{0}::double",
    "integer": "round({0})::bigint",
    "boolean": "{0}",
    "date": "strftime({0}, '%Y-%m-%d')",
    "instant": "strftime({0}::timestamp, '%Y-%m-%dT%H:%M:%SZ')",
    "list": "{0}",
}


def field_type(sync: Sync, column: str, mapped: Mapped, column_type: str) -> FieldType:
    """The type that a field is sent as. ConfigError when the column cannot be sent as the type asked for."""
    inferred: FieldType | None = _INFERRED.get(column_type)
    if column_type.startswith("DECIMAL"):
        inferred = "number"
    elif column_type.startswith("TIMESTAMP"):
        inferred = "instant"
    if inferred is None:
        raise ConfigError(
            f"sync {sync.name}: mapping: {column!r} is of type {column_type}, which no field takes"
        )
    wanted = mapped.type or inferred
    if inferred not in _ALLOWED[wanted]:
        raise ConfigError(
            f"sync {sync.name}: mapping: {column!r} is {inferred} and cannot be sent as {wanted}; "
            f"it can as {', '.join(t for t, sources in _ALLOWED.items() if inferred in sources)}"
        )
    return wanted


def fields_of(sync: Sync, columns: dict[str, str]) -> list[Field]:
    """The destination's fields with their types, in the order of the mapping, the key left out."""
    return [
        Field(mapped.field, field_type(sync, column, mapped, columns[column]))
        for column, mapped in sync.mapping.items()
        if column != sync.key
    ]


def build_rows(connection: duckdb.DuckDBPyConnection, sync: Sync, columns: dict[str, str], key: str) -> None:
    """Fills the temporary table `wanted` (key, identity, payload, row_hash, field_hashes) from `verdict`.

    `payload` is a JSON object of field: value; `row_hash` is keyed, so it tells nothing without the
    installation; `field_hashes`, four digits per field, only serve to tell which fields changed.
    """
    expressions: dict[str, str] = {}
    for column, mapped in sync.mapping.items():
        if column == sync.key:
            continue
        type_ = field_type(sync, column, mapped, columns[column])
        text = _EXPRESSIONS[type_].format(f"model.{quoted(column)}")
        if type_ == "list" and columns[column] == "VARCHAR":
            text = f"[{text}]"
        expressions[mapped.field] = text
    names = list(expressions)
    values = ", ".join(f"{text} as {quoted(name)}" for name, text in expressions.items())
    fields = ", ".join(f"'{name}': {quoted(name)}" for name in names)
    hashes = " || ".join(f"printf('%04x', hash({quoted(name)}) & 65535)" for name in names) or "''"
    version = f"{key}{sync.mapping_version}"
    payload = f"to_json({{{fields}}})::varchar" if fields else "'{}'"
    connection.execute(
        f"""
        create or replace temp table wanted as
        with typed as (
            select verdict.key, trim(verdict.address) as identity{"," if values else ""} {values}
            from marts.{quoted(sync.model)} as model
            inner join verdict on verdict.key = model.{quoted(sync.key)}::varchar
            where verdict.verdict = '{SEND}'
        ),

        payloads as (
            select key, identity, {payload} as payload, {hashes} as field_hashes from typed
        )

        select *, substr(md5('{version}' || coalesce(identity, '') || payload), 1, 24) as row_hash from
        payloads
        """
    )
