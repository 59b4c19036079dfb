"""When things run: jobs by stage, a daily schedule, sensors on the drop folders."""

import hashlib
from pathlib import Path

import dagster as dg

from dagster_project.defs.activate import SYNCS
from dagster_project.defs.quality import expectations_by_table
from dagster_project.freshness import NIGHTLY_RUN, TIMEZONE
from dagster_project.resources import Retailer

EXPECTATIONS = dg.AssetSelection.checks(expectations_by_table)
INGEST = dg.AssetSelection.groups("raw") - EXPECTATIONS
ACTIVATE = dg.AssetSelection.groups("exports")
PUBLISH = dg.AssetSelection.groups("publish")

full = dg.define_asset_job("full", selection="*", description="Everything, once.")
ingest = dg.define_asset_job("ingest", selection=INGEST, description="Reads all sources.")
build = dg.define_asset_job(
    "build",
    selection=(dg.AssetSelection.all() - INGEST - ACTIVATE) | EXPECTATIONS,
    description="From raw tables to the published database.",
)
identity = dg.define_asset_job(
    "identity",
    selection=dg.AssetSelection.groups("staging", "identity"),
    description="Who is who.",
)
score = dg.define_asset_job(
    "score", selection=dg.AssetSelection.groups("ml"), description="Retrains and scores."
)
activate = dg.define_asset_job(
    "activate", selection=ACTIVATE, description="Exports from the published database."
)
daily = dg.define_asset_job("daily", selection="*", description="The nightly run: only what is new is read.")

SCHEDULED = {name: sync for name, sync in SYNCS.items() if sync.schedule}
sync_jobs = {
    name: dg.define_asset_job(
        f"sync_{name}", selection=dg.AssetSelection.assets(["exports", name]), description=f"The sync {name}."
    )
    for name in SCHEDULED
}

jobs = [full, daily, ingest, build, identity, score, activate, *sync_jobs.values()]

daily_schedule = dg.ScheduleDefinition(
    name="every_night",
    job=daily,
    cron_schedule=NIGHTLY_RUN,
    execution_timezone=TIMEZONE,
    description="Runs the daily job at three in the morning.",
)


def drop_folders(retailer: Retailer) -> dict[str, Path]:
    """The folders that people and machines put files into."""
    sources = retailer.config.sources
    folders: dict[str, Path | None] = {
        "dsfinvk": sources.shop.dsfinvk if sources.shop else None,
        "loyalty": sources.shop.loyalty if sources.shop else None,
        "leads": sources.leads.path if sources.leads else None,
        "touchpoints": sources.touchpoints.path if sources.touchpoints else None,
    }
    return {name: path for name, path in folders.items() if path is not None and path.is_dir()}


def listing_fingerprint(folders: dict[str, Path]) -> str:
    """Changes when a file appears, goes or changes. Looks at names, sizes and times, reads no content."""
    digest = hashlib.sha256()
    for name, folder in sorted(folders.items()):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                status = path.stat()
                digest.update(
                    f"{name}/{path.relative_to(folder)}|{status.st_size}|{status.st_mtime_ns}\n".encode()
                )
    return digest.hexdigest()


@dg.sensor(
    job=daily, minimum_interval_seconds=60, description="Runs when files in a drop folder have changed."
)
def new_files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One run per change of the folders' listing."""
    # Not as a resource of the sensor: that would take the run lock for every look at the folders.
    seen = listing_fingerprint(drop_folders(Retailer()))
    if context.cursor == seen:
        return dg.SkipReason("no file has come, gone or changed")
    if context.cursor is None:
        # The first look only learns what is there; the nightly run or the user loads it.
        return dg.SensorResult(cursor=seen, skip_reason="remembered what the folders hold")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=seen)], cursor=seen)


sync_schedules = [
    dg.ScheduleDefinition(
        name=f"sync_{name}_on_time",
        job=sync_jobs[name],
        cron_schedule=str(sync.schedule),
        execution_timezone="Europe/Berlin",
        description=f"Runs the sync {name} as its file says.",
    )
    for name, sync in SCHEDULED.items()
]

schedules = [daily_schedule, *sync_schedules]
sensors = [new_files]
