"""What dbt measured between the borders: references between tables, and what contacts are worth.

The rules have their home in the models `int_integrity_results` and `int_contact_quality`; here their counts
become check results, so that they are kept over time with all others.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import duckdb

from expectations.results import CheckResult, create_check_result, quality_pct
from expectations.robust import share_deviation
from expectations.settings import History

_Key = tuple[str, str, str, str, str]
"""Source, table, rule, scope, scope value."""


def inside_results(
    connection: duckdb.DuckDBPyConnection, as_of: date, settings: History
) -> list[CheckResult]:
    """All warnings. A reference that leads nowhere fails its rule.

    A contact rule measures: no retailer has every address. It fails when clearly more records lack the value
    than in the earlier runs of the same table, branch or form.
    """
    results = []
    for source, table, rule, dimension, checked, failed in connection.execute(
        "select source, table_name, rule, dimension, checked, failed from golden.int_integrity_results "
        "order by all"
    ).fetchall():
        details = f"{failed:,} of {checked:,} fail"
        pct = quality_pct(checked, failed)
        results.append(
            CheckResult(source, table, rule, "warn", checked, failed, pct, failed == 0, details, dimension)
        )
    history = _earlier_shares(connection, as_of, settings.history_loads)
    for row in connection.execute(
        "select source, table_name, rule, scope, scope_value, dimension, checked, failed, "
        "affected_customers, margin_at_risk_amount from golden.int_contact_quality order by all"
    ).fetchall():
        source, table, rule, scope, value, dimension, checked, failed, customers, margin = row
        details = f"{failed:,} of {checked:,} records, {customers:,} customers"
        shares = history[(source, table, rule, scope, value)]
        passed = True
        if len(shares) >= settings.minimum_loads:
            usual = share_deviation(shares, failed, checked)
            details += f"; usually {100 * usual.median:.1f} %"
            passed = usual.score <= settings.threshold
        results.append(
            CheckResult(
                source, table, rule, "warn", checked, failed, quality_pct(checked, failed), passed, details,
                dimension, scope, value, customers, margin,
            )
        )  # fmt: skip
    return results


def _earlier_shares(
    connection: duckdb.DuckDBPyConnection, as_of: date, runs: int
) -> defaultdict[_Key, list[float]]:
    """Failed shares of the last `runs` earlier runs, per rule and part."""
    create_check_result(connection)
    rows = connection.execute(
        """
        select source, table_name, rule, scope, scope_value, failed / checked
        from quality.check_result
        where border = 'inside' and run_id < ? and checked > 0
            and run_id in (select distinct run_id from quality.check_result order by 1 desc limit ?)
        order by run_id
        """,
        [as_of.isoformat(), runs],
    ).fetchall()
    found: defaultdict[_Key, list[float]] = defaultdict(list)
    for *key, share in rows:
        found[tuple(key)].append(share)
    return found
