"""What every source record held at the last resolution: which are new, changed, gone or someone else's now.

Belongs here: `identity.record_state`, and finding numbers that a source gave to other people. Does not belong
here: what follows for ids (`registry.py`, `history.py`).

A number is reissued when the record of the same id bears a wholly different name, its birth date and VAT id
are not the same, it shares no e-mail address, phone number, card or address with what it held, and at least
one of these is known before and after. A marriage, a move or a new address alone is none.
"""

from __future__ import annotations

import duckdb

CONTENT = (
    "kind", "salutation", "title", "first_name", "last_name", "company_name", "vat_id", "birth_date", "email",
    "phone", "mobile", "street", "house_no", "postal_code", "city", "country", "card_no",
)  # fmt: skip
"""Columns of `identity.int_source_records` that say who someone is."""

NAMES = ("first_key", "last_key", "company_key")
CONTACTS = ("email_key", "phone_key", "mobile_key", "card_key")
PLACE = ("postal_key", "street_key", "house_no_key")
PROOFS = ("birth_key", "vat_key")
KEYS = (*NAMES, *CONTACTS, *PLACE, *PROOFS)
"""Columns of `identity.int_records_normalised` that are remembered."""

SIMILAR = 0.85
"""Jaro-Winkler similarity from which two names may be spellings of one."""


def compare_with_last_time(connection: duckdb.DuckDBPyConnection, only_touched: bool = False) -> int:
    """Makes the temporary tables `record_now` and `record_change(record_id, cause)`; returns the reissued.

    `record_now(record_id, content_hash, generation, is_reissued, …keys)` has one row per new or changed
    record. `cause` is new_record, changed_record, removed_record or reissued_record. `only_touched` compares
    the records of `identity.int_touched_records` and takes the others to be as they were.
    """
    columns = ", ".join(f"{name} varchar" for name in KEYS)
    connection.execute(
        "create table if not exists identity.record_state "
        f"(record_id varchar, content_hash ubigint, generation integer, {columns})"
    )
    chosen = "where record_id in (select record_id from identity.int_touched_records)" if only_touched else ""
    # Only the content is compared for all records; the rest is read for those that differ.
    connection.execute(
        f"""
        create or replace temp table record_difference as
        select
            delivered.record_id, old.record_id as old_record_id, delivered.content_hash
        from (
            select record_id, {_content_hash(connection)} as content_hash from identity.int_source_records
            {chosen}
        ) as delivered
        full join (select record_id, content_hash from identity.record_state {chosen}) as old
            on delivered.record_id = old.record_id
        where delivered.content_hash is distinct from old.content_hash
        """
    )
    connection.execute(
        f"""
        create or replace temp table record_now as
        with compared as (
            select
                difference.record_id, difference.content_hash, old.record_id is null as is_new,
                coalesce(old.generation, 0) as generation, {_keys(connection)},
                {", ".join(f"old.{name} as old_{name}" for name in KEYS)}
            from record_difference as difference
            left join identity.record_state as old on difference.record_id = old.record_id
            {_normalised_join(connection)}
            where difference.record_id is not null
        ),
        judged as (
            select *, not is_new and {_reissued()} as is_reissued from compared
        )
        select
            record_id, content_hash, generation + is_reissued::integer as generation, is_new,
            is_reissued, {", ".join(KEYS)}
        from judged
        """
    )
    connection.execute(
        """
        create or replace temp table record_change as
        select
            record_id,
            case
                when is_reissued then 'reissued_record' when is_new then 'new_record' else 'changed_record'
            end as cause
        from record_now
        union all
        select old_record_id, 'removed_record'
        from record_difference
        where record_id is null
        """
    )
    (reissued,) = connection.execute("select count(*) from record_now where is_reissued").fetchall()[0]
    return int(reissued)


def remember(connection: duckdb.DuckDBPyConnection) -> None:
    """Stores what changed since the last time, for the next."""
    connection.execute(
        "delete from identity.record_state where record_id in (select record_id from record_change)"
    )
    connection.execute(
        f"""
        insert into identity.record_state by name
        select record_id, content_hash, generation, {", ".join(KEYS)}
        from record_now
        order by record_id
        """
    )


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    rows = connection.execute(
        "select column_name from duckdb_columns() where schema_name = 'identity' and table_name = ?"
        " and database_name = current_database()",
        [table],
    ).fetchall()
    return {name for (name,) in rows}


def _content_hash(connection: duckdb.DuckDBPyConnection) -> str:
    present = _columns(connection, "int_source_records")
    values = [name for name in CONTENT if name in present]
    return f"hash({', '.join(values)})" if values else "0::ubigint"


def _keys(connection: duckdb.DuckDBPyConnection) -> str:
    present = _columns(connection, "int_records_normalised")
    return ", ".join(
        f"normalised.{name}::varchar as {name}" if name in present else f"null::varchar as {name}"
        for name in KEYS
    )


def _normalised_join(connection: duckdb.DuckDBPyConnection) -> str:
    if not _columns(connection, "int_records_normalised"):
        return ""
    return (
        "left join identity.int_records_normalised as normalised "
        "on difference.record_id = normalised.record_id"
    )


def _reissued() -> str:
    """SQL: the record is somebody else than it was."""
    contacts = [f"[{', '.join(f'{side}{name}' for name in CONTACTS)}]" for side in ("", "old_")]
    address, old_address = (" || '|' || ".join(f"{side}{name}" for name in PLACE) for side in ("", "old_"))
    proofs = " or ".join(f"{name} = old_{name}" for name in PROOFS)
    known_twice = " or ".join(
        f"({name} is not null and old_{name} is not null)" for name in (*CONTACTS, *PROOFS, "street_key")
    )
    return f"""(
        ({_other("first_key")} and {_other("last_key")}
            and not coalesce(first_key = old_last_key or last_key = old_first_key, false)
            or {_other("company_key")} and coalesce(first_key, last_key, old_first_key, old_last_key) is null)
        and not coalesce({proofs}, false)
        and not coalesce(list_has_any(
            list_filter({contacts[0]}, lambda value: value is not null),
            list_filter({contacts[1]}, lambda value: value is not null)
        ), false)
        and not coalesce({address} = {old_address}, false)
        and ({known_twice})
    )"""


def _other(name: str) -> str:
    """SQL: the name is known before and after, and no spelling of the same."""
    return (
        f"coalesce({name} <> old_{name} and jaro_winkler_similarity({name}, old_{name}) < {SIMILAR}"
        f" and left({name}, 1) <> left(old_{name}, 1), false)"
    )
