"""What ingestion refused, as check results: `contract` per table, `files_refused` where files were.

The newest load of a table up to the run's day speaks, if it delivered anything: a bad delivery is remembered
until a good one follows or a later load mends it.
"""

from __future__ import annotations

from datetime import date

import duckdb

from expectations.results import CheckResult, Severity, quality_pct
from expectations.settings import Contract


def contract_results(
    connection: duckdb.DuckDBPyConnection, as_of: date, settings: Contract | None = None
) -> list[CheckResult]:
    """Results from `raw.ingestion_load` and `raw.quarantine`, sorted by source and table.

    Quarantined rows that no later load has mended and nobody has dropped are a warning; an error when they
    are more than `blocking_share` of the rows read and at least `blocking_rows`.
    """
    settings = settings or Contract()
    rows = connection.execute(
        """
        with newest as (
            select *
            from raw.ingestion_load
            where as_of_date <= $as_of and (rows_read > 0 or files_refused > 0)
            qualify row_number() over (partition by source, table_name order by load_id desc) = 1
        ),

        -- What a later load has mended or a person has dropped is no fault any more.
        entries as (
            select *, healed_by_load_id is null and dropped_by is null as is_open
            from raw.quarantine
        ),

        noted as (
            select
                source, table_name, load_id,
                count(*) filter (kind = 'row' and not is_open) as rows_settled,
                count(*) filter (kind = 'file' and not is_open) as files_settled,
                count(distinct (field, reason)) filter (kind = 'row' and is_open) as reasons
            from entries
            group by source, table_name, load_id
        )

        select
            newest.source, newest.table_name, newest.rows_read,
            newest.rows_quarantined - coalesce(noted.rows_settled, 0),
            newest.files_read,
            newest.files_refused - coalesce(noted.files_settled, 0),
            coalesce(noted.reasons, 0)
        from newest
        left join noted using (source, table_name, load_id)
        order by newest.source, newest.table_name
        """,
        {"as_of": as_of},
    ).fetchall()
    results = []
    for source, table, read, quarantined, files_read, refused, reasons in rows:
        blocks = quarantined > settings.blocking_share * read and quarantined >= settings.blocking_rows
        severity: Severity = "error" if blocks else "warn"
        details = f"{quarantined:,} of {read:,} rows in quarantine"
        if quarantined:
            details += f" for {reasons:,} reasons (raw.quarantine)"
        pct = quality_pct(read, quarantined)
        passed = quarantined == 0
        results.append(
            CheckResult(source, table, "contract", severity, read, quarantined, pct, passed, details)
        )
        if refused:
            files = (files_read or 0) + refused
            pct = quality_pct(files, refused)
            details = f"{refused:,} of {files:,} files refused (raw.quarantine)"
            results.append(
                CheckResult(source, table, "files_refused", "warn", files, refused, pct, False, details)
            )
    return results
