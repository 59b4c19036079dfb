"""Up to five products to buy again and five to discover per customer as of a day: `ml.recommendation`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from ml import registry
from ml.data import relation_exists, single_threaded
from ml.recommend import candidates
from ml.recommend.backtest import MIN_CUSTOMERS, Outcome, run_backtest
from ml.report import ModelResult, fallback_rows, metrics_of, report_table
from ml.tables import replace_scores
from stammkunde.config import Config

MODEL = "recommend"
TOP = 5


def run(
    connection: duckdb.DuckDBPyConnection,
    config: Config,  # noqa: ARG001 - every model has the same signature
    as_of: date,
    models_directory: Path,
) -> ModelResult:
    """Recommends by own decayed counts and by item cosine, or popularity where cosine has not proved better.

    What loses to popularity in the last four weeks is not published.
    """
    warnings: list[str] = []
    known = relation_exists(connection, "features", "customer_product") and _has_rows(connection, as_of)
    with single_threaded():
        outcome = run_backtest(connection, as_of) if known else Outcome(None, None, [])
        tables, kinds = _recommendations(connection, as_of, outcome, warnings) if known else ([], ["none"])
    if not known:
        warnings.append(f"No identified customer bought a product before {as_of}: nothing is recommended.")
    artefact = registry.Artefact(
        model=MODEL,
        kind="+".join(kinds),
        as_of=as_of,
        parameters={
            "half_life_days": candidates.HALF_LIFE_DAYS,
            "popular_days": candidates.POPULAR_DAYS,
            "min_buyers": candidates.MIN_BUYERS,
            "max_products": candidates.MAX_PRODUCTS,
            "neighbours": candidates.NEIGHBOURS,
        },
        data_window=f"purchases before {as_of}",
        metrics=metrics_of(outcome.rows),
    )
    registry.save(artefact, models_directory)
    scores = None
    if tables:
        rows = pa.concat_tables(tables)
        scores = rows.append_column(
            "as_of_date", pa.array([as_of] * rows.num_rows, pa.date32())
        ).append_column("model_version", pa.array([artefact.version] * rows.num_rows, pa.string()))
    report = report_table(MODEL, artefact.version, as_of, outcome.rows + fallback_rows(warnings))
    written = replace_scores(connection, as_of, MODEL, "recommendation", scores, report)
    return ModelResult(
        MODEL,
        artefact.version,
        as_of,
        written,
        "item-cosine" not in kinds,
        tuple(warnings),
        metrics_of(outcome.rows),
    )


def _recommendations(
    connection: duckdb.DuckDBPyConnection, as_of: date, outcome: Outcome, warnings: list[str]
) -> tuple[list[pa.Table], list[str]]:
    tables, kinds = [], []
    if outcome.buy_again is False:
        warnings.append(
            "Customers' own counts foretell their next purchases worse than popularity does: no buy_again."
        )
    else:
        tables.append(_of_kind(candidates.buy_again(connection, as_of, TOP), "buy_again"))
        kinds.append("own-counts")
    if outcome.discover:
        tables.append(_of_kind(candidates.discover(connection, as_of, TOP), "discover"))
        kinds.append("item-cosine")
    else:
        warnings.append(
            "Item cosine finds fewer new products than popularity does: the most popular ones are offered."
            if outcome.discover is False
            else f"Fewer than {MIN_CUSTOMERS} customers bought something new in the last four weeks, so "
            "nothing can be proved: the most popular products are offered to discover."
        )
        tables.append(_of_kind(candidates.popular_new(connection, as_of, TOP), "discover"))
        kinds.append("popularity")
    return tables, kinds


def _of_kind(table: pa.Table, kind: str) -> pa.Table:
    columns = table.select(["customer_id", "product_no", "recommendation_rank", "score"])
    return columns.append_column("kind", pa.array([kind] * table.num_rows, pa.string()))


def _has_rows(connection: duckdb.DuckDBPyConnection, as_of: date) -> bool:
    row = connection.execute(
        "select count(*) from features.customer_product where purchase_date < ?", [as_of]
    ).fetchone()
    return bool(row and row[0])
