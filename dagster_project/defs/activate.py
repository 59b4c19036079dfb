"""Publication and exports: the only steps that other people's tools see."""

import json

import dagster as dg

from dagster_project.dbt_manifest import read_manifest
from dagster_project.metadata import markdown_table
from dagster_project.progress import say
from dagster_project.resources import Retailer
from dagster_project.state import fingerprint, remember_build
from stammkunde.warehouse import open_warehouse

PUBLISHED = dg.AssetKey(["published", "stammkunde"])
SYNC = "consented_customers"


def mart_keys() -> list[dg.AssetKey]:
    """Asset keys of every mart, from dbt's manifest."""
    return sorted(
        dg.AssetKey([node["schema"], node["name"]])
        for node in read_manifest()["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == "marts"
    )


@dg.asset(
    key=PUBLISHED,
    group_name="publish",
    description="What analysts read: a copy of the marts, replaced in one step, old versions kept.",
    deps=[*mart_keys(), dg.AssetKey(["quality", "check_result"])],
    kinds={"duckdb"},
    owners=["team:data-engineering"],
    pool="warehouse",
)
def published(context: dg.AssetExecutionContext, retailer: Retailer) -> dg.MaterializeResult:
    """Publishes the marts unless a blocking check failed."""
    from expectations.run import blocking_failures, read_results
    from stammkunde.publish import publish

    home, config = retailer.home, retailer.config
    as_of = retailer.as_of(context.run, context.instance)
    with open_warehouse(home.warehouse) as connection:
        blocking = blocking_failures(read_results(connection, as_of))
    made_from = fingerprint(home, config, as_of)
    publication = publish(
        home.warehouse,
        home,
        as_of,
        keep=config.publish.keep_versions,
        fingerprint=made_from,
        blocking_failures=blocking,
    )
    remember_build(home, made_from, publication.version)
    rows = publication.rows
    say(f"publish: {publication.version}: {len(rows)} tables, {rows.get('customer', 0):,} customers")
    return dg.MaterializeResult(
        metadata={
            "version": publication.version,
            "path": dg.MetadataValue.path(str(home.published_database)),
            "rows": markdown_table(("table", "rows"), sorted(rows.items())),
        }
    )


@dg.asset(
    key=["exports", SYNC],
    group_name="exports",
    description="Customers who agreed to marketing by e-mail, as CSV and Parquet with a manifest.",
    deps=[PUBLISHED],
    kinds={"csv", "parquet"},
    owners=["team:marketing"],
)
def consented_customers(context: dg.AssetExecutionContext, retailer: Retailer) -> dg.MaterializeResult:
    """The first sync: a file export behind the consent gate."""
    from exports.run import export

    result = export(SYNC, retailer.home, retailer.as_of(context.run, context.instance))
    say(f"export: {SYNC}: {result.rows_exported:,} rows, "
        f"{sum(result.excluded.values()):,} held back for lack of consent")  # fmt: skip
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": result.rows_exported,
            "held_back": dg.MetadataValue.json(json.loads(json.dumps(result.excluded))),
            "path": dg.MetadataValue.path(str(result.path)),
        }
    )


assets = [published, consented_customers]
