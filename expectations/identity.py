"""What identity resolution noticed about a source: numbers that now belong to somebody else."""

from __future__ import annotations

from datetime import date

import duckdb

from expectations.results import CheckResult, quality_pct

RULE = "numbers_are_not_reissued"
TABLES = {"shop": "loyalty", "branch": "customer", "webshop": "customers", "leads": "leads"}
"""The table of each source that its records come from."""


def reissue_results(connection: duckdb.DuckDBPyConnection, as_of: date) -> list[CheckResult]:
    """One result of severity warn per source whose records have customers; none before the first resolution.

    A source that gives the number of a record to another person is reported on the day it is found.
    """
    known = connection.execute(
        "select count(*) from information_schema.tables where table_catalog = current_database()"
        " and table_schema = 'identity' and table_name in ('reissued_record', 'identity_assignment')"
    ).fetchall()[0][0]
    if known < 2:
        return []
    rows = connection.execute(
        """
        with reissued as (
            select split_part(record_id, ':', 1) as source, count(*) as failed
            from identity.reissued_record
            where reissued_at = ?::timestamp
            group by 1
        ),
        sources as (
            select split_part(record_id, ':', 1) as source, count(*) as checked
            from identity.identity_assignment
            group by 1
        )
        select sources.source, sources.checked, coalesce(reissued.failed, 0)
        from sources
        left join reissued on sources.source = reissued.source
        order by 1
        """,
        [as_of],
    ).fetchall()
    results = []
    for source, checked, failed in rows:
        details = (
            f"{failed:,} numbers belong to somebody else than before; they got new customer ids"
            if failed
            else "every number still belongs to the same person"
        )
        share = quality_pct(checked, failed)
        table = TABLES.get(source, "records")
        results.append(
            CheckResult(
                source, table, RULE, "warn", checked, failed, share, failed == 0, details, "consistency"
            )
        )
    return results
