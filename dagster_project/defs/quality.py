"""Great Expectations at the two borders: what came in (raw) and what goes out (marts.customer).

Results are one table, `quality.check_result`; each checked table shows them as its asset check.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from dagster_project.defs.ingest import raw_key
from dagster_project.metadata import markdown_table
from dagster_project.progress import say
from dagster_project.resources import Retailer
from ingestion.contracts import catalogue
from stammkunde.warehouse import open_warehouse

CUSTOMER = dg.AssetKey(["marts", "customer"])
RESULTS = dg.AssetKey(["quality", "check_result"])
RAW_TABLES = {table.raw_name: table for tables in catalogue().values() for table in tables.values()}
CHECK = "expectations"


@dg.asset(
    key=RESULTS,
    group_name="quality",
    description="One row per rule that was checked at the raw border and on the golden customers, per run.",
    deps=[CUSTOMER, *(raw_key(t) for t in RAW_TABLES.values())],
    kinds={"python", "greatexpectations"},
    owners=["team:data-engineering"],
    pool="warehouse",
)
def check_result(context: dg.AssetExecutionContext, retailer: Retailer) -> dg.MaterializeResult:
    """Runs both borders' suites."""
    from expectations.run import check

    as_of = retailer.as_of(context.run, context.instance)
    with open_warehouse(retailer.home.warehouse) as connection:
        results = [*check(connection, "raw", as_of), *check(connection, "customer", as_of)]
    failed = [r for r in results if not r.passed]
    say(f"checks: {len(results)} rules checked, {len(failed)} failed")
    for result in failed:
        say(f"checks: {result.severity}: {result.source}.{result.table_name} {result.rule}: "
            f"{result.failed:,} of {result.checked:,}")  # fmt: skip
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(results),
            "rules_failed": len(failed),
            "failed": markdown_table(
                ("severity", "source", "table", "rule", "failed", "checked"),
                [(r.severity, r.source, r.table_name, r.rule, r.failed, r.checked) for r in failed],
            ),
        }
    )


_CHECKED = {**{name: raw_key(t) for name, t in RAW_TABLES.items()}, "marts__customer": CUSTOMER}


@dg.multi_asset_check(
    name="expectations_by_table",
    specs=[
        dg.AssetCheckSpec(CHECK, asset=key, additional_deps=[RESULTS], description="Great Expectations suite")
        for key in _CHECKED.values()
    ],
    can_subset=True,
    pool="warehouse",
)
def expectations_by_table(context: dg.AssetCheckExecutionContext, retailer: Retailer) -> Iterator[Any]:
    """Shows the stored results on the tables they speak of."""
    as_of = retailer.as_of(context.run, context.instance)
    with open_warehouse(retailer.home.warehouse) as connection:
        rows = connection.execute(
            "select source, table_name, rule, severity, failed, checked, passed from quality.check_result"
            " where run_id = ? order by all",
            [as_of.isoformat()],
        ).fetchall()
    for name, key in _CHECKED.items():
        if dg.AssetCheckKey(key, CHECK) not in context.selected_asset_check_keys:
            continue
        mine = [r for r in rows if f"{r[0]}__{r[1]}" == name]
        broken = [r for r in mine if not r[6]]
        severity = (
            dg.AssetCheckSeverity.ERROR
            if any(r[3] == "error" for r in broken)
            else dg.AssetCheckSeverity.WARN
        )
        yield dg.AssetCheckResult(
            check_name=CHECK,
            asset_key=key,
            passed=not broken,
            severity=severity,
            metadata={
                "rules": len(mine),
                "failed": markdown_table(("rule", "failed", "checked"), [(r[2], r[4], r[5]) for r in broken]),
            },
        )


assets = [check_result]
checks = [expectations_by_table]
