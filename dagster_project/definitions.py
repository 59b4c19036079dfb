"""All definitions, and the policy that holds for every one of them: one process, one writer."""

from __future__ import annotations

import dagster as dg

from dagster_project.environments import apply_defaults
from stammkunde.home import Home

apply_defaults(Home.from_environment())

from dagster_project.defs import activate, automation, golden, identity, ingest, models, quality, transform  # noqa: E402
from dagster_project.resources import Retailer, dbt_resource  # noqa: E402

defs = dg.Definitions(
    assets=[
        *ingest.assets,
        transform.staging_and_identity,
        transform.golden_and_features,
        transform.scores_and_quality,
        *identity.assets,
        *models.assets,
        *golden.assets,
        *quality.assets,
        *activate.assets,
    ],
    asset_checks=quality.checks,
    jobs=automation.jobs,
    schedules=automation.schedules,
    sensors=automation.sensors,
    resources={"retailer": Retailer(), "dbt": dbt_resource()},
    # A process per step costs more than the steps, and DuckDB would refuse the second writer.
    executor=dg.in_process_executor,
)
