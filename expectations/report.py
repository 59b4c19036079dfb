"""The data quality report: one HTML page, readable without a server, from `quality.check_result`.

Belongs here: what the page says and where it is kept. Its looks stand in `expectations/report.html`.
Personal values cannot reach it: check results hold counts, names of tables and codes.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from string import Template

import duckdb

from stammkunde.files import write_atomically

DIMENSIONS = ("completeness", "validity", "uniqueness", "consistency", "timeliness")
RUNS_SHOWN = 60
_NAME = "data-quality-{day}.html"

_RULE_NAMES = {
    "email_usable": "records without an e-mail address that works",
    "email_valid": "e-mail addresses that cannot be right",
    "phone_usable": "records without a telephone number",
    "phone_valid": "telephone numbers that cannot be right",
    "address_complete": "records without a full postal address",
    "birth_date_agrees": "birth dates that contradict the golden record",
    "one_record_per_customer": "records of people who have one already",
}


def render(connection: duckdb.DuckDBPyConnection, as_of: date, company: str, currency: str) -> str:
    """The page of this run. Needs `quality.check_result` and `raw.quarantine`."""
    run_id = as_of.isoformat()
    template = Template((Path(__file__).parent / "report.html").read_text(encoding="utf-8"))
    total, failed, blocking = connection.execute(
        "select count(*), count(*) filter (where not passed), "
        "count(*) filter (where not passed and severity = 'error') "
        "from quality.check_result where run_id = ?",
        [run_id],
    ).fetchall()[0]
    verdict = (
        f"{blocking:,} blocking checks failed: nothing was published, the version before stays."
        if blocking
        else f"{failed:,} of {total:,} checks are warnings; none blocks publication."
        if failed
        else f"All {total:,} checks passed."
    )
    return template.substitute(
        company=html.escape(company),
        day=f"{as_of:%d.%m.%Y}",
        verdict_class="bad" if blocking else "warn" if failed else "good",
        verdict=verdict,
        dimensions=_dimensions(connection, run_id),
        failures=_failures(connection, run_id),
        money=_money(connection, run_id, currency),
        tables=_tables(connection, run_id),
        quarantine=_quarantine(connection),
    )


def archive(page: str, directory: Path, as_of: date, keep: int) -> Path:
    """Writes the page as that of its day and as `data-quality.html`, and removes all but the newest `keep`
    days.

    A later run of the same day replaces the page of the day. Returns the path of the archived page.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / _NAME.format(day=as_of.isoformat())
    write_atomically(path, page.encode())
    write_atomically(directory / "data-quality.html", page.encode())
    for old in sorted(directory.glob(_NAME.format(day="*")))[:-keep]:
        if old != path:
            old.unlink()
    return path


def _dimensions(connection: duckdb.DuckDBPyConnection, run_id: str) -> str:
    """A tile per dimension: the share of what was checked that is good, and how it went over the runs.

    Only whole tables count, so that a branch is not counted twice.
    """
    rows = connection.execute(
        """
        select dimension, run_id, 100.0 * (sum(checked) - sum(failed)) / sum(checked)
        from quality.check_result
        where run_id <= ? and scope = 'table' and checked > 0
        group by all
        order by all
        """,
        [run_id],
    ).fetchall()
    tiles = []
    for dimension in DIMENSIONS:
        course = [(run, share) for name, run, share in rows if name == dimension][-RUNS_SHOWN:]
        now = f"{course[-1][1]:.1f} %" if course and course[-1][0] == run_id else "–"
        tiles.append(
            f"<div class='tile'><h3>{dimension}</h3><p class='big'>{now}</p>"
            f"{sparkline([share for _, share in course])}<p>{len(course)} runs</p></div>"
        )
    return "\n".join(tiles)


