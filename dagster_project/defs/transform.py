"""dbt models as assets, in the three stretches between which Python works: identity and models.

Which stretch a model belongs to follows from what it reads, not from a list of names.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from dagster_project.dbt_manifest import StammkundeTranslator, dbt_project, ensure_manifest
from dagster_project.dbt_process import Dbt
from dagster_project.progress import enabled, say
from dagster_project.resources import Retailer, dbt_vars

AFTER_IDENTITY = "source:identity+"
AFTER_MODELS = "source:ml+ source:quality+"

_project = dbt_project()
_common: dict[str, Any] = {
    "manifest": ensure_manifest(),
    "project": _project,
    "dagster_dbt_translator": StammkundeTranslator(),
}


def _quiet(log: Path) -> AbstractContextManager[Any]:
    """At the terminal dbt's hundreds of lines go to a file; the UI keeps them as the step's output."""
    return redirect_stdout(log.open("a", encoding="utf-8")) if enabled() else nullcontext()


def _build(context: dg.AssetExecutionContext, dbt: Dbt, retailer: Retailer, title: str) -> Iterator[Any]:
    """Runs `dbt build` on the context's selection. Unit tests are for `make test`, not for every night."""
    as_of = retailer.as_of(context.run, context.instance)
    arguments = ["build", "--vars", dbt_vars(retailer.config, as_of), "--exclude-resource-type", "unit_test"]
    say(f"dbt: {title} …")
    models = checks = failed = 0
    invocation = dbt.cli(arguments, context=context, target_path=retailer.home.root / "dbt_target")
    with _quiet(retailer.home.logs / "dbt.log"):
        for event in invocation.stream():
            if isinstance(event, dg.AssetCheckResult):
                checks += 1
                failed += not event.passed
                if not event.passed:
                    table = event.asset_key.path[-1] if event.asset_key else "?"
                    say(f"dbt: check failed: {event.check_name} on {table}")
            else:
                models += 1
            yield event
    say(f"dbt: {title}: {models} models built, {checks} checks, {failed} failed")


@dbt_assets(**_common, exclude=f"{AFTER_IDENTITY} {AFTER_MODELS}", name="dbt_staging_and_identity")
def staging_and_identity(context: dg.AssetExecutionContext, dbt: Dbt, retailer: Retailer) -> Iterator[Any]:
    """Staging of every source and the evidence about who is who."""
    yield from _build(context, dbt, retailer, "staging and identity")


@dbt_assets(**_common, select=AFTER_IDENTITY, exclude=AFTER_MODELS, name="dbt_golden_and_features")
def golden_and_features(context: dg.AssetExecutionContext, dbt: Dbt, retailer: Retailer) -> Iterator[Any]:
    """Golden records, sales with their customers, features, and the marts that need no model."""
    yield from _build(context, dbt, retailer, "golden records, sales and features")


@dbt_assets(**_common, select=AFTER_MODELS, name="dbt_scores_and_quality")
def scores_and_quality(context: dg.AssetExecutionContext, dbt: Dbt, retailer: Retailer) -> Iterator[Any]:
    """Marts of the scores, data quality and the 360 degree view."""
    yield from _build(context, dbt, retailer, "scores, data quality and the 360 degree view")
