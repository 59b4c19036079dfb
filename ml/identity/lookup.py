"""The records that somebody means: by record id, customer id or an id of former times.

Belongs here: turning what a steward types into records, with messages that help. Does not belong here: what
is then done with them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import duckdb

from ml.identity.evidence import has_rows, matching_in_use, pair_query
from ml.identity.history import whois
from stammkunde.errors import UserError

CUSTOMER_ID = re.compile(r"c_[0-9a-f]{16}")


def require_resolved(connection: duckdb.DuckDBPyConnection) -> None:
    """Raises UserError when no record has a customer yet."""
    if not has_rows(connection, "identity_assignment"):
        raise UserError("nobody has been identified yet; 'stammkunde run' does it")


def require_records(connection: duckdb.DuckDBPyConnection, records: Sequence[str]) -> None:
    """Raises UserError for record ids that no source delivers, with the nearest that one does."""
    require_resolved(connection)
    for record in records:
        if not connection.execute(
            "select 1 from identity.int_source_records where record_id = ?", [record]
        ).fetchall():
            near = connection.execute(
                """
                select record_id from identity.int_source_records
                order by levenshtein(record_id, ?), record_id
                limit 3
                """,
                [record],
            ).fetchall()
            raise UserError(
                f"no source has a record {record!r}; the nearest are {', '.join(r for (r,) in near)}"
                " (a record id is source:number, e.g. branch:1234)"
            )


def find_records(connection: duckdb.DuckDBPyConnection, a: str, b: str) -> tuple[str, str]:
    """Two record ids of two record or customer ids; of customers the two records that match best.

    Customer ids may be of former times. Raises UserError for unknown ids, for twice the same record, and for
    two customer ids that are one customer.
    """
    require_resolved(connection)
    choices = [_records_of(connection, asked) for asked in (a, b)]
    if CUSTOMER_ID.fullmatch(a) and CUSTOMER_ID.fullmatch(b) and choices[0] == choices[1]:
        raise UserError(f"{a} and {b} are one customer; name two of its records: {', '.join(choices[0][:8])}")
    best = connection.execute(
        f"""
        with pairs as ({pair_query(matching_in_use(connection))})
        select record_id_a, record_id_b, match_probability from pairs
        where list_contains($a, record_id_a) and list_contains($b, record_id_b)
        union all
        select record_id_b, record_id_a, match_probability from pairs
        where list_contains($a, record_id_b) and list_contains($b, record_id_a)
        order by 3 desc, 1, 2
        limit 1
        """,
        {"a": choices[0], "b": choices[1]},
    ).fetchall()
    first, second = best[0][:2] if best else (choices[0][0], _other_than(choices[0][0], choices[1]))
    if first == second:
        raise UserError(f"{first} is one record; name two")
    return first, second


def _records_of(connection: duckdb.DuckDBPyConnection, asked: str) -> list[str]:
    """The records of a customer id, oldest first; of a record id that record."""
    if not CUSTOMER_ID.fullmatch(asked):
        require_records(connection, [asked])
        return [asked]
    current = whois(connection, asked).customer_id
    if current is None:
        raise UserError(f"{asked} has no record any more; 'stammkunde whois {asked}' tells what became of it")
    rows = connection.execute(
        """
        select assignment.record_id
        from identity.identity_assignment as assignment
        inner join identity.int_source_records as record on assignment.record_id = record.record_id
        where assignment.customer_id = ?
        order by record.created_at nulls last, assignment.record_id
        """,
        [current],
    ).fetchall()
    return [record for (record,) in rows]


def _other_than(record: str, records: list[str]) -> str:
    return next((other for other in records if other != record), record)