def sparkline(values: Sequence[float], width: int = 160, height: int = 36) -> str:
    """The course of shares in percent as an inline SVG; nothing for fewer than two."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    points = " ".join(
        f"{2 + i * (width - 4) / (len(values) - 1):.1f},{height - 3 - (v - low) / span * (height - 6):.1f}"
        for i, v in enumerate(values)
    )
    return (
        f"<svg viewBox='0 0 {width} {height}' width='{width}' height='{height}' role='img' "
        f"aria-label='from {values[0]:.1f} to {values[-1]:.1f} percent'>"
        f"<polyline points='{points}' fill='none' stroke='currentColor' stroke-width='1.5'/></svg>"
    )


def _failures(connection: duckdb.DuckDBPyConnection, run_id: str) -> str:
    rows = connection.execute(
        """
        select severity, source || '.' || table_name, scope_value, rule, dimension, details
        from quality.check_result
        where run_id = ? and not passed
        order by severity, source, table_name, rule, scope, scope_value
        """,
        [run_id],
    ).fetchall()
    marked = [(("blocks" if row[0] == "error" else "warns"), *row[1:]) for row in rows]
    return _table(
        ("", "table", "part", "rule", "dimension", "what was found"), marked, "Everything is as it should be."
    )


def _money(connection: duckdb.DuckDBPyConnection, run_id: str, currency: str) -> str:
    rows = connection.execute(
        """
        select scope, scope_value, source, table_name, rule, failed, checked, affected_customers,
            margin_at_risk_amount
        from quality.check_result
        where run_id = ? and affected_customers > 0 and dimension in ('completeness', 'validity')
        order by margin_at_risk_amount desc, source, table_name, rule, scope, scope_value
        limit 40
        """,
        [run_id],
    ).fetchall()
    lines = [
        (
            f"{scope} {value}" if scope != "table" else "everywhere",
            f"{source}.{table}",
            _RULE_NAMES.get(rule, rule),
            f"{100 * failed / checked:.1f} %",
            f"{customers:,}",
            f"{margin:,.0f} {currency}",
        )
        for scope, value, source, table, rule, failed, checked, customers, margin in rows
    ]
    head = ("where", "table", "what", "share of records", "customers", "their margin of a year")
    return _table(head, lines, "No customer is affected.")


def _tables(connection: duckdb.DuckDBPyConnection, run_id: str) -> str:
    rows = connection.execute(
        """
        select source || '.' || table_name, dimension, 100.0 * (sum(checked) - sum(failed)) / sum(checked)
        from quality.check_result
        where run_id = ? and scope = 'table' and checked > 0
        group by all
        order by all
        """,
        [run_id],
    ).fetchall()
    shares: dict[str, dict[str, float]] = {}
    for table, dimension, share in rows:
        shares.setdefault(table, {})[dimension] = share
    lines = [
        (table, *(f"{found[d]:.2f} %" if d in found else "–" for d in DIMENSIONS))
        for table, found in shares.items()
    ]
    return _table(("table", *DIMENSIONS), lines, "No table has been delivered yet.")


def _quarantine(connection: duckdb.DuckDBPyConnection) -> str:
    rows = connection.execute(
        """
        select
            source || '.' || table_name as name,
            kind, file, coalesce(field, '') as field, reason, count(*) as n
        from raw.quarantine
        where healed_by_load_id is null and dropped_by is null
        group by all
        order by n desc, name, kind, file, field, reason
        limit 40
        """
    ).fetchall()
    head = ("table", "what", "file", "field", "why", "rows")
    return _table(head, [(*row[:5], f"{row[5]:,}") for row in rows], "The quarantine is empty.")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> str:
    lines = [
        "<tr>" + "".join(f"<td>{html.escape(str(value))}</td>" for value in row) + "</tr>" for row in rows
    ]
    if not lines:
        return f"<p>{empty}</p>"
    titles = "".join(f"<th>{title}</th>" for title in head)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>\n" + "\n".join(lines) + "\n</tbody></table>"
