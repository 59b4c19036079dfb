"""The report page: what it says, that it needs nothing but itself, how it is kept."""

import re
from datetime import date, timedelta
from decimal import Decimal

import duckdb
import pytest

from expectations.inside import inside_results
from expectations.report import archive, render, sparkline
from expectations.results import CheckResult, read_results, write_results
from expectations.settings import History

AS_OF = date(2026, 11, 20)


def result(**changes) -> CheckResult:
    values = {
        "source": "shop", "table_name": "loyalty", "rule": "email_usable", "severity": "warn", "checked": 100,
        "failed": 31, "quality_pct": 69.0, "passed": True, "details": "", "dimension": "completeness",
        "scope": "branch", "scope_value": "17", "affected_customers": 20,
        "margin_at_risk_amount": Decimal("212000.00"),
    }  # fmt: skip
    return CheckResult(**{**values, **changes})


@pytest.fixture
def warehouse() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(
        "create schema raw; create table raw.quarantine (source varchar, table_name varchar, kind varchar, "
        "file varchar, field varchar, reason varchar, healed_by_load_id varchar, dropped_by varchar)"
    )
    return connection


def page(connection: duckdb.DuckDBPyConnection) -> str:
    return render(connection, AS_OF, "Demo & Söhne", "EUR")


def test_it_says_what_a_branch_loses(warehouse):
    write_results(warehouse, "inside", AS_OF, [result()])
    text = page(warehouse)
    for said in ("branch 17", "records without an e-mail address that works", "31.0 %", "212,000 EUR", "20"):
        assert said in text
    assert "Demo &amp; Söhne" in text and "All 1 checks passed" in text


def test_failures_are_listed_and_blocking_ones_first(warehouse):
    results = [
        result(rule="a", passed=False, scope="table", scope_value="", affected_customers=None),
        result(rule="b", passed=False, severity="error", scope="table", scope_value=""),
    ]
    write_results(warehouse, "raw", AS_OF, results)
    text = page(warehouse)
    assert "1 blocking checks failed: nothing was published" in text
    assert text.index("<td>blocks</td>") < text.index("<td>warns</td>")


def test_what_a_source_writes_stays_text(warehouse):
    evil = "<script>alert(1)</script>"
    write_results(warehouse, "inside", AS_OF, [result(scope_value=evil, details=evil, passed=False)])
    warehouse.execute(
        "insert into raw.quarantine values ('shop', 'loyalty', 'row', ?, null, 'x', null, null)", [evil]
    )
    text = page(warehouse)
    assert evil not in text and text.count("&lt;script&gt;") >= 3
    assert not re.findall(r"<script|src=|href=|url\(|@import", text)


def test_healed_and_dropped_rows_are_not_open(warehouse):
    write_results(warehouse, "raw", AS_OF, [result()])
    warehouse.execute(
        "insert into raw.quarantine values ('shop', 'loyalty', 'row', 'a.csv', null, 'bad', '000002', null),"
        " ('shop', 'loyalty', 'row', 'b.csv', null, 'bad', null, 'anna')"
    )
    assert "The quarantine is empty." in page(warehouse)


def test_the_course_over_the_runs_is_drawn(warehouse):
    for days, failed in ((2, 50), (1, 40), (0, 31)):
        table = result(scope="table", scope_value="", failed=failed)
        write_results(warehouse, "inside", AS_OF - timedelta(days), [table])
    assert "from 50.0 to 69.0 percent" in page(warehouse) and "3 runs" in page(warehouse)
    assert sparkline([1.0]) == "" and sparkline([1.0, 1.0]).startswith("<svg")


def test_the_same_results_give_the_same_page(warehouse):
    write_results(warehouse, "inside", AS_OF, [result(scope_value=str(n)) for n in range(5)])
    assert page(warehouse) == page(warehouse)


def test_pages_are_archived_by_day_and_the_oldest_removed(tmp_path):
    for days in (3, 2, 1, 1):
        archive(f"{days} days ago", tmp_path / "reports", AS_OF - timedelta(days), keep=2)
    assert sorted(p.name for p in (tmp_path / "reports").iterdir()) == [
        "data-quality-2026-11-18.html", "data-quality-2026-11-19.html", "data-quality.html",
    ]  # fmt: skip
    assert (tmp_path / "reports" / "data-quality.html").read_text() == "1 days ago"
    assert (tmp_path / "reports" / "data-quality.html").stat().st_mode & 0o077 == 0


def test_a_branch_that_gets_worse_than_it_was_fails_its_contact_rule(warehouse):
    warehouse.execute(
        """
        create schema golden;
        create table golden.int_integrity_results (
            source varchar, table_name varchar, rule varchar, dimension varchar, checked bigint, failed bigint
        );
        create table golden.int_contact_quality (
            source varchar, table_name varchar, rule varchar, dimension varchar, scope varchar,
            scope_value varchar, checked bigint, failed bigint, affected_customers bigint,
            margin_at_risk_amount decimal(18, 4)
        );
        """
    )
    for days in range(8, 0, -1):
        write_results(warehouse, "inside", AS_OF - timedelta(days), [result(failed=30 + days % 3)])
    for failed, passed in ((32, True), (60, False), (5, True)):
        warehouse.execute("delete from golden.int_contact_quality")
        warehouse.execute(
            "insert into golden.int_contact_quality values ('shop', 'loyalty', 'email_usable', "
            f"'completeness', 'branch', '17', 100, {failed}, 20, 212000)"
        )
        (found,) = inside_results(warehouse, AS_OF, History())
        assert found.passed is passed and "usually 31.0 %" in found.details
    write_results(warehouse, "inside", AS_OF, [found])
    assert read_results(warehouse, AS_OF, ("inside",)) == [found]
