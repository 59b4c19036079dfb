"""The closing lines of a run: rows in, customers out, quarantine, checks, where to look."""

from __future__ import annotations

from datetime import date

import duckdb

from dagster_project.runner import RunSummary
from stammkunde.home import Home
from stammkunde.warehouse import open_warehouse


def closing_summary(home: Home, summary: RunSummary) -> str:
    """Some twenty lines of plain text."""
    lines = [f"Run for {summary.as_of:%d.%m.%Y}: " + _timings(summary)]
    with open_warehouse(home.warehouse, read_only=True) as warehouse:
        lines += _ingestion(warehouse)
        lines += _checks(warehouse, summary.as_of)
    with duckdb.connect(str(home.published_database), read_only=True) as published:
        lines += _customers(published)
    lines += [
        "",
        f"Published   {home.published_database} (schema marts)",
        f"Exports     {home.exports}",
        "Next        stammkunde sql   (ask the published database)",
        "            stammkunde ui    (the asset graph, checks and history)",
    ]
    return "\n".join(lines)


def _timings(summary: RunSummary) -> str:
    parts = [f"{stage} {seconds:.0f} s" for stage, seconds in summary.seconds.items()]
    return ", ".join(parts) + (", nothing new" if summary.nothing_new else "")


def _ingestion(warehouse: duckdb.DuckDBPyConnection) -> list[str]:
    rows = warehouse.execute(
        "select source, sum(rows_read), sum(rows_loaded), sum(rows_quarantined), sum(files_refused)"
        " from raw.ingestion_load group by source order by source"
    ).fetchall()
    lines = ["", "Source            rows read       loaded  quarantine  files refused"]
    lines += [f"{s:<14}{int(a):>13,}{int(b):>13,}{int(c):>12,}{int(d):>15,}" for s, a, b, c, d in rows]
    if any(row[3] for row in rows):
        lines.append("Quarantine: 'stammkunde quarantine list' tells file, field, reason and the ways back.")
    return lines


def _checks(warehouse: duckdb.DuckDBPyConnection, as_of: date) -> list[str]:
    row = warehouse.execute(
        "select count(*), count(*) filter (where not passed),"
        " count(*) filter (where not passed and severity = 'error')"
        " from quality.check_result where run_id = ?",
        [as_of.isoformat()],
    ).fetchone()
    total, failed, errors = row or (0, 0, 0)
    return [
        "",
        f"Checks      {total:,} rules, {failed:,} failed, {errors:,} of them blocking (marts.data_quality)",
    ]


def _customers(published: duckdb.DuckDBPyConnection) -> list[str]:
    row = published.execute(
        "select count(*), count(*) filter (where is_customer), sum(record_count) from marts.customer"
    ).fetchone()
    golden, customers, records = row or (0, 0, 0)
    return [f"Customers   {golden:,} golden records from {int(records or 0):,} source records, "
            f"{customers:,} of them have bought"]  # fmt: skip
