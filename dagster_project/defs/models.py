"""What the models say: Python steps between the stretches of dbt."""

import importlib

import dagster as dg

from dagster_project.metadata import markdown_table
from dagster_project.progress import reporter
from dagster_project.resources import Retailer
from stammkunde.warehouse import open_warehouse

OWNERS = ["team:data-science"]


MODELS = {
    # module: (table, what it reads, what it says)
    "clv": (
        "customer_clv",
        ("customer_purchase_day",),
        "Margin expected from each customer, with an interval.",
    ),
    "churn": ("customer_churn", ("customer_features", "customer_purchase_day"), "Probability to stay away."),
    "segments": (
        "customer_segment",
        (
            "customer_features",
            "customer_purchase_day",
            "customer_product",
            "ml/customer_clv",
            "ml/customer_churn",
        ),
        "Value class, stage, strategy, RFM and needs segments.",
    ),
    "leads": (
        "lead_score",
        ("lead_features",),
        "How likely a lead buys, from what was known then.",
    ),
    "measures": (
        "campaign_effect",
        ("customer_purchase_day", "ml/customer_segment"),
        "What campaigns brought against their hold-outs.",
    ),
    "recommend": ("recommendation", ("customer_product",), "What to buy again, what to discover."),
}


def _model_asset(module: str, table: str, reads: tuple[str, ...], description: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=["ml", table],
        group_name="ml",
        description=description,
        deps=[dg.AssetKey(name.split("/") if "/" in name else ["features", name]) for name in reads],
        kinds={"python", "scikitlearn"},
        owners=OWNERS,
        pool="warehouse",
    )
    def score(context: dg.AssetExecutionContext, retailer: Retailer) -> dg.MaterializeResult:
        run = importlib.import_module(f"ml.{module}.score").run
        as_of = retailer.as_of(context.run, context.instance)
        with open_warehouse(retailer.home.warehouse) as connection:
            result = run(connection, retailer.config, as_of, retailer.home.models)
        report = reporter(context.log.info)
        report(f"{module}: {result.rows:,} rows by {result.model_version}")
        for warning in result.warnings:
            report(f"{module}: {warning}")
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": result.rows,
                "as_of": as_of.isoformat(),
                "model_version": result.model_version,
                "fell_back": result.used_fallback,
                "warnings": dg.MetadataValue.md("\n".join(f"- {w}" for w in result.warnings) or "none"),
                **{name: dg.MetadataValue.float(value) for name, value in sorted(result.metrics.items())},
            }
        )

    return score


scores = [_model_asset(module, *facts) for module, facts in MODELS.items()]


@dg.asset(
    key=["ml", "model_report"],
    group_name="ml",
    description="Every model's figures on data it has not seen, each beside a naive baseline.",
    deps=[dg.AssetKey(["ml", table]) for table, _, _ in MODELS.values()],
    kinds={"python"},
    owners=OWNERS,
    pool="warehouse",
)
def model_report(context: dg.AssetExecutionContext, retailer: Retailer) -> dg.MaterializeResult:
    """Shows what the models reported."""
    as_of = retailer.as_of(context.run, context.instance)
    with open_warehouse(retailer.home.warehouse) as connection:
        rows = connection.execute(
            """
            select model, metric, round(value, 4), baseline_name, round(baseline_value, 4), split, passed
            from ml.model_report
            where as_of_date = ?
            order by all
            """,
            [as_of],
        ).fetchall()
    header = ("model", "metric", "value", "baseline", "baseline's value", "split", "passed")
    return dg.MaterializeResult(
        metadata={"dagster/row_count": len(rows), "preview": markdown_table(header, rows)}
    )


assets = [*scores, model_report]
