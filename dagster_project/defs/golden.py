"""What stewards say of golden records: their corrections, brought to the customers of today."""

from typing import Any

import dagster as dg

from dagster_project.progress import say
from dagster_project.resources import Retailer
from stammkunde.warehouse import open_warehouse


@dg.asset(
    key=["golden", "correction"],
    group_name="golden",
    description="Corrections of stewards (corrections.jsonl) with the customer each belongs to now.",
    deps=[dg.AssetKey(["identity", "identity_assignment"])],
    kinds={"python", "duckdb"},
    owners=["team:data-engineering"],
    pool="warehouse",
)
def correction(retailer: Retailer) -> dg.MaterializeResult[Any]:
    """Reads the file of corrections."""
    from stammkunde.golden.corrections import write_corrections

    with open_warehouse(retailer.home.warehouse) as connection:
        result = write_corrections(connection, retailer.home.corrections)
    facts = vars(result)
    if result.lines:
        say("corrections: " + ", ".join(f"{name} {value:,}" for name, value in facts.items()))
    return dg.MaterializeResult(metadata={"dagster/row_count": result.applied, **facts})


assets = [correction]
