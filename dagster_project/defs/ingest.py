"""One step per source: read it, land it, show it as raw tables.

Belongs here: which raw tables exist as assets and what the run reports about them. How a source is read is
`ingestion/`'s business.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from dagster_project.freshness import BY_MORNING
from dagster_project.progress import reporter
from dagster_project.resources import FULL_TAG, Retailer
from ingestion.contracts import Table, catalogue
from ingestion.extract import SourceUnavailable
from ingestion.state import TableCounts
from stammkunde.warehouse import open_warehouse

KINDS = {"shop": "csv", "branch": "postgres", "webshop": "api", "leads": "json", "touchpoints": "json"}
CHECK = "read_is_loaded_plus_quarantined"
RETRIES, PAUSE_SECONDS = 2, 5


def raw_key(table: Table) -> dg.AssetKey:
    """Asset key of a contract's raw table."""
    return dg.AssetKey(["raw", table.raw_name])


def _asset_for(source: str, tables: dict[str, Table]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=f"ingest_{source}",
        description=f"Reads the source {source}, types every row by its contract and lands it as Parquet.",
        specs=[
            dg.AssetSpec(
                raw_key(table),
                group_name="raw",
                description=f"{table.description}. Every version of every row, as the source said it.",
                kinds={KINDS[source], "parquet"},
                owners=["team:data-engineering"],
                freshness_policy=BY_MORNING,
            )
            for table in tables.values()
        ],
        check_specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=raw_key(table),
                blocking=True,
                description="Every row that was read is either loaded or in quarantine.",
            )
            for table in tables.values()
        ],
        pool="warehouse",
    )
    def ingest_source(context: dg.AssetExecutionContext, retailer: Retailer) -> Iterator[Any]:
        from ingestion.raw import register_raw
        from ingestion.run import ingest

        report = reporter(context.log.info)
        try:
            result = ingest(
                source,
                retailer.config,
                retailer.home,
                retailer.as_of(context.run, context.instance),
                report,
                full=context.run.tags.get(FULL_TAG) == "true",
            )
        except SourceUnavailable as error:
            # The reader has tried again already; this is for a source that restarts right now.
            report(f"{source}: {error}")
            raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=PAUSE_SECONDS) from error
        with open_warehouse(retailer.home.warehouse) as connection:
            register_raw(connection, retailer.home)
        for name, table in tables.items():
            counts = result.tables.get(name, TableCounts())
            yield dg.MaterializeResult(
                asset_key=raw_key(table),
                metadata={
                    "dagster/row_count": counts.rows_loaded,
                    "rows_read": counts.rows_read,
                    "rows_quarantined": counts.rows_quarantined,
                    "rows_seen_again": counts.seen_again,
                    "files_read": counts.files_read,
                    "files_refused": counts.files_refused,
                    "load_id": result.load_id or "nothing new",
                    "notices": dg.MetadataValue.md("\n".join(f"- {n}" for n in result.notices) or "none"),
                },
                check_results=[
                    dg.AssetCheckResult(
                        check_name=CHECK,
                        asset_key=raw_key(table),
                        passed=counts.rows_read == counts.rows_loaded + counts.rows_quarantined,
                        metadata={
                            "read": counts.rows_read,
                            "loaded": counts.rows_loaded,
                            "quarantined": counts.rows_quarantined,
                        },
                    )
                ],
            )

    return ingest_source


assets = [_asset_for(source, tables) for source, tables in catalogue().items()]
