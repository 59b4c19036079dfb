"""Publication and exports: the only steps that other people's tools see."""

from datetime import UTC, date, datetime

import dagster as dg

from dagster_project.activation import apply_rows
from dagster_project.dbt_manifest import read_manifest
from dagster_project.freshness import BY_MORNING
from dagster_project.metadata import markdown_table
from dagster_project.progress import say
from dagster_project.resources import Retailer
from dagster_project.state import fingerprint, remember_build
from exports.sync import Sync, load_syncs
from stammkunde.warehouse import open_warehouse

PUBLISHED = dg.AssetKey(["published", "stammkunde"])


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
    freshness_policy=BY_MORNING,
    pool="warehouse",
)
def published(context: dg.AssetExecutionContext, retailer: Retailer) -> dg.MaterializeResult:
    """Publishes the marts unless a blocking check failed, and their pseudonymised copy."""
    from expectations.run import blocking_failures, read_results
    from privacy.key import Key
    from privacy.pseudonyms import refresh_pseudonymised
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
    refresh_pseudonymised(home, Key.from_environment(home))
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


def lineage_of(sync: Sync) -> dg.TableColumnLineage:
    """Which column of which mart each field of the destination comes from."""
    mart = dg.AssetKey(["marts", sync.model])
    return dg.TableColumnLineage(
        {
            field: [dg.TableColumnDep(asset_key=mart, column_name=column)]
            for column, field in sync.fields.items()
        }
    )


def sync_asset(sync: Sync) -> dg.AssetsDefinition:
    """The asset of one sync, behind the consent gate."""

    @dg.asset(
        key=["exports", sync.name],
        group_name="exports",
        description=sync.description or f"The sync exports/syncs/{sync.name}.yml.",
        deps=[PUBLISHED, dg.AssetKey(["marts", sync.model]), dg.AssetKey(["marts", "consent"])],
        kinds={str(kind) for kind in sync.file.formats} if sync.is_file else {"sync"},
        owners=["team:marketing"],
        metadata={
            "dagster/column_lineage": lineage_of(sync),
            "exposure": sync.exposure,
            "destination": "files" if sync.is_file else str(sync.destination),
            "mode": sync.mode,
        },
    )
    def materialise(context: dg.AssetExecutionContext, retailer: Retailer) -> dg.MaterializeResult:
        as_of = retailer.as_of(context.run, context.instance)
        return _export_files(sync, retailer, as_of) if sync.is_file else _export_rows(sync, retailer, as_of)

    return materialise


def _export_files(sync: Sync, retailer: Retailer, as_of: date) -> dg.MaterializeResult:
    from exports.run import export

    result = export(sync, retailer.home, as_of)
    held_back = {reason: count for reason, count in result.excluded.items() if count}
    say(f"export: {sync.name}: {result.rows_exported:,} rows, {sum(held_back.values()):,} held back")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": result.rows_exported,
            "held_back": dg.MetadataValue.json(held_back),
            "path": dg.MetadataValue.path(str(result.path)),
        }
    )


def _export_rows(sync: Sync, retailer: Retailer, as_of: date) -> dg.MaterializeResult:
    result = apply_rows(
        sync, retailer.home, as_of, lambda: datetime.now(UTC), lambda progress: say(f"export: {progress}")
    )
    sent = sum(result.sent.values())
    say(f"export: {sync.name}: {sent:,} sent, {result.rejected:,} rejected, "
        f"{result.plan.unchanged:,} unchanged")  # fmt: skip
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": result.plan.selected,
            "sent": dg.MetadataValue.json(result.sent),
            "rejected": result.rejected,
            "held_back": dg.MetadataValue.json(result.plan.excluded),
            "opt_outs_taken_over": result.opt_outs_pulled,
            "plan": markdown_table(("operation and reason", "rows"), sorted(result.plan.counts.items())),
        }
    )


SYNCS = load_syncs()
assets = [published, *(sync_asset(sync) for sync in SYNCS.values())]
