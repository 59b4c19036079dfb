"""Data quality: what came in, how it compares with earlier loads, what dbt measured inside, what goes out.

Results are one table, `quality.check_result`; each checked table shows them as its asset checks, and a report
is written of them in every run, whether it may publish or not.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from dagster_project.defs.ingest import raw_key
from dagster_project.freshness import BY_MORNING
from dagster_project.metadata import markdown_table
from dagster_project.progress import say
from dagster_project.resources import Retailer
from ingestion.contracts import catalogue
from stammkunde.warehouse import open_warehouse

CUSTOMER = dg.AssetKey(["marts", "customer"])
RESULTS = dg.AssetKey(["quality", "check_result"])
RAW_TABLES = {table.raw_name: table for tables in catalogue().values() for table in tables.values()}
CHECK, HISTORY_CHECK = "expectations", "as_usual"
INSIDE = [dg.AssetKey(["golden", name]) for name in ("int_integrity_results", "int_contact_quality")]


@dg.asset(
    key=RESULTS,
    group_name="quality",
    description="One row per rule that was checked, per table or part of it and run.",
    deps=[CUSTOMER, *INSIDE, *(raw_key(t) for t in RAW_TABLES.values())],
    kinds={"python", "greatexpectations"},
    owners=["team:data-engineering"],
    freshness_policy=BY_MORNING,
    pool="warehouse",
)
def check_result(context: dg.AssetExecutionContext, retailer: Retailer) -> dg.MaterializeResult:
    """Checks every border."""
    from expectations.results import BORDERS
    from expectations.run import check
    from expectations.settings import read_quality_settings

    as_of = retailer.as_of(context.run, context.instance)
    settings = read_quality_settings()
    results = []
    with open_warehouse(retailer.home.warehouse) as connection:
        for border in BORDERS:
            results += check(connection, border, as_of, settings=settings)
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
                ("severity", "source", "table", "part", "rule", "failed", "checked"),
                [
                    (r.severity, r.source, r.table_name, r.scope_value, r.rule, r.failed, r.checked)
                    for r in failed
                ],
            ),
        }
    )


_CHECKED = {**{name: raw_key(t) for name, t in RAW_TABLES.items()}, "marts__customer": CUSTOMER}


@dg.multi_asset_check(
    name="expectations_by_table",
    specs=[
        dg.AssetCheckSpec(name, asset=key, additional_deps=[RESULTS], description=description)
        for key in _CHECKED.values()
        for name, description in (
            (CHECK, "Rules on the table: Great Expectations, contract, references, contacts"),
            (HISTORY_CHECK, "The newest load beside the loads before it: rows, gaps, codes, punctuality"),
        )
        if not (name == HISTORY_CHECK and key == CUSTOMER)
    ],
    can_subset=True,
    pool="warehouse",
)
def expectations_by_table(context: dg.AssetCheckExecutionContext, retailer: Retailer) -> Iterator[Any]:
    """Shows the stored results on the tables they speak of."""
    as_of = retailer.as_of(context.run, context.instance)
    with open_warehouse(retailer.home.warehouse) as connection:
        rows = connection.execute(
            "select source, table_name, rule, severity, failed, checked, passed, details, border = 'history'"
            " from quality.check_result where run_id = ? order by all",
            [as_of.isoformat()],
        ).fetchall()
    for selected in sorted(context.selected_asset_check_keys, key=str):
        name = next(name for name, key in _CHECKED.items() if key == selected.asset_key)
        of_history = selected.name == HISTORY_CHECK
        mine = [r for r in rows if f"{r[0]}__{r[1]}" == name and r[8] == of_history]
        broken = [r for r in mine if not r[6]]
        blocks = any(r[3] == "error" for r in broken)
        yield dg.AssetCheckResult(
            check_name=selected.name,
            asset_key=selected.asset_key,
            passed=not broken,
            severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
            metadata={
                "rules": len(mine),
                "failed": markdown_table(
                    ("rule", "failed", "checked", "details"), [(r[2], r[4], r[5], r[7]) for r in broken]
                ),
            },
        )


@dg.asset(
    key=["quality", "report"],
    group_name="quality",
    description="The data quality report: one HTML page that needs no server, archived per run.",
    deps=[RESULTS],
    kinds={"html"},
    owners=["team:data-engineering"],
    freshness_policy=BY_MORNING,
    pool="warehouse",
)
def report(context: dg.AssetExecutionContext, retailer: Retailer) -> dg.MaterializeResult:
    """Writes the report of this run."""
    from expectations.report import archive, render
    from expectations.settings import read_quality_settings

    as_of = retailer.as_of(context.run, context.instance)
    with open_warehouse(retailer.home.warehouse) as connection:
        page = render(connection, as_of, retailer.config.company.name, retailer.config.company.currency)
    path = archive(page, retailer.home.reports, as_of, read_quality_settings().reports.keep)
    say(f"report: {path}")
    return dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(str(path))})


assets = [check_result, report]
checks = [expectations_by_table]
