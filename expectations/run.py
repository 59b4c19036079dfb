"""Runs the checks of one border and keeps their results in `quality.check_result`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import duckdb

from expectations.contract import contract_results
from expectations.engine import Checker, read_frames, select_list
from expectations.history import history_results
from expectations.identity import reissue_results
from expectations.inside import inside_results
from expectations.profile import CUSTOMER_PROFILE_QUERY, loaded_tables, raw_profile_query
from expectations.results import MARTS, Border, CheckResult, blocking_failures, read_results, write_results
from expectations.settings import QualitySettings
from expectations.suites import customer, raw
from ingestion.contracts import catalogue
from stammkunde.errors import UserError

__all__ = ["CheckResult", "blocking_failures", "check", "contract_results", "read_results"]


def check(
    connection: duckdb.DuckDBPyConnection,
    border: Border,
    as_of: date,
    say: Callable[[str], None] = lambda text: None,
    settings: QualitySettings | None = None,
) -> list[CheckResult]:
    """Checks a border: `raw` (what came in, with ingestion's verdict on it), `history` (the newest loads
    beside those before them), `inside` (what dbt measured) or `customer` (`marts.customer`).

    Replaces the results of the border and this `as_of` in `quality.check_result` and returns them, sorted by
    source, table and rule. A table that no source delivers is skipped, with a passed result that says so.
    Raises UserError when the tables of the border do not exist.
    """
    settings = settings or QualitySettings()
    try:
        match border:
            case "raw":
                results = _check_raw(connection, as_of, say, settings)
            case "history":
                results = history_results(connection, as_of, settings.history, say)
            case "inside":
                results = inside_results(connection, as_of, settings.history)
            case "customer":
                results = _check_customer(connection, as_of, say)
    except duckdb.CatalogException as error:
        raise UserError(f"The {border} border cannot be checked yet: {str(error).splitlines()[0]}") from error
    results = settings.with_severities(results)
    results.sort(key=lambda r: (r.source, r.table_name, r.rule, r.scope, r.scope_value))
    write_results(connection, border, as_of, results)
    return results


def _check_raw(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    say: Callable[[str], None],
    settings: QualitySettings,
) -> list[CheckResult]:
    results = contract_results(connection, as_of, settings.contract) + reissue_results(connection, as_of)
    loaded = loaded_tables(connection)
    contracts = catalogue()
    checker = Checker()
    for spec in raw.TABLE_CHECKS:
        if (spec.source, spec.table) not in loaded:
            results.append(_skipped(spec.source, spec.table))
            continue
        say(f"checking {spec.source}.{spec.table}")
        table = contracts[spec.source][spec.table]
        profile = read_frames(connection, raw_profile_query(table))
        results += checker.check(spec.source, spec.table, profile, raw.keys())
        name = f"raw.{table.raw_name}"
        newest = f"(select max(_load_id) from {name})"
        query = f"select {select_list(spec.columns)} from {name} where _load_id = {newest}"
        values = read_frames(connection, query)
        results += checker.check(spec.source, spec.table, values, spec.suite(as_of))
    return results


def _check_customer(
    connection: duckdb.DuckDBPyConnection, as_of: date, say: Callable[[str], None]
) -> list[CheckResult]:
    checker = Checker()
    say("checking marts.customer")
    profile = read_frames(connection, CUSTOMER_PROFILE_QUERY)
    results = checker.check(MARTS, "customer", profile, customer.consistency())
    values = read_frames(connection, f"select {select_list(customer.COLUMNS)} from marts.customer")
    return results + checker.check(MARTS, "customer", values, customer.values(as_of))


def _skipped(source: str, table: str) -> CheckResult:
    return CheckResult(
        source,
        table,
        "delivered",
        "warn",
        0,
        0,
        100.0,
        True,
        "no rows of this table yet: skipped",
        "completeness",
    )
